// What the session's state remembers of the link, so that after a restart the gateway speaks to the device as if nothing had happened.
import { peerAddress } from '../../src/model/client.ts';
import type { DatagramPeer } from '../../src/transport/transport.ts';

/** Present while the client is active or asleep. */
export const LINK_KEY = 'link';

export interface LinkFacts {
  readonly peer: DatagramPeer;
  /** Duration of CONNECT; 0: not supervised. */
  readonly keepAliveSeconds: number;
  /** CleanSession of the last CONNECT: the session ends when the client goes. */
  readonly isCleanSession: boolean;
  /** Duration of DISCONNECT while the client is asleep; 0: it is active. */
  readonly sleepSeconds: number;
}

/** version 1, flags 1, keep-alive 2, sleep 2, port 2, host length 1; then host and address as text. */
const FIXED_BYTES = 9;
const VERSION = 1;
const CLEAN_SESSION = 0x01;

export function encodeLinkFacts({ peer, keepAliveSeconds, isCleanSession, sleepSeconds }: LinkFacts): Uint8Array {
  const host = Buffer.from(peer.host);
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt8(VERSION, 0);
  fixed.writeUInt8(isCleanSession ? CLEAN_SESSION : 0, 1);
  fixed.writeUInt16BE(keepAliveSeconds, 2);
  fixed.writeUInt16BE(sleepSeconds, 4);
  fixed.writeUInt16BE(peer.port, 6);
  fixed.writeUInt8(host.length, 8);
  return Buffer.concat([fixed, host, Buffer.from(peer.address)]);
}

/** @returns undefined for a version this program does not know: the device is then asked to connect again. */
export function decodeLinkFacts(value: Uint8Array): LinkFacts | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (bytes.length < FIXED_BYTES || bytes.readUInt8(0) !== VERSION) return undefined;
  const addressAt = FIXED_BYTES + bytes.readUInt8(8);
  const host = bytes.toString('utf8', FIXED_BYTES, addressAt);
  return {
    peer: { address: peerAddress(bytes.toString('utf8', addressAt)), host, port: bytes.readUInt16BE(6) },
    keepAliveSeconds: bytes.readUInt16BE(2),
    isCleanSession: (bytes.readUInt8(1) & CLEAN_SESSION) !== 0,
    sleepSeconds: bytes.readUInt16BE(4),
  };
}
