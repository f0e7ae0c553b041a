// A group as it is read: closed, in memory or back from disk. Messages are found by their sequence through an array of offsets.
import type { Message, Origin, QoS } from '../../model/message.ts';
import { ORDINARY, PRIORITY_MAX, type Priority } from '../../model/priority.ts';
import type { Sequence, StoredDelivery } from '../../session/session-store.ts';
import { ByteReader } from '../../wire/byte-reader.ts';
import { GROUP_HEADER_BYTES, type GroupHeader, readGroupHeader } from './group-format.ts';
import { readContent, readOrigin } from './message-codec.ts';
import { KIND } from './record-codec.ts';

/**
 * Body of a message record:
 *
 *   sequence − first of the group u32 · origin u32 · references u32 · per reference (session u32 · terms u32) · content
 *
 * Terms hold QoS, RETAIN and one Subscription Identifier; a reference with several takes as many entries, one behind the other. One of another class
 * than the ordinary one begins with an entry that holds the class instead of an identifier, and says so.
 */
export const MESSAGE_HEADER_BYTES = 12;
export const REFERENCE_BYTES = 8;
/** Subscription Identifiers have 28 bits (MQTT 5 §3.8.2.1.2): the bit above them is free. */
export const TERMS = { qos: 0b11, retain: 0b100, identifierShift: 3, priority: 0x8000_0000 } as const;

const NO_IDENTIFIERS: readonly number[] = [];

/** What a message record with one reference has beside what its size counts (`messageSize`): kind, length, header, reference, and three fields of the content. */
export const MESSAGE_OVERHEAD_BYTES = 36;

/** A group with more sequences than this for each message is sparse. */
const SPARSE_SPAN = 8;

/** Where the messages of a group are: offset of the body by sequence − first; 0: no such message. */
export interface MessageTable {
  readonly firstSequence: Sequence;
  readonly offsets: Uint32Array;
  /** Of a sparse group, whose offsets are those of its messages only: sequence − first of each of them, in order. */
  readonly positions?: Uint32Array | undefined;
  readonly origins: readonly Origin[];
}

export class Group {
  readonly header: GroupHeader;
  readonly bytes: Buffer;
  readonly table: MessageTable;

  constructor(header: GroupHeader, bytes: Buffer, table: MessageTable) {
    this.header = header;
    this.bytes = bytes;
    this.table = table;
  }

  /** @throws GatewayError STORE_CORRUPT - when the bytes are not a whole group. */
  static parse(bytes: Buffer): Group {
    const header = readGroupHeader(bytes);
    const { firstSequence, nextSequence, messages } = header;
    const span = nextSequence - firstSequence;
    const positions = span > SPARSE_SPAN * (messages + 1) ? new Uint32Array(messages) : undefined;
    const offsets = new Uint32Array(positions === undefined ? span : messages);
    const origins: Origin[] = [];
    let seen = 0;
    visitRecords(bytes, (kind, reader) => {
      if (kind === KIND.origin) origins.push(readOrigin(reader));
      if (kind !== KIND.message) return;
      const offset = reader.at;
      const position = reader.u32();
      if (positions !== undefined) positions[seen] = position;
      offsets[positions === undefined ? position : seen] = offset;
      seen += 1;
    });
    return new Group(header, bytes, { firstSequence, offsets, origins, positions });
  }

  /** The message as one session gets it; undefined when it is not in this group or not for that session. The payload is a view of the group. */
  read(sequence: Sequence, session: number): StoredDelivery | undefined {
    return readDelivery(this.bytes, this.table, { sequence, session });
  }
}

/** Shows every record of a checked group to `see`: its kind and a reader of its body, which is moved on afterwards. */
export function visitRecords(bytes: Buffer, see: (kind: number, reader: ByteReader) => void): void {
  const reader = new ByteReader(bytes, GROUP_HEADER_BYTES);
  while (reader.left > 0) {
    const kind = reader.u8();
    const length = reader.u32();
    const next = reader.at + length;
    reader.end = next;
    see(kind, reader);
    reader.at = next;
    reader.end = bytes.length;
  }
}

export function readDelivery(
  bytes: Buffer,
  table: MessageTable,
  wanted: { readonly sequence: Sequence; readonly session: number },
): StoredDelivery | undefined {
  const offset = offsetOf(table, wanted.sequence - table.firstSequence);
  if (offset === 0) return undefined;
  const references = bytes.readUInt32LE(offset + 8);
  const start = offset + MESSAGE_HEADER_BYTES;
  const end = start + references * REFERENCE_BYTES;
  let at = start;
  while (at < end && bytes.readUInt32LE(at) !== wanted.session) at += REFERENCE_BYTES;
  if (at === end) return undefined;
  const terms = bytes.readUInt32LE(at + 4);
  return {
    message: messageAt(bytes, table, offset),
    qos: (terms & TERMS.qos) as QoS,
    isRetain: (terms & TERMS.retain) !== 0,
    identifiers: terms >>> TERMS.identifierShift === 0 ? NO_IDENTIFIERS : identifiersAt(bytes, at, end),
  };
}

/** 0: no such message. */
function offsetOf({ offsets, positions }: MessageTable, position: number): number {
  if (positions === undefined) return offsets[position] ?? 0;
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((positions[middle] as number) < position) low = middle + 1;
    else high = middle;
  }
  return positions[low] === position ? (offsets[low] as number) : 0;
}

/** The message whose body is at `offset`. */
export function messageAt(bytes: Buffer, { origins }: Pick<MessageTable, 'origins'>, offset: number): Message {
  const origin = origins[bytes.readUInt32LE(offset + 4)] as Origin;
  const contentAt = offset + MESSAGE_HEADER_BYTES + bytes.readUInt32LE(offset + 8) * REFERENCE_BYTES;
  const end = offset + bytes.readUInt32LE(offset - 4);
  return readContent(new ByteReader(bytes, contentAt, end), origin);
}

/** Takes references out of a message that is not committed yet: no session has the number 0. */
export function forgetReferences(bytes: Buffer, offset: number, sessions: ReadonlySet<number>): void {
  const start = offset + MESSAGE_HEADER_BYTES;
  const end = start + bytes.readUInt32LE(offset + 8) * REFERENCE_BYTES;
  for (let at = start; at < end; at += REFERENCE_BYTES) if (sessions.has(bytes.readUInt32LE(at))) bytes.writeUInt32LE(0, at);
}

function identifiersAt(bytes: Buffer, start: number, end: number): readonly number[] {
  const session = bytes.readUInt32LE(start);
  const identifiers: number[] = [];
  for (let at = start; at < end && bytes.readUInt32LE(at) === session; at += REFERENCE_BYTES) {
    const terms = bytes.readUInt32LE(at + 4);
    if (!isOfPriority(terms)) identifiers.push(terms >>> TERMS.identifierShift);
  }
  return identifiers;
}

/** The class that the first entry of a reference gives it. */
export function priorityIn(terms: number): Priority {
  return isOfPriority(terms) ? (((terms >>> TERMS.identifierShift) & PRIORITY_MAX) as Priority) : ORDINARY;
}

function isOfPriority(terms: number): boolean {
  return terms >= TERMS.priority;
}
