// Forwarder encapsulation (§5.5): what a forwarder puts around a message of a wireless node, Length | 0xFE | Ctrl | WirelessNodeId, and then the message as
// it was. Length covers the header alone. Forwarders may stand behind forwarders; the header of the nearest one is outermost.
import { type PeerAddress, peerAddress } from '../../src/model/client.ts';
import { MalformedPacketError } from '../../src/model/errors.ts';

/** WirelessNodeIds, as the forwarders number their nodes; the nearest forwarder's first. */
export type NodeIds = readonly Uint8Array[];

export interface Encapsulated {
  readonly nodeIds: NodeIds;
  /** A view into the datagram. */
  readonly packet: Buffer;
}

const ENCAPSULATION = 0xfe;
/** Length, MsgType, Ctrl. */
const FIXED_BYTES = 3;
/** Forwarders in a row: each costs the packet room, and a network has one or two. */
const FORWARDERS_MAX = 4;
/** §5.5: bits 0 and 1 of Ctrl. */
const RADIUS_MAX = 3;

export function isEncapsulated(datagram: Buffer): boolean {
  return datagram[1] === ENCAPSULATION && datagram.length >= FIXED_BYTES && datagram.readUInt8(0) !== 1;
}

/** @throws MalformedPacketError - with the clause that was broken. */
export function decapsulate(datagram: Buffer): Encapsulated {
  const nodeIds: Uint8Array[] = [];
  let packet = datagram;
  while (isEncapsulated(packet)) {
    const headerBytes = packet.readUInt8(0);
    if (headerBytes < FIXED_BYTES || headerBytes >= packet.length) throw new MalformedPacketError('§5.5', `header of ${headerBytes} octets`);
    if (nodeIds.length === FORWARDERS_MAX) throw new MalformedPacketError('§5.5', `more than ${FORWARDERS_MAX} forwarders in a row`);
    nodeIds.push(Uint8Array.from(packet.subarray(FIXED_BYTES, headerBytes)));
    packet = packet.subarray(headerBytes);
  }
  return { nodeIds, packet };
}

/** @param radius - within which the last forwarder broadcasts, in hops; 0 for the node alone. */
export function encapsulate(packet: Uint8Array, nodeIds: NodeIds, radius = 0): Buffer {
  const lastAt = nodeIds.length - 1;
  const headers = nodeIds.map((id, at) =>
    Buffer.concat([Buffer.of(FIXED_BYTES + id.length, ENCAPSULATION, at === lastAt ? Math.min(radius, RADIUS_MAX) : 0), id]),
  );
  return Buffer.concat([...headers, packet]);
}

/** Octets that go in front of a packet. */
export function encapsulationBytes(nodeIds: NodeIds): number {
  return nodeIds.reduce((sum, { length }) => sum + FIXED_BYTES + length, 0);
}

export function nodeText(forwarder: PeerAddress, nodeIds: NodeIds): PeerAddress {
  return peerAddress([forwarder, ...nodeIds.map((id) => Buffer.from(id).toString('hex'))].join('/'));
}
