// What a page of a tree holds: groups of the log, rows of the tables. Both prove themselves by their checksums, so it does not matter which tree the
// page is of, nor whether anything leads to it.
import { GatewayError } from '../../model/errors.ts';
import type { Cell } from './cell.ts';
import { GROUP_MAGIC_BYTES, type GroupHeader, readGroupHeader } from './group-format.ts';
import { localBytes, OVERFLOW_BYTES, PAGE_BYTES, type Payload, payloadAt, recordOf, TREE, type TreePage, treePage } from './page-format.ts';
import type { PageView } from './page-view.ts';
import { isSealed, type RowTable } from './sealed-row.ts';

export interface FoundGroup {
  readonly header: GroupHeader;
  readonly bytes: Buffer;
}

export interface FoundRow {
  readonly table: RowTable;
  /** As stored, sealed; of `meta` perhaps not. */
  readonly row: readonly Cell[];
  readonly isSealed: boolean;
}

export interface PageContents {
  readonly groups: readonly FoundGroup[];
  /** Groups the page does not list: dropped ones, or of a page whose list is another's. */
  readonly unlisted: readonly FoundGroup[];
  readonly rows: readonly FoundRow[];
  /** Numbers of groups that are here and not whole. */
  readonly lostGroups: readonly number[];
  /** Cells that say nothing that proves itself, those of `lostGroups` included. */
  readonly unreadable: number;
  /** Root pages of tables that the schema names here. */
  readonly roots: readonly (readonly [table: string, page: number])[];
}

/** Where a chain of overflow pages goes on: where the page before says, or where the map of owners says when they differ. */
type Chain = 'as-named' | 'as-owned';

/** Candidates by number of columns, of trees of indexes. */
const INDEX_TABLES: readonly (readonly RowTable[])[] = [[], [], ['meta'], ['subscription', 'sending', 'receiving', 'retained'], ['queue_chunk', 'state']];
/** A page that was one of a tree and has no header any more. */
const RUIN: TreePage = { type: TREE.tableLeaf, cells: [], children: [], isSound: false };
const SEGMENT_COLUMNS = 4;
const GROUP_LENGTH_AT = 8;
/** Of a row of `segment` before its bytes: header and two integers. */
const SEGMENT_PREFIX = { least: 5, most: 26 } as const;

/**
 * Of a page that is, or was, part of a tree. Undefined: the disk has none of that number.
 *
 * @param page - when it is not known which one it is; `number` is then 0.
 */
export function contentsOfPage(view: PageView, number: number, page = view.page(number)): PageContents | undefined {
  if (page === undefined) return undefined;
  const looks = treePage(page, number) ?? RUIN;
  const isRuin = looks.type === TREE.tableInterior && looks.children.some((child) => child < 2 || child > view.pageCount); // one bit makes it of a leaf
  const tree = isRuin ? RUIN : looks;
  if (tree.type === TREE.tableInterior && tree.isSound) return { groups: [], unlisted: [], rows: [], lostGroups: [], unreadable: 0, roots: [] };
  return new PageReader(view, number, page, tree).read();
}

class PageReader {
  readonly #view: PageView;
  readonly #number: number;
  readonly #page: Buffer;
  readonly #tree: TreePage;
  readonly #groups: FoundGroup[] = [];
  readonly #rows: FoundRow[] = [];
  readonly #lost = new Set<number>();
  readonly #roots: (readonly [string, number])[] = [];
  #unreadable = 0;

  constructor(view: PageView, number: number, page: Buffer, tree: TreePage) {
    this.#view = view;
    this.#number = number;
    this.#page = page;
    this.#tree = tree;
  }

