// What the session's state remembers of the link, so that after a restart the gateway speaks to the device as if nothing had happened.
import { peerAddress } from '../../src/model/client.ts';
import type { DatagramTransport } from '../../src/transport/transport.ts';
import { type End, endOf } from './ends.ts';

/** Present while the client is active or asleep. */
export const LINK_KEY = 'link';

export interface LinkFacts {
  readonly end: End;
  /** Duration of CONNECT; 0: not supervised. */
  readonly keepAliveSeconds: number;
  /** CleanSession of the last CONNECT: the session ends when the client goes. */
  readonly isCleanSession: boolean;
  /** Duration of DISCONNECT while the client is asleep; 0: it is active. */
  readonly sleepSeconds: number;
}

/** version 1, flags 1, keep-alive 2, sleep 2, port 2; then host, address, transport and node ids, each behind an octet of length. */
const FIXED_BYTES = 8;
const VERSION = 2;
/** Without transport and node ids, and the address not behind a length: of a time when there was one transport. */
const VERSION_ONE = 1;
const CLEAN_SESSION = 0x01;

export function encodeLinkFacts({ end, keepAliveSeconds, isCleanSession, sleepSeconds }: LinkFacts): Uint8Array {
  const { transport, peer, nodeIds } = end;
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt8(VERSION, 0);
  fixed.writeUInt8(isCleanSession ? CLEAN_SESSION : 0, 1);
  fixed.writeUInt16BE(keepAliveSeconds, 2);
  fixed.writeUInt16BE(sleepSeconds, 4);
  fixed.writeUInt16BE(peer.port, 6);
  const fields = [Buffer.from(peer.host), Buffer.from(peer.address), Buffer.from(transport.name), ...nodeIds];
  return Buffer.concat([fixed, ...fields.flatMap((field) => [Buffer.of(field.length), field])]);
}

/** @returns undefined for a version or a transport this program does not know: the device is then asked to connect again. */
export function decodeLinkFacts(value: Uint8Array, transports: readonly DatagramTransport[]): LinkFacts | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const end = bytes.length > FIXED_BYTES ? endFrom(bytes, transports) : undefined;
  if (end === undefined) return undefined;
  return {
    end,
    keepAliveSeconds: bytes.readUInt16BE(2),
    isCleanSession: (bytes.readUInt8(1) & CLEAN_SESSION) !== 0,
    sleepSeconds: bytes.readUInt16BE(4),
  };
}

function endFrom(bytes: Buffer, transports: readonly DatagramTransport[]): End | undefined {
  const version = bytes.readUInt8(0);
  const port = bytes.readUInt16BE(6);
  if (version === VERSION) {
    const [host = '', address = '', name, ...nodeIds] = fieldsOf(bytes);
    const transport = transports.find((each) => each.name === `${name}`);
    const peer = { host: host.toString(), address: peerAddress(address.toString()), port };
    return transport === undefined ? undefined : endOf(transport, peer, nodeIds);
  }
  const [transport] = transports;
  if (version !== VERSION_ONE || transport === undefined) return undefined;
  const addressAt = FIXED_BYTES + 1 + bytes.readUInt8(FIXED_BYTES);
  return endOf(transport, { host: bytes.toString('utf8', FIXED_BYTES + 1, addressAt), address: peerAddress(bytes.toString('utf8', addressAt)), port });
}

function fieldsOf(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = FIXED_BYTES; at < bytes.length; ) {
    const next = at + 1 + bytes.readUInt8(at);
    fields.push(Buffer.from(bytes.subarray(at + 1, next)));
    at = next;
  }
  return fields;
}
