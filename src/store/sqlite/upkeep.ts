// What the store does for itself beside the log: tables brought up to it, the time noted, and the rows of both on the commits that come anyway.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import type { Image } from '../../session/image.ts';
import { Checkpoint, type Company } from './checkpoint.ts';
import type { CommitLog } from './commit-log.ts';
import type { CommitUnit } from './committer.ts';
import type { GroupStamps } from './group-format.ts';
import { checkpointWrites, cleanWrites, momentWrites } from './meta.ts';
import type { TableWrite } from './schema.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { StoreLimits } from './store-limits.ts';

/** Idle stores note the time this often, so that a board without a clock of its own does not lose hours of gateway time in a power cut. */
const MOMENT_INTERVAL_MS = 10 * 60_000;

export interface UpkeepParts {
  readonly clock: Clock;
  readonly limits: StoreLimits;
  readonly image: Image;
  readonly segments: SegmentIndex;
  readonly log: CommitLog;
  /** Bytes of log that are not in the tables yet. */
  readonly replayedBytes: number;
  stamps(): GroupStamps;
  freePages(): number;
}

export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #checkpoint: Checkpoint;
  /** Bytes of log since the last checkpoint. */
  #logBytes: number;
  /** Rows that are to go with the next unit. */
  #metaRows: TableWrite[] = [];
  #cancelCheckpoint: CancelTimer | undefined;
  #cancelMoment: CancelTimer | undefined;

  constructor(parts: UpkeepParts) {
    const { image, segments } = parts;
    this.#parts = parts;
    this.#logBytes = parts.replayedBytes;
    this.#checkpoint = new Checkpoint({ image, segments, lastRows: (replayFrom) => this.#checkpointRows(replayFrom), freePages: parts.freePages });
    this.#noteTimeLater(parts.log.groupsCommitted);
  }

  /** Rows wait for a unit, even if no record does. */
  get wantsUnit(): boolean {
    return this.#checkpoint.wantsUnit || this.#metaRows.length > 0;
  }

  takeRows(company: Company): { readonly writes: readonly TableWrite[]; readonly vacuumPages: number } {
    const { writes, vacuumPages } = this.#checkpoint.takeRows(company);
    const metaRows = this.#metaRows;
    this.#metaRows = [];
    return { writes: [...writes, ...metaRows], vacuumPages };
  }

  committed({ segment }: CommitUnit): void {
    const { clock, limits } = this.#parts;
    this.#checkpoint.committed();
    if (segment === undefined) return;
    this.#logBytes += segment.bytes.length;
    if (this.#logBytes >= limits.checkpointLogBytes) this.#beginCheckpoint();
    else this.#cancelCheckpoint ??= clock.after(limits.checkpointIntervalMs, () => this.#beginCheckpoint());
  }

  /** The last checkpoint, and the mark of a clean end. @returns false when the disk refuses: the next start replays what this would have spared it. */
  async close(): Promise<boolean> {
    this.#cancelCheckpoint?.();
    this.#cancelMoment?.();
    const isWhole = (await this.#checkpointNow()) && (await this.#checkpointNow());
    if (isWhole) {
      this.#metaRows.push(...momentWrites(this.#parts.stamps()), ...cleanWrites());
      await this.#parts.log.flush();
    }
    return isWhole;
  }

  #beginCheckpoint(): void {
    if (this.#checkpoint.isRunning) return;
    this.#cancelCheckpoint?.();
    this.#cancelCheckpoint = undefined;
    this.#logBytes = 0;
    this.#checkpoint.begin(this.#parts.log.open.number);
    this.#parts.log.wrote();
  }

  /** Ends the checkpoint that is running, or makes one. @returns false when the disk refuses. */
  async #checkpointNow(): Promise<boolean> {
    if (!this.#checkpoint.isRunning) this.#beginCheckpoint();
    while (this.#checkpoint.isRunning) {
      if ((await this.#parts.log.flush()) !== undefined) return false;
    }
    return true;
  }

  #checkpointRows(replayFrom: number): readonly TableWrite[] {
    const { nextSequence, open } = this.#parts.log;
    const at = { replayFrom, nextSequence, nextSessionId: this.#parts.image.nextSessionId, nextGroup: open.number };
    return [...momentWrites(this.#parts.stamps()), ...checkpointWrites(at)];
  }

  #noteTimeLater(groupsSeen: number): void {
    this.#cancelMoment = this.#parts.clock.after(MOMENT_INTERVAL_MS, () => {
      const { groupsCommitted } = this.#parts.log;
      if (groupsCommitted === groupsSeen) {
        this.#metaRows.push(...momentWrites(this.#parts.stamps()));
        this.#parts.log.wrote();
      }
      this.#noteTimeLater(groupsCommitted);
    });
  }
}
