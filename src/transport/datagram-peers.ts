import { DATAGRAM_PEERS_REMEMBERED } from '../model/limits.ts';
import { endpoint, hostText } from './address.ts';
import type { DatagramPeer } from './transport.ts';

/**
 * Remote ends seen lately, so that a known one costs a look-up and no new objects. Bounded by halves: when the recent half is full the other is
 * forgotten, and an end that comes back is simply made again.
 */
export class DatagramPeers {
  #recent = new Map<string, DatagramPeer>();
  #older = new Map<string, DatagramPeer>();
  #last: DatagramPeer | undefined;
  #lastAddress = '';

  /** @param address - as the kernel gives it, v4-mapped on a dual-stack socket. */
  of(address: string, port: number): DatagramPeer {
    const last = this.#last;
    if (last !== undefined && last.port === port && this.#lastAddress === address) return last;
    const key = `${port} ${address}`;
    const peer = this.#recent.get(key) ?? this.#remember(key, address, port);
    this.#last = peer;
    this.#lastAddress = address;
    return peer;
  }

  #remember(key: string, address: string, port: number): DatagramPeer {
    if (this.#recent.size >= DATAGRAM_PEERS_REMEMBERED / 2) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    const host = hostText(address);
    const peer = this.#older.get(key) ?? { address: endpoint(host, port), host, port };
    this.#recent.set(key, peer);
    return peer;
  }
}
