// A database as pages: those of the file, with those of the log over them. Which of them are part of a tree now is said three times over, by the
// trees, by the list of free pages and by the map of owners that `auto_vacuum` keeps; what one of them cannot say any more the others do.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { PAGE_BYTES, payloadAt, recordOf, TREE, treePage } from './page-format.ts';
import type { WalFrame } from './wal-file.ts';

const BLOCK_PAGES = 64;
const BLOCKS_KEPT = 64;
/** Entries of one page of the map of owners, and how it is laid out: type, then the page that points here. */
const OWNERS_PER_PAGE = Math.floor(PAGE_BYTES / 5);
const OWNER_BYTES = 5;
const OWNER = { root: 1, free: 2, firstOverflow: 3, overflow: 4, tree: 5 } as const;
const KNOWN_OWNERS: ReadonlySet<number> = new Set(Object.values(OWNER));
/** The page of the byte that locks are taken on is never used. */
const LOCK_PAGE = 0x4000_0000 / PAGE_BYTES + 1;
const FREE_HEAD_AT = 32;
/** Column of `sqlite_schema` with the root page. */
const ROOT_COLUMN = 3;

interface Owner {
  readonly type: number;
  readonly page: number;
}

export class PageView {
  pageCount: number;
  readonly #file: number | undefined;
  readonly #frames = new Map<number, Buffer>();
  readonly #blocks = new Map<number, Buffer>();
  #successors: Map<number, number[]> | undefined;

  /** @param path - a file that is missing or cannot be opened has no pages. */
  constructor(path: string, frames: readonly WalFrame[]) {
    this.#file = opened(path);
    this.pageCount = this.#file === undefined ? 0 : Math.ceil(fstatSync(this.#file).size / PAGE_BYTES);
    for (const frame of frames) this.overlay(frame);
  }

  overlay({ page, bytes }: WalFrame): void {
    if (page === 0) return;
    this.#frames.set(page, bytes);
    this.pageCount = Math.max(this.pageCount, page);
    this.#successors = undefined;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  /** Undefined when the disk has none of that number. A page that is cut off ends with zeros. */
  page(number: number): Buffer | undefined {
    const logged = this.#frames.get(number);
    if (logged !== undefined) return logged;
    const index = Math.floor((number - 1) / BLOCK_PAGES);
    const block = this.#blocks.get(index) ?? this.#load(index);
    const at = ((number - 1) % BLOCK_PAGES) * PAGE_BYTES;
    return at < block.length ? block.subarray(at, at + PAGE_BYTES) : undefined;
  }

  /**
   * Numbers of the pages that are part of a tree now. Pages of which only their look says so come first: what the others say of the same key is said
   * later, and holds.
   */
  *livePages(): Generator<number> {
    const reachable = this.#reachable();
    const free = this.#freePages();
    const sure: number[] = [];
    for (let number = 1; number <= this.pageCount; number += 1) {
      if (reachable.has(number)) sure.push(number);
      else if (!free.has(number)) {
        const { type } = this.#ownerOf(number);
        if (type === OWNER.root || type === OWNER.tree) sure.push(number);
        else if (reachable.size <= 1 && !KNOWN_OWNERS.has(type) && this.#looksLive(number)) yield number;
      }
    }
    yield* sure;
  }

  #looksLive(number: number): boolean {
    const page = this.page(number);
    return page !== undefined && treePage(page, number)?.isSound === true;
  }

  /**
   * The page that follows in a chain of overflow pages.
   *
   * @param named - what the page before says. When the map of owners knows better, that is taken.
   */
  successor(before: number, named: number): number {
    const { type, page } = this.#ownerOf(named);
    if ((type === OWNER.overflow || type === OWNER.firstOverflow) && page === before) return named;
    const others = this.#successorsOf(before);
    return others.length === 1 ? (others[0] ?? named) : named;
  }

  #successorsOf(before: number): readonly number[] {
    if (this.#successors === undefined) {
      this.#successors = new Map();
      for (let number = 3; number <= this.pageCount; number += 1) {
        const { type, page } = this.#ownerOf(number);
        if (type !== OWNER.overflow && type !== OWNER.firstOverflow) continue;
        const known = this.#successors.get(page);
        if (known === undefined) this.#successors.set(page, [number]);
        else known.push(number);
      }
    }
    return this.#successors.get(before) ?? [];
  }

