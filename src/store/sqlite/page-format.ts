// SQLite's pages as bytes: trees, their cells, and what a cell's record says (https://www.sqlite.org/fileformat2.html#b_tree_pages). For a file SQLite
// will not read any more; nothing here trusts a number it finds.
import type { Cell } from './cell.ts';

/** Of every database of ours: `page_size`, nothing reserved. */
export const PAGE_BYTES = 1024;
/** Before the tree of page 1. */
export const FILE_HEADER_BYTES = 100;
export const OVERFLOW_BYTES = PAGE_BYTES - 4;
/** What SQLite takes for one value. */
const PAYLOAD_BYTES_MAX = 1_000_000_000;
const MIN_LOCAL = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23;
const MAX_LOCAL_TABLE = PAGE_BYTES - 35;
const MAX_LOCAL_INDEX = Math.floor(((PAGE_BYTES - 12) * 64) / 255) - 23;
const COLUMNS_MAX = 16;

export const TREE = { tableLeaf: 0x0d, tableInterior: 0x05, indexLeaf: 0x0a, indexInterior: 0x02 } as const;

export interface TreePage {
  readonly type: number;
  /** Where its cells begin; offsets outside of the page are left out. */
  readonly cells: readonly number[];
  /** Pages below it, the rightmost included. */
  readonly children: readonly number[];
  /** Every number in its header and its array of cells can be true. */
  readonly isSound: boolean;
}

export interface Payload {
  /** Undefined in an index. */
  readonly rowid: number | undefined;
  readonly length: number;
  /** What of it lies in the page. */
  readonly local: Buffer;
  /** First page of the rest; 0: there is none. */
  readonly overflow: number;
}

/** Undefined: not a page of a tree. */
export function treePage(page: Buffer, number: number): TreePage | undefined {
  const at = number === 1 ? FILE_HEADER_BYTES : 0;
  const type = page.readUInt8(at);
  const isInterior = type === TREE.tableInterior || type === TREE.indexInterior;
  if (!isInterior && type !== TREE.tableLeaf && type !== TREE.indexLeaf) return undefined;
  const first = at + (isInterior ? 12 : 8);
  const count = page.readUInt16BE(at + 3);
  const content = page.readUInt16BE(at + 5); // where cells begin to lie; at the end when there is none
  const cells: number[] = [];
  const listed = Math.min(count, Math.floor((PAGE_BYTES - first) / 2));
  for (let index = 0; index < listed; index += 1) {
    const cell = page.readUInt16BE(first + 2 * index);
    if (cell >= first + 2 * count && cell <= PAGE_BYTES - 4) cells.push(cell);
  }
  const children = isInterior ? [...cells.map((cell) => page.readUInt32BE(cell)), page.readUInt32BE(at + 8)] : [];
  const isInPlace = content >= first + 2 * count && (count > 0 ? cells.every((cell) => cell >= content) : content === PAGE_BYTES);
  return { type, cells, children, isSound: isInPlace && cells.length === count && new Set(cells).size === count };
}

/** The payload of a cell; undefined when the cell cannot be one, or has none. */
export function payloadAt(page: Buffer, type: number, cell: number): Payload | undefined {
  if (type === TREE.tableInterior) return undefined;
  const isTable = type === TREE.tableLeaf;
  const length = varintAt(page, type === TREE.indexInterior ? cell + 4 : cell);
  if (length === undefined || length.value > PAYLOAD_BYTES_MAX) return undefined;
  const rowid = isTable ? varintAt(page, length.next) : undefined;
  if (isTable && rowid === undefined) return undefined;
  const start = rowid?.next ?? length.next;
  const localLength = localBytes(length.value, isTable);
  const end = start + localLength;
  const hasMore = localLength < length.value;
  if (end + (hasMore ? 4 : 0) > PAGE_BYTES) return undefined;
  return { rowid: rowid?.value, length: length.value, local: page.subarray(start, end), overflow: hasMore ? page.readUInt32BE(end) : 0 };
}

/** Bytes of a payload that lie in the page of the tree. */
export function localBytes(length: number, isTable: boolean): number {
  const most = isTable ? MAX_LOCAL_TABLE : MAX_LOCAL_INDEX;
  if (length <= most) return length;
  const split = MIN_LOCAL + ((length - MIN_LOCAL) % OVERFLOW_BYTES);
  return split <= most ? split : MIN_LOCAL;
}

/** The values of a record; undefined when the bytes are none. Text and blobs are views. */
export function recordOf(payload: Buffer): Cell[] | undefined {
  const header = varintAt(payload, 0);
  if (header === undefined || header.value > payload.length) return undefined;
  const values: Cell[] = [];
  let body = header.value;
  for (let at = header.next; at < header.value; ) {
    const serial = varintAt(payload, at);
    if (serial === undefined || values.length === COLUMNS_MAX) return undefined;
    const bytes = bytesOfSerial(serial.value);
    if (body + bytes > payload.length) return undefined;
    values.push(cellOf(serial.value, payload.subarray(body, body + bytes)));
    body += bytes;
    at = serial.next;
  }
  return values;
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function bytesOfSerial(serial: number): number {
  return serial < 12 ? (INTEGER_BYTES[serial] ?? 0) : Math.floor((serial - 12) / 2);
}

function cellOf(serial: number, bytes: Buffer): Cell {
  if (serial >= 12) return serial % 2 === 0 ? bytes : bytes.toString('utf8');
  if (serial === 0) return null;
  if (serial >= 8) return serial - 8;
  if (serial === 7) return bytes.readDoubleBE();
  return bytes.length === 8 ? Number(bytes.readBigInt64BE()) : bytes.readIntBE(0, bytes.length);
}

/** SQLite's variable-length integer: big-endian, nine bytes at most. */
export function varintAt(bytes: Buffer, at: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let index = 0; index < 9; index += 1) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    if (index === 8) return { value: value * 0x100 + byte, next: at + 9 };
    value = value * 0x80 + (byte & 0x7f);
    if (byte < 0x80) return { value, next: at + index + 1 };
  }
  return undefined;
}
