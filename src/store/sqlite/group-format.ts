// One group: what is committed together, one row of the log. The header says enough to find and judge a group without the tables: salvage looks for
// the magic, the checksum tells whether the group is whole, the number tells whether one is missing.
import { crc32 } from 'node:zlib';
import type { Clock, EpochMs, GatewayMs } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { BootFacts, Sequence } from '../../session/session-store.ts';
import { ByteReader } from '../../wire/byte-reader.ts';
import type { ByteWriter } from '../../wire/byte-writer.ts';

export const GROUP_HEADER_BYTES = 72;
const MAGIC = 0x474e_5450; // "PTNG" read as bytes
/** What every group begins with. */
export const GROUP_MAGIC_BYTES = Buffer.from('PTNG', 'latin1');
const VERSION = 1;
const SYNCHRONIZED = 1;
const COMPACTED = 2;
/** The checksum covers everything behind itself. */
const CHECKED_FROM = 8;

export interface GroupStamps {
  readonly boot: number;
  readonly gatewayMs: GatewayMs;
  readonly wallMs: EpochMs;
  /** Whether the wall clock was disciplined when the group was closed. */
  readonly isSynchronized: boolean;
}

/** What a group is stamped with that is closed now. */
export function stampsOf({ boot, gatewayTimeOffsetMs }: BootFacts, clock: Pick<Clock, 'monotonicMs' | 'nowMs' | 'isSynchronized'>): GroupStamps {
  return { boot, gatewayMs: clock.monotonicMs() + gatewayTimeOffsetMs, wallMs: clock.nowMs(), isSynchronized: clock.isSynchronized() };
}

export interface GroupHeader extends GroupStamps {
  /** Counts groups, without holes. */
  readonly number: number;
  /** The sequences given while the group was open are [first, next): what is not in it, or between two groups, was never to be written and is no loss. */
  readonly firstSequence: Sequence;
  readonly nextSequence: Sequence;
  readonly records: number;
  readonly messages: number;
  /**
   * Undefined: the group as it was closed. A number: what compaction left of the groups from that one to this, messages only; those in between are not
   * missing. It lies below the start of replay: what else they said is in the tables.
   */
  readonly compactedFrom: number | undefined;
}

/**
 * Writes the header over the first bytes of a finished group.
 *
 *   0 magic u32 · crc32 u32
 *   8 length u32 · version u8 · flags u8 · 0 u16 · boot u32 · records u32
 *   24 number f64 · first sequence f64 · next sequence f64 · gateway ms f64 · wall ms f64 · messages u32 · number − compacted from u32
 */
export function sealGroup(writer: ByteWriter, header: GroupHeader): void {
  const { length } = writer;
  writer.length = 0;
  writer.u32(MAGIC);
  writer.u32(0);
  writer.u32(length);
  writer.u8(VERSION);
  writer.u8((header.isSynchronized ? SYNCHRONIZED : 0) | (header.compactedFrom === undefined ? 0 : COMPACTED));
  writer.u16(0);
  writer.u32(header.boot);
  writer.u32(header.records);
  writer.f64(header.number);
  writer.f64(header.firstSequence);
  writer.f64(header.nextSequence);
  writer.f64(header.gatewayMs);
  writer.f64(header.wallMs);
  writer.u32(header.messages);
  writer.u32(header.compactedFrom === undefined ? 0 : header.number - header.compactedFrom);
  writer.length = length;
  writer.setU32(CHECKED_FROM - 4, crc32(writer.bytes.subarray(CHECKED_FROM, length)));
}

/** @throws GatewayError STORE_CORRUPT - not a group, cut off, or its checksum is wrong. */
export function readGroupHeader(bytes: Buffer): GroupHeader {
  const reader = new ByteReader(bytes);
  const { isSynchronized, isCompacted } = isFirstLayout(bytes) ? readFirstStart(reader) : readStart(reader, bytes);
  const boot = reader.u32();
  const records = reader.u32();
  const number = reader.f64();
  const firstSequence = reader.f64();
  const nextSequence = reader.f64();
  const gatewayMs = reader.f64();
  const wallMs = reader.f64();
  const messages = reader.u32();
  const groupsBefore = reader.u32();
  const compactedFrom = isCompacted ? number - groupsBefore : undefined;
  return { boot, number, firstSequence, nextSequence, gatewayMs, wallMs, isSynchronized, records, messages, compactedFrom };
}

/** Up to the boot: what tells whether this is a group, and whole. */
function readStart(reader: ByteReader, bytes: Buffer): Pick<GroupHeader, 'isSynchronized'> & { readonly isCompacted: boolean } {
  if (reader.u32() !== MAGIC) throw new GatewayError('STORE_CORRUPT', 'not a group');
  const checksum = reader.u32();
  const length = reader.u32();
  if (length !== bytes.length) throw new GatewayError('STORE_CORRUPT', `group of ${length} bytes has ${bytes.length}`);
  if (crc32(bytes.subarray(CHECKED_FROM)) !== checksum) throw new GatewayError('STORE_CORRUPT', 'checksum of group is wrong');
  if (reader.u8() !== VERSION) throw new GatewayError('STORE_CORRUPT', `not a group of version ${VERSION}`);
  const flags = reader.u8();
  reader.u16();
  return { isSynchronized: (flags & SYNCHRONIZED) !== 0, isCompacted: (flags & COMPACTED) !== 0 };
}

/**
 * Whether the header begins as the first stores wrote it, which called themselves version 1 as well; the checksum tells that it is no chance.
 *
 *   0 magic u32 · version u8 · flags u8 · 0 u16 · crc32 u32
 *   12 length u32 · boot u32 · records u32, and on as above
 */
function isFirstLayout(bytes: Buffer): boolean {
  const isLikeIt = bytes.length >= GROUP_HEADER_BYTES && bytes.readUInt32LE(0) === MAGIC && bytes[4] === VERSION && bytes.readUInt32LE(12) === bytes.length;
  return isLikeIt && crc32(bytes.subarray(12)) === bytes.readUInt32LE(8);
}

function readFirstStart(reader: ByteReader): Pick<GroupHeader, 'isSynchronized'> & { readonly isCompacted: boolean } {
  reader.u32();
  reader.u8();
  const isSynchronized = (reader.u8() & SYNCHRONIZED) !== 0;
  reader.u16();
  reader.u32();
  reader.u32();
  return { isSynchronized, isCompacted: false };
}