  #ownerOf(number: number): Owner {
    if (number < 3 || number > this.pageCount) return { type: 0, page: 0 };
    const group = Math.floor((number - 2) / (OWNERS_PER_PAGE + 1)) * (OWNERS_PER_PAGE + 1) + 2;
    const mapPage = group === LOCK_PAGE ? group + 1 : group;
    const map = this.page(mapPage);
    if (map === undefined || number <= mapPage) return { type: 0, page: 0 };
    const at = OWNER_BYTES * (number - mapPage - 1);
    return { type: map.readUInt8(at), page: map.readUInt32BE(at + 1) };
  }

  /** From the roots that the schema names. */
  #reachable(): ReadonlySet<number> {
    const seen = new Set<number>();
    const waiting: { readonly number: number; readonly isSchema: boolean }[] = [{ number: 1, isSchema: true }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { number, isSchema } = next;
      if (number < 1 || number > this.pageCount || seen.has(number)) continue;
      const { isTree, children, roots } = this.#below(number);
      if (!isTree) continue;
      seen.add(number);
      for (const child of children) waiting.push({ number: child, isSchema });
      if (isSchema) for (const root of roots) waiting.push({ number: root, isSchema: false });
    }
    return seen;
  }

  #below(number: number): { readonly isTree: boolean; readonly children: readonly number[]; readonly roots: readonly number[] } {
    const page = this.page(number);
    const tree = page && treePage(page, number);
    if (page === undefined || tree === undefined) return { isTree: false, children: [], roots: [] };
    return { isTree: true, children: tree.children, roots: tree.type === TREE.tableLeaf ? [...rootsIn(page, tree.cells)] : [] };
  }

  #freePages(): ReadonlySet<number> {
    const free = new Set<number>();
    const header = this.page(1);
    let trunk = header === undefined ? 0 : header.readUInt32BE(FREE_HEAD_AT);
    while (trunk > 1 && trunk <= this.pageCount && !free.has(trunk)) {
      const page = this.page(trunk);
      if (page === undefined) break;
      free.add(trunk);
      const leaves = Math.min(page.readUInt32BE(4), PAGE_BYTES / 4 - 2);
      for (let index = 0; index < leaves; index += 1) free.add(page.readUInt32BE(8 + 4 * index));
      trunk = page.readUInt32BE(0);
    }
    return free;
  }

  #load(index: number): Buffer {
    const block = Buffer.alloc(BLOCK_PAGES * PAGE_BYTES);
    const length = this.#file === undefined ? 0 : readWhatCanBe(this.#file, block, index * block.length);
    const whole = block.subarray(0, Math.ceil(length / PAGE_BYTES) * PAGE_BYTES);
    this.#blocks.set(index, whole);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= BLOCKS_KEPT) break;
      this.#blocks.delete(oldest);
    }
    return whole;
  }
}

function* rootsIn(page: Buffer, cells: readonly number[]): Generator<number> {
  for (const cell of cells) {
    const payload = payloadAt(page, TREE.tableLeaf, cell);
    const root = payload && recordOf(payload.local)?.[ROOT_COLUMN];
    if (typeof root === 'number') yield root;
  }
}

/** Sectors that the disk refuses are left as zeros. */
function readWhatCanBe(file: number, block: Buffer, position: number): number {
  try {
    return readSync(file, block, 0, block.length, position);
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
  }
  let length = 0;
  for (let at = 0; at < block.length; at += PAGE_BYTES) {
    try {
      const read = readSync(file, block, at, PAGE_BYTES, position + at);
      if (read > 0) length = at + read;
    } catch (error) {
      if (!(error instanceof Error) || !('syscall' in error)) throw error;
    }
  }
  return length;
}

function opened(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return undefined;
    throw error;
  }
}
