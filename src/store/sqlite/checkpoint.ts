// A checkpoint brings the tables up to the log: the rows that changed, each once, in slices that ride on the commits of the following turns; last of
// all the number replay starts from. Then segments nobody refers to are dropped, and pages nobody uses are given back, in slices as well; what of them is
// left when little happens is the business of compaction.
import type { Image } from '../../session/image.ts';
import type { TableWrite } from './schema.ts';
import type { SegmentIndex } from './segment-index.ts';
import { snapshotRows } from './snapshot.ts';

/** Whether rows have a commit to themselves, or go with a group that has to be committed anyway. */
export type Company = 'alone' | 'with-group';

/**
 * Rows and bytes of rows per commit: about 5 ms of a Pi-class processor alone, and 1 ms with a group, whose commit has others to wait for it. A flood has
 * as many commits as that takes.
 */
const SLICE_MAX: Readonly<Record<Company, { readonly rows: number; readonly bytes: number }>> = {
  alone: { rows: 256, bytes: 128 * 1024 },
  'with-group': { rows: 64, bytes: 32 * 1024 },
};
/** Where each commit makes more rows than it takes, a checkpoint would never end: after so many slices they are twice as large, and so on. */
const SLICES_OF_ONE_SIZE = 64;
const SLICE_GROWTH_MAX = 1_024;
const SLICE_DEAD_BYTES_MAX = 256 * 1024;
/** Pages given back per commit, and free pages that are kept for what comes next: 4 MiB. */
const SLICE_VACUUM_PAGES = 256;
const FREE_PAGES_KEPT = 4096;

export interface CheckpointParts {
  readonly image: Image;
  readonly segments: SegmentIndex;
  /** The rows that end a checkpoint. */
  lastRows(replayFrom: number): readonly TableWrite[];
  freePages(): number;
  /** Of room: no page is kept. */
  isShort(): boolean;
}

export class Checkpoint {
  readonly #parts: CheckpointParts;
  #rows: Iterator<TableWrite, void> | undefined;
  #replayFrom = 0;
  /** Every row was given to a unit that is not committed yet. */
  #isEnding = false;
  #isCleaning = false;
  /** Of the checkpoint that is running. */
  #slices = 0;
  #pagesToFree = 0;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
  }

  /** Rows are still to be written. */
  get isRunning(): boolean {
    return this.#rows !== undefined || this.#isEnding;
  }

  get wantsUnit(): boolean {
    return this.isRunning || this.#isCleaning;
  }

  /** @param openGroup - the number of the group that is open: everything below it is in memory and will be in the tables. */
  begin(openGroup: number): void {
    const { image } = this.#parts;
    this.#replayFrom = openGroup;
    this.#slices = 0;
    this.#rows = snapshotRows(image, image.takeDirt());
  }

  /** Everything below `openGroup` is in the tables already, as it is now: nothing before it may be replayed over them any more. */
  moved(openGroup: number): void {
    this.#replayFrom = openGroup;
  }

  /** The next slice. Whatever it holds must be committed before the next one is taken. */
  takeRows(company: Company): { readonly writes: readonly TableWrite[]; readonly vacuumPages: number } {
    const writes = this.#snapshotSlice(company);
    for (const { from, to } of this.#parts.segments.takeDead(SLICE_DEAD_BYTES_MAX)) writes.push({ statement: 'dropSegments', values: [from, to] });
    const vacuumPages = writes.length === 0 ? Math.min(this.#pagesToFree, SLICE_VACUUM_PAGES) : 0;
    this.#pagesToFree -= vacuumPages;
    return { writes, vacuumPages };
  }

  committed(): void {
    const { segments } = this.#parts;
    if (this.#isEnding) {
      this.#isEnding = false;
      this.#isCleaning = true;
      segments.replayFrom(this.#replayFrom);
    }
    if (!this.#isCleaning || segments.deadCount > 0) return;
    if (this.#pagesToFree === 0) this.#isCleaning = this.#planVacuum();
  }

  #snapshotSlice(company: Company): TableWrite[] {
    const writes: TableWrite[] = [];
    const growth = Math.min(2 ** Math.floor(this.#slices / SLICES_OF_ONE_SIZE), SLICE_GROWTH_MAX);
    const rowsMax = SLICE_MAX[company].rows * growth;
    const bytesMax = SLICE_MAX[company].bytes * growth;
    let bytes = 0;
    this.#slices += 1;
    while (this.#rows !== undefined && writes.length < rowsMax && bytes < bytesMax) {
      const { value, done } = this.#rows.next();
      if (done === true || value === undefined) {
        this.#rows = undefined;
        this.#isEnding = true;
        writes.push(...this.#parts.lastRows(this.#replayFrom));
      } else {
        writes.push(value);
        for (const each of value.values) bytes += typeof each === 'object' ? each.length : 8;
      }
    }
    return writes;
  }

  /** Half of the free pages stay when there are few: the next messages want them. */
  #planVacuum(): boolean {
    const free = this.#parts.freePages();
    if (this.#parts.isShort()) this.#pagesToFree = free;
    else if (free > 2 * FREE_PAGES_KEPT) this.#pagesToFree = free - FREE_PAGES_KEPT;
    return this.#pagesToFree > 0;
  }
}
