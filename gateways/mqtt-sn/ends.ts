// Where clients are: a remote end of one of the gateway's transports, or a node behind the forwarder there. All that connections know of transports.
import type { PeerAddress } from '../../src/model/client.ts';
import { SlotMap } from '../../src/model/slot-map.ts';
import type { DatagramPeer, DatagramTransport } from '../../src/transport/transport.ts';
import { encapsulate, encapsulationBytes, type NodeIds, nodeText } from './forwarder.ts';

export interface End {
  readonly transport: DatagramTransport;
  readonly peer: DatagramPeer;
  /** Wireless nodes on the way behind `peer`, its own first; none for a client that speaks for itself (§5.5). */
  readonly nodeIds: NodeIds;
  /** Equal text on the same transport, equal end: the peer's, with the nodes behind it: `192.0.2.9:1884/0a31`. */
  readonly address: PeerAddress;
}

export const NO_NODES: NodeIds = [];

export function endOf(transport: DatagramTransport, peer: DatagramPeer, nodeIds: NodeIds = NO_NODES): End {
  const address = nodeIds.length === 0 ? peer.address : nodeText(peer.address, nodeIds);
  return { transport, peer, nodeIds, address };
}

export function sendTo({ transport, peer, nodeIds }: End, packet: Uint8Array): void {
  transport.send(nodeIds.length === 0 ? packet : encapsulate(packet, nodeIds), peer);
}

/** Largest packet that reaches this end. */
export function packetBytesMax({ transport, nodeIds }: End): number {
  return transport.payloadBytesMax - encapsulationBytes(nodeIds);
}

/** What is known of ends, whichever their transports. */
export class EndMap<Value> {
  readonly #ofTransports = new Map<DatagramTransport, SlotMap<PeerAddress, Value>>();

  /** @param transports - no others will be asked for. */
  constructor(transports: readonly DatagramTransport[]) {
    for (const transport of transports) this.#ofTransports.set(transport, new SlotMap());
  }

  get size(): number {
    let size = 0;
    for (const values of this.#ofTransports.values()) size += values.size;
    return size;
  }

  get({ transport, address }: End): Value | undefined {
    return this.#ofTransports.get(transport)?.get(address);
  }

  set({ transport, address }: End, value: Value): void {
    this.#ofTransports.get(transport)?.set(address, value);
  }

  delete({ transport, address }: End): void {
    this.#ofTransports.get(transport)?.delete(address);
  }

  clear(): void {
    for (const transport of this.#ofTransports.keys()) this.#ofTransports.set(transport, new SlotMap());
  }
}
