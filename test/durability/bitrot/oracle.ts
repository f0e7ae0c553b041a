// Which groups a damage may cost. Found in the intact files by what the groups look like, not by how the store reads: where each piece of each group
// lies in the database and in its log, every copy of it.
import { sessionKey } from '../../../src/session/session-store.ts';
import { Group, messageAt, visitRecords } from '../../../src/store/sqlite/group.ts';
import { KIND, readRecord } from '../../../src/store/sqlite/record-codec.ts';
import type { HitRange } from './damages.ts';

const PAGE_BYTES = 1024;
const OVERFLOW_BYTES = 1020;
const WAL_HEADER_BYTES = 32;
const FRAME_BYTES = 24 + PAGE_BYTES;
/** Bytes before a group in its row: lengths, number, types and columns, and the pointer to the row. */
const ROW_PREFIX_BYTES = 40;
const POINTER_BYTES = 4;

export type FileName = 'database' | 'log';

export interface Place extends HitRange {
  readonly file: FileName;
}

export interface KnownGroup {
  readonly number: number;
  readonly firstSequence: number;
  readonly nextSequence: number;
  /** Keys of sessions that it may have begun: what later groups hold for them nobody can be given without it. */
  readonly sessions: ReadonlySet<string>;
  /** Topics of messages it retains. */
  readonly topics: ReadonlySet<string>;
  /** Every place of every piece. */
  readonly pieces: readonly (readonly Place[])[];
}

export interface IntactFiles {
  readonly database: Buffer;
  readonly log: Buffer;
  /** Of the rows of the log. */
  readonly groups: readonly Buffer[];
  /** What rows of tables are known by: `retained TOPIC`, `session KEY`. */
  readonly rows: ReadonlyMap<string, readonly Buffer[]>;
  /** Pages of their trees. */
  readonly rowPages: ReadonlySet<number>;
  /** Pages of the log's tree; elsewhere there may be what was there once. */
  readonly livePages: ReadonlySet<number>;
}

export function knownGroups({ database, log, groups, livePages }: IntactFiles): KnownGroup[] {
  const all = [...pagesOf('database', database, 0, PAGE_BYTES), ...pagesOf('log', log, WAL_HEADER_BYTES + 24, FRAME_BYTES)];
  const pages = all.filter(({ number }) => livePages.has(number));
  return groups.map((bytes) => {
    const { header } = Group.parse(bytes);
    return { ...header, ...contentsOf(bytes), pieces: piecesOf(bytes).map((piece) => pages.flatMap((page) => placesOf(piece, page))) };
  });
}

/** Parts of rows, and where each of them lies. */
export function knownRows({ database, log, rows, rowPages }: IntactFiles): Map<string, readonly (readonly Place[])[]> {
  const all = [...pagesOf('database', database, 0, PAGE_BYTES), ...pagesOf('log', log, WAL_HEADER_BYTES + 24, FRAME_BYTES)];
  const pages = all.filter(({ number }) => rowPages.has(number));
  const places = new Map<string, readonly (readonly Place[])[]>();
  for (const [name, parts] of rows) {
    places.set(
      name,
      parts.map((part) => pages.flatMap(({ file, start, bytes }) => (holdsPart(bytes, part) ? [{ file, start, end: start + PAGE_BYTES }] : []))),
    );
  }
  return places;
}

export function isHitEverywhere(places: readonly Place[], file: FileName, hit: readonly HitRange[]): boolean {
  return places.every((place) => place.file === file && hit.some(({ start, end }) => start < place.end && place.start < end));
}

/** Whether one of its pieces is hit wherever it lies. */
export function mayBeLost({ pieces }: KnownGroup, file: FileName, hit: readonly HitRange[]): boolean {
  return pieces.some((places) => isHitEverywhere(places, file, hit));
}

interface Page {
  readonly file: FileName;
  readonly number: number;
  readonly start: number;
  readonly bytes: Buffer;
}

interface Piece {
  readonly bytes: Buffer;
  readonly isFirst: boolean;
}