  read(): PageContents {
    for (const cell of this.#tree.cells) this.#readCell(cell);
    if (!this.#tree.isSound) this.#unreadable += 1;
    const unlisted = this.#tree.type === TREE.tableLeaf || this.#unreadable > 0 ? this.#searchGroups() : [];
    const isDamaged = this.#unreadable + this.#lost.size > 0;
    if (isDamaged) this.#groups.push(...unlisted);
    for (const { header } of this.#groups) this.#lost.delete(header.number);
    return {
      groups: this.#groups,
      unlisted: isDamaged ? [] : unlisted,
      rows: this.#rows,
      lostGroups: [...this.#lost],
      unreadable: this.#unreadable,
      roots: this.#roots,
    };
  }

  #readCell(cell: number): void {
    const payload = payloadAt(this.#page, this.#tree.type, cell);
    if (payload === undefined || !(this.#addPayload(payload, 'as-named') || this.#addPayload(payload, 'as-owned'))) this.#unreadable += 1;
  }

  /** False: it is not whole, perhaps because of where the rest of it was looked for. */
  #addPayload(payload: Payload, chain: Chain): boolean {
    const bytes = this.#whole(payload, chain);
    const values = bytes && recordOf(bytes);
    if (values === undefined) return false;
    return payload.rowid === undefined ? this.#addRow(values) : this.#addTableRow(payload.rowid, values);
  }

  #addTableRow(rowid: number, values: readonly Cell[]): boolean {
    const [first, second, , last] = values;
    if (values.length !== SEGMENT_COLUMNS) {
      const isSchema = first === 'table' && typeof second === 'string' && typeof last === 'number';
      if (isSchema) this.#roots.push([second, last]);
      return isSchema;
    }
    if (typeof second === 'string') return this.#addIfSealed('session', [rowid, ...values.slice(1)]);
    const group = Buffer.isBuffer(last) ? wholeGroup(last) : undefined;
    if (group === undefined) this.#lost.add(rowid);
    else this.#groups.push(group);
    return group !== undefined;
  }

  #addRow(values: readonly Cell[]): boolean {
    for (const table of INDEX_TABLES[values.length] ?? []) if (this.#addIfSealed(table, values)) return true;
    const [key, value] = values;
    const isPlain = values.length === 2 && typeof key === 'string' && typeof value === 'number';
    if (isPlain) this.#rows.push({ table: 'meta', row: values, isSealed: false });
    return isPlain;
  }

  #addIfSealed(table: RowTable, row: readonly Cell[]): boolean {
    if (!isSealed(table, row)) return false;
    this.#rows.push({ table, row: row.map((cell) => (Buffer.isBuffer(cell) ? Buffer.from(cell) : cell)), isSealed: true });
    return true;
  }

  /** Groups whose cell cannot be found or read any more: by what every group begins with. */
  #searchGroups(): FoundGroup[] {
    const found: FoundGroup[] = [];
    for (let at = this.#page.indexOf(GROUP_MAGIC_BYTES); at >= 0; at = this.#page.indexOf(GROUP_MAGIC_BYTES, at + 1)) {
      if (at + GROUP_LENGTH_AT + 4 > PAGE_BYTES) break;
      const length = this.#page.readUInt32LE(at + GROUP_LENGTH_AT);
      const group = this.#groupAt(at, length);
      if (group !== undefined && !this.#groups.some(({ header }) => header.number === group.header.number)) found.push(group);
    }
    return found;
  }

  #groupAt(at: number, length: number): FoundGroup | undefined {
    for (let prefix = SEGMENT_PREFIX.least; prefix <= SEGMENT_PREFIX.most; prefix += 1) {
      const local = localBytes(prefix + length, true) - prefix;
      const isInline = local >= length;
      if (local <= 0 || at + local + (isInline ? 0 : 4) > PAGE_BYTES) continue;
      const overflow = isInline ? 0 : this.#page.readUInt32BE(at + local);
      const bytes = this.#whole({ rowid: 0, length, local: this.#page.subarray(at, at + Math.min(local, length)), overflow }, 'as-named');
      const group = bytes && wholeGroup(bytes);
      if (group !== undefined) return group;
      if (isInline) return undefined;
    }
    return undefined;
  }

  /** With the pages it overflows into; undefined when one of them is not there. */
  #whole({ length, local, overflow }: Payload, chain: Chain): Buffer | undefined {
    if (local.length === length) return local;
    if (length > this.#view.pageCount * PAGE_BYTES) return undefined;
    const bytes = Buffer.allocUnsafeSlow(length);
    local.copy(bytes);
    let filled = local.length;
    let before = this.#number;
    let number = overflow;
    while (filled < length) {
      if (chain === 'as-owned') number = this.#view.successor(before, number);
      const page = number < 1 ? undefined : this.#view.page(number);
      if (page === undefined) return undefined;
      filled += page.copy(bytes, filled, PAGE_BYTES - OVERFLOW_BYTES, Math.min(PAGE_BYTES, PAGE_BYTES - OVERFLOW_BYTES + length - filled));
      before = number;
      number = page.readUInt32BE(0);
    }
    return bytes;
  }
}

function wholeGroup(bytes: Buffer): FoundGroup | undefined {
  try {
    return { header: readGroupHeader(bytes), bytes };
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
