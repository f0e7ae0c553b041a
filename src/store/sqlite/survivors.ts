// What is left of an open group when messages were dropped from it. It is copied to where nothing was written before: what was read from the group stays.
import type { ByteWriter } from '../../wire/byte-writer.ts';
import { visitRecords } from './group.ts';
import { GROUP_HEADER_BYTES } from './group-format.ts';
import { KIND } from './record-codec.ts';

/** Kind and length in front of the body of a record. */
const RECORD_HEADER_BYTES = 5;

export interface Survivors {
  readonly writer: ByteWriter;
  /** Which of the origins are still needed, in their new order. */
  readonly origins: readonly number[];
}

/**
 * Copies the records of a group, its messages only if `offsets` knows them, and origins only if such a message has them.
 *
 * @param offsets - where the messages begin, changed to where they begin now.
 * @param target - with room for the header.
 */
export function copySurvivors(group: Buffer, offsets: Uint32Array, target: ByteWriter): Survivors {
  const origins: number[] = [];
  /** By old number: where the record is, and the new number once it is needed. */
  const known: { readonly from: number; readonly to: number; number: number | undefined }[] = [];
  target.length = GROUP_HEADER_BYTES;
  visitRecords(group, (kind, reader) => {
    const { at, end } = reader;
    const from = at - RECORD_HEADER_BYTES;
    if (kind === KIND.origin) {
      known.push({ from, to: end, number: undefined });
      return;
    }
    if (kind !== KIND.message) {
      target.raw(group.subarray(from, end));
      return;
    }
    const index = reader.u32();
    if (offsets[index] !== at) return;
    const old = reader.u32();
    const origin = known[old];
    if (origin !== undefined && origin.number === undefined) {
      origin.number = origins.push(old) - 1;
      target.raw(group.subarray(origin.from, origin.to));
    }
    offsets[index] = target.length + RECORD_HEADER_BYTES;
    target.raw(group.subarray(from, end));
    target.setU32((offsets[index] as number) + 4, origin?.number ?? 0);
  });
  return { writer: target, origins };
}
