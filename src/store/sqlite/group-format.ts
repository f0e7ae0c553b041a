// One group: what is committed together, one row of the log. The header says enough to find and judge a group without the tables: salvage looks for
// the magic, the checksum tells whether the group is whole, the number tells whether one is missing.
import { crc32 } from 'node:zlib';
import type { EpochMs, GatewayMs } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Sequence } from '../../session/session-store.ts';
import { ByteReader } from '../../wire/byte-reader.ts';
import type { ByteWriter } from '../../wire/byte-writer.ts';

export const GROUP_HEADER_BYTES = 72;
const MAGIC = 0x474e_5450; // "PTNG" read as bytes
const VERSION = 1;
const SYNCHRONIZED = 1;
/** The checksum covers everything behind itself. */
const CHECKED_FROM = 8;

export interface GroupStamps {
  readonly boot: number;
  readonly gatewayMs: GatewayMs;
  readonly wallMs: EpochMs;
  /** Whether the wall clock was disciplined when the group was closed. */
  readonly isSynchronized: boolean;
}

export interface GroupHeader extends GroupStamps {
  /** Counts groups, without holes. */
  readonly number: number;
  /** The sequences given while the group was open are [first, next): what is not in it, or between two groups, was never to be written and is no loss. */
  readonly firstSequence: Sequence;
  readonly nextSequence: Sequence;
  readonly records: number;
  readonly messages: number;
}

/**
 * Writes the header over the first bytes of a finished group.
 *
 *   0 magic u32 · crc32 u32
 *   8 length u32 · version u8 · flags u8 · 0 u16 · boot u32 · records u32
 *   24 number f64 · first sequence f64 · next sequence f64 · gateway ms f64 · wall ms f64 · messages u32 · 0 u32
 */
export function sealGroup(writer: ByteWriter, header: GroupHeader): void {
  const { length } = writer;
  writer.length = 0;
  writer.u32(MAGIC);
  writer.u32(0);
  writer.u32(length);
  writer.u8(VERSION);
  writer.u8(header.isSynchronized ? SYNCHRONIZED : 0);
  writer.u16(0);
  writer.u32(header.boot);
  writer.u32(header.records);
  writer.f64(header.number);
  writer.f64(header.firstSequence);
  writer.f64(header.nextSequence);
  writer.f64(header.gatewayMs);
  writer.f64(header.wallMs);
  writer.u32(header.messages);
  writer.u32(0);
  writer.length = length;
  writer.setU32(CHECKED_FROM - 4, crc32(writer.bytes.subarray(CHECKED_FROM, length)));
}

/** @throws GatewayError STORE_CORRUPT - not a group, cut off, or its checksum is wrong. */
export function readGroupHeader(bytes: Buffer): GroupHeader {
  const reader = new ByteReader(bytes);
  if (reader.u32() !== MAGIC) throw new GatewayError('STORE_CORRUPT', 'not a group');
  const checksum = reader.u32();
  const length = reader.u32();
  if (length !== bytes.length) throw new GatewayError('STORE_CORRUPT', `group of ${length} bytes has ${bytes.length}`);
  if (crc32(bytes.subarray(CHECKED_FROM)) !== checksum) throw new GatewayError('STORE_CORRUPT', 'checksum of group is wrong');
  if (reader.u8() !== VERSION) throw new GatewayError('STORE_CORRUPT', `not a group of version ${VERSION}`);
  const isSynchronized = (reader.u8() & SYNCHRONIZED) !== 0;
  reader.u16();
  const boot = reader.u32();
  const records = reader.u32();
  const number = reader.f64();
  const firstSequence = reader.f64();
  const nextSequence = reader.f64();
  const gatewayMs = reader.f64();
  const wallMs = reader.f64();
  const messages = reader.u32();
  return { boot, number, firstSequence, nextSequence, gatewayMs, wallMs, isSynchronized, records, messages };
}
