// The index of the log from the columns before the bytes of its rows, so that no overflow page is read. Nothing guards those columns; but what they say
// is in the header of each group too, under its checksum, and neighbours must agree.
import type { Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import type { Image } from '../../session/image.ts';
import { bytesOf, type Cell } from './cell.ts';
import { readGroupHeader } from './group-format.ts';
import type { LostGroups } from './lost-groups.ts';
import { countLive } from './segment-census.ts';
import { SegmentIndex } from './segment-index.ts';

interface Columns {
  readonly number: number;
  readonly firstSequence: number;
  readonly nextSequence: number;
  readonly bytes: number;
}

/** With every live reference of `image` counted. Groups that are referred to and not there are added to `lost`. */
export function indexSegments(database: Database, image: Image, { lost, nextGroup }: { readonly lost: LostGroups; readonly nextGroup: number }): SegmentIndex {
  const segments = indexed(database, 'by-columns');
  if (allFound(segments, image)) return referred(segments, image);
  const certain = indexed(database, 'by-headers');
  for (const session of image.sessions.values()) {
    session.queue.visit((sequence) => {
      if (certain.find(sequence) !== undefined) return;
      const { below = 0, above = nextGroup } = certain.around(sequence);
      lost.add(below + 1, Math.max(below + 1, above - 1));
    });
  }
  return referred(certain, image);
}

function allFound(segments: SegmentIndex, image: Image): boolean {
  let isWhole = true;
  for (const session of image.sessions.values()) {
    session.queue.visit((sequence) => {
      if (segments.find(sequence) === undefined) isWhole = false;
    });
  }
  return isWhole;
}

function referred(segments: SegmentIndex, image: Image): SegmentIndex {
  for (const session of image.sessions.values()) countLive(segments, session.queue);
  return segments;
}

function indexed(database: Database, how: 'by-columns' | 'by-headers'): SegmentIndex {
  const segments = new SegmentIndex();
  const add = (columns: Columns | undefined): void => {
    if (columns !== undefined) segments.add({ ...columns, live: 0, liveBytes: 0 });
  };
  let before: Columns | undefined;
  const rows = database.prepare('SELECT number, first_sequence, next_sequence, length(bytes) FROM segment ORDER BY number').raw();
  for (const row of rows.iterate()) {
    const said = columnsOf(row as Cell[]);
    const number = (row as Cell[])[0] as number;
    const isOdd = how === 'by-headers' || said === undefined || !follows(before, said);
    if (isOdd && how === 'by-columns' && before !== undefined) before = columnsOfHeader(database, before.number);
    add(before);
    before = isOdd ? columnsOfHeader(database, number) : said;
  }
  add(before);
  return segments;
}

function columnsOf([number, firstSequence, nextSequence, bytes]: readonly Cell[]): Columns | undefined {
  const isWhole = [number, firstSequence, nextSequence, bytes].every(Number.isSafeInteger);
  return isWhole
    ? { number: number as number, firstSequence: firstSequence as number, nextSequence: nextSequence as number, bytes: bytes as number }
    : undefined;
}

/** Sequences that were given to messages which were never written lie between two groups, in none of them. */
function follows(before: Columns | undefined, { firstSequence, nextSequence }: Columns): boolean {
  return firstSequence <= nextSequence && firstSequence >= (before?.nextSequence ?? 0);
}

/** Undefined: the group is damaged, nothing is found in it. */
function columnsOfHeader(database: Database, number: number): Columns | undefined {
  try {
    const bytes = bytesOf(database.prepare('SELECT bytes FROM segment WHERE number = ?').pluck().get(number) as Cell);
    const { firstSequence, nextSequence } = readGroupHeader(bytes);
    return { number, firstSequence, nextSequence, bytes: bytes.length };
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