function pagesOf(file: FileName, bytes: Buffer, first: number, step: number): Page[] {
  const pages: Page[] = [];
  for (let start = first; start + PAGE_BYTES <= bytes.length; start += step) {
    const number = file === 'database' ? start / PAGE_BYTES + 1 : bytes.readUInt32BE(start - 24);
    if (file === 'log' && !bytes.subarray(start - 16, start - 8).equals(bytes.subarray(16, 24))) break; // of an earlier use of the file
    pages.push({ file, number, start, bytes: bytes.subarray(start, start + PAGE_BYTES) });
  }
  return pages;
}

/** As SQLite splits the row: what lies with the row, then what each overflow page holds. */
function piecesOf(bytes: Buffer): Piece[] {
  const { firstSequence, nextSequence } = Group.parse(bytes).header;
  const prefix = 4 + varintBytes(12 + 2 * bytes.length) + integerBytes(firstSequence) + integerBytes(nextSequence);
  const local = localBytes(prefix + bytes.length) - prefix;
  const pieces: Piece[] = [{ bytes: bytes.subarray(0, local), isFirst: true }];
  for (let at = local; at < bytes.length; at += OVERFLOW_BYTES) pieces.push({ bytes: bytes.subarray(at, at + OVERFLOW_BYTES), isFirst: false });
  return pieces;
}

/** Section 1.6 of the file format: U is 1024. */
function localBytes(payload: number): number {
  const least = 103;
  const most = 989;
  if (payload <= most) return payload;
  const split = least + ((payload - least) % OVERFLOW_BYTES);
  return split <= most ? split : least;
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

function integerBytes(value: number): number {
  if (value <= 1) return 0;
  return [1, 2, 3, 4, 6].find((bytes) => value < 2 ** (8 * bytes - 1)) ?? 8;
}

function placesOf({ bytes, isFirst }: Piece, page: Page): Place[] {
  if (!isFirst) {
    const isHere = page.bytes.compare(bytes, 0, bytes.length, POINTER_BYTES, POINTER_BYTES + bytes.length) === 0;
    return isHere ? [{ file: page.file, start: page.start, end: page.start + POINTER_BYTES + bytes.length }] : [];
  }
  const at = page.bytes.indexOf(bytes);
  if (at < 0 || !isCell(page.bytes, at)) return [];
  return [{ file: page.file, start: page.start + Math.max(0, at - ROW_PREFIX_BYTES), end: page.start + at + bytes.length + POINTER_BYTES }];
}

function holdsPart(page: Buffer, begin: Buffer): boolean {
  if (page[0] === 5) return false; // numbers only
  if (![2, 5, 10, 13].includes(page[0] ?? 0)) return page.includes(begin); // overflow
  for (let at = page.indexOf(begin); at >= 0; at = page.indexOf(begin, at + 1)) if (isCell(page, at)) return true;
  return false;
}

/** Whether one of the cells the page lists begins a little before `at`: what was deleted may still be there. */
function isCell(page: Buffer, at: number): boolean {
  const first = page[0] === 2 || page[0] === 5 ? 12 : 8;
  for (let index = 0; index < page.readUInt16BE(3) && first + 2 + 2 * index <= PAGE_BYTES; index += 1) {
    const cell = page.readUInt16BE(first + 2 * index);
    if (cell < at && at - cell <= ROW_PREFIX_BYTES) return true;
  }
  return false;
}

function contentsOf(bytes: Buffer): Pick<KnownGroup, 'sessions' | 'topics'> {
  const group = Group.parse(bytes);
  const sessions = new Set<string>();
  const topics = new Set<string>();
  visitRecords(bytes, (kind, reader) => {
    if (kind === KIND.message) {
      const message = messageAt(bytes, group.table, reader.at);
      if (message.isRetain) topics.add(message.topic.name);
      return;
    }
    const record = readRecord(reader, kind);
    if (record?.kind === 'session') sessions.add(sessionKey(record.realm, record.clientId));
  });
  return { sessions, topics };
}
