// What the store does for itself beside the log: tables brought up to it, the time noted, the file kept small, and the rows of all that on the commits that
// come anyway.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import { CHECKPOINT_LOG_BYTES_MIN } from '../../model/limits.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { Image } from '../../session/image.ts';
import { Checkpoint, type Company } from './checkpoint.ts';
import type { CommitLog } from './commit-log.ts';
import type { CommitUnit } from './committer.ts';
import { Compaction, type CompactionSlice, NO_SLICE } from './compaction.ts';
import type { DatabaseSize } from './database-size.ts';
import type { Group } from './group.ts';
import type { GroupStamps } from './group-format.ts';
import type { GroupReader } from './group-reader.ts';
import type { WholeStore } from './heal-while-running.ts';
import { checkpointWrites, cleanWrites, isCleanMark, momentWrites } from './meta.ts';
import type { OpenGroup } from './open-group.ts';
import type { TableWrite } from './schema.ts';
import type { SegmentIndex } from './segment-index.ts';
import { allRows } from './snapshot.ts';
import type { StoreLimits } from './store-limits.ts';
import type { WearMeter } from './wear-meter.ts';

/** A row that changes takes its page along, once into SQLite's log and once into the file, and so does its copy. */
const ROW_COST_BYTES = 4 * 1024;
/** How much more log there must be than what its checkpoint costs. */
const CHEAP_FACTOR = 4;
/** Idle stores note the time this often, so that a board without a clock of its own does not lose hours of gateway time in a power cut. */
const MOMENT_INTERVAL_MS = 10 * 60_000;

export interface UpkeepParts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly limits: StoreLimits;
  readonly image: Image;
  readonly segments: SegmentIndex;
  readonly log: CommitLog;
  /** Bytes of log that are not in the tables yet. */
  readonly replayedBytes: number;
  readonly reader: GroupReader;
  readonly size: DatabaseSize;
  /** Its rows go with the end of a checkpoint. */
  readonly wear: Pick<WearMeter, 'takeRows' | 'allRows'>;
  stamps(): GroupStamps;
  /** The last chance to write into the group. */
  closing(group: OpenGroup): void;
  /** Free pages go back to the file system, every one. */
  isShort(): boolean;
}

export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #checkpoint: Checkpoint;
  readonly #compaction: Compaction;
  /** Bytes of log since the last checkpoint. */
  #logBytes: number;
  /** Rows that are to go with the next unit. */
  #metaRows: TableWrite[] = [];
  #cancelCheckpoint: CancelTimer | undefined;
  #cancelMoment: CancelTimer | undefined;
  #cancelRest: CancelTimer | undefined;
  #isAtRest = false;
  /** The next compaction is asked for by a disk that runs full. */
  #isUrgent = false;

  constructor(parts: UpkeepParts) {
    const { image, segments, reader } = parts;
    this.#parts = parts;
    this.#logBytes = parts.replayedBytes;
    this.#checkpoint = new Checkpoint({
      image,
      segments,
      lastRows: (replayFrom) => this.#checkpointRows(replayFrom),
      freePages: () => reader.freePages,
      isShort: parts.isShort,
    });
    this.#compaction = new Compaction({ ...parts, wantUnit: () => parts.log.wrote() });
    this.#restLater();
    this.#noteTimeLater(parts.log.groupsCommitted);
  }

  /** Rows wait for a unit, even if no record does. */
  get wantsUnit(): boolean {
    return this.#checkpoint.wantsUnit || this.#compaction.wantsUnit || this.#metaRows.length > 0;
  }

  /** Undefined: none ended in this boot. */
  get sinceCompactionSeconds(): number | undefined {
    const { endedMs } = this.#compaction;
    return endedMs === undefined ? undefined : Math.round((this.#parts.clock.monotonicMs() - endedMs) / 1000);
  }

  /** Something is on its way to the tables, or out of the file. */
  get isBusy(): boolean {
    return this.#checkpoint.wantsUnit || this.#compaction.isRunning;
  }

  /** Gives back now, and not when a checkpoint is due, what the log takes for nobody. */
  reclaim(): void {
    if (this.isBusy) return;
    this.#isUrgent = true;
    if (this.#logBytes > 0 || this.#parts.reader.freePages > 0) this.#beginCheckpoint();
    else this.#compaction.begin('urgent');
  }

  /** Makes a unit of its own. */
  noteTime(): void {
    this.#metaRows.push(...momentWrites(this.#parts.stamps()));
    this.#parts.log.wrote();
  }

  /** With a slice of compaction when the checkpoint has none. */
  takeRows(company: Company): CompactionSlice {
    const isCheckpointDue = this.#checkpoint.wantsUnit;
    const rows = this.#checkpoint.takeRows(company);
    const slice = isCheckpointDue ? NO_SLICE : this.#compaction.takeSlice();
    const metaRows = this.#metaRows;
    this.#metaRows = [];
    return {
      writes: [...rows.writes, ...slice.writes, ...metaRows],
      vacuumPages: rows.vacuumPages + slice.vacuumPages,
      cutsLog: slice.cutsLog,
    };
  }

  committed({ segment }: CommitUnit): void {
    const { clock, limits } = this.#parts;
    const wasRunning = this.#checkpoint.isRunning;
    this.#checkpoint.committed();
    this.#compaction.committed();
    if (wasRunning && !this.#checkpoint.isRunning) this.#compaction.begin(this.#pace);
    if (segment === undefined) return;
    this.#isAtRest = false;
    this.#compaction.slowDown();
    this.#restLater();
    this.#logBytes += segment.bytes.length;
    if (this.#logBytes >= limits.checkpointLogBytes || this.#isCheckpointCheap) this.#beginCheckpoint();
    else this.#cancelCheckpoint ??= clock.after(limits.checkpointIntervalMs, () => this.#beginCheckpoint());
  }

  /** The last checkpoint, and the mark of a clean end. @returns false when the disk refuses: the next start replays what this would have spared it. */
  async close(): Promise<boolean> {
    this.#cancelCheckpoint?.();
    this.#cancelMoment?.();
    this.#cancelRest?.();
    this.#compaction.stop();
    const isWhole = (await this.#checkpointNow()) && (await this.#checkpointNow());
    if (isWhole) {
      this.#metaRows.push(...momentWrites(this.#parts.stamps()), ...cleanWrites());
      await this.#parts.log.flush();
    }
    return isWhole;
  }

  /** Gives back to the file system whatever can be given, before anything else is upkept; commits go on. @returns false when the disk refuses. */
  async compactNow(): Promise<boolean> {
    if (!(await this.#checkpointNow())) return false;
    this.#compaction.begin('urgent');
    while (this.#compaction.isRunning) {
      if ((await this.#parts.log.flush()) !== undefined) return false;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    return true;
  }

  /** Nothing was written for a while: what waits for a checkpoint waits no longer, if it is enough to be worth one. */
  #rest(): void {
    this.#isAtRest = true;
    if (this.#logBytes >= this.#parts.limits.compactGainBytes) this.#beginCheckpoint();
    else this.#compaction.begin('rest');
  }

  #restLater(): void {
    const { clock, limits, log } = this.#parts;
    const groupsSeen = log.groupsCommitted;
    this.#cancelRest ??= clock.after(limits.restMs, () => {
      this.#cancelRest = undefined;
      if (log.groupsCommitted === groupsSeen) this.#rest();
      else this.#restLater();
    });
  }

  get #isCheckpointCheap(): boolean {
    return this.#logBytes >= CHECKPOINT_LOG_BYTES_MIN && this.#parts.image.dirtyRows * ROW_COST_BYTES * CHEAP_FACTOR <= this.#logBytes;
  }

  get #pace(): 'urgent' | 'rest' | 'busy' {
    if (this.#isUrgent) {
      this.#isUrgent = false;
      return 'urgent';
    }
    return this.#isAtRest ? 'rest' : 'busy';
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

  /** @param bootRows - what this boot wrote when it began. */
  whole(bootRows: readonly TableWrite[]): WholeStore {
    const { segments, log } = this.#parts;
    return {
      rows: (unit) => this.#wholeRows(unit, bootRows),
      liveGroups: () => segments.liveNumbers(),
      openGroup: () => this.#openGroup(),
      moved: () => this.#checkpoint.moved(log.open.number),
    };
  }

  /** The tables as they should be, with everything that is in memory: nothing before the open group is replayed over them. */
  *#wholeRows({ writes }: CommitUnit, bootRows: readonly TableWrite[]): Generator<TableWrite> {
    const { image, log, wear } = this.#parts;
    yield* allRows(image);
    yield* [...wear.allRows(), ...bootRows, ...this.#checkpointRows(log.open.number), ...writes.filter(isCleanMark)];
  }

  #openGroup(): Group | undefined {
    const { log, closing, stamps } = this.#parts;
    closing(log.open);
    if (log.open.isEmpty) return undefined;
    log.wrote();
    return log.open.soFar(log.nextSequence, stamps());
  }

  #checkpointRows(replayFrom: number): readonly TableWrite[] {
    const { nextSequence, open } = this.#parts.log;
    const at = { replayFrom, nextSequence, nextSessionId: this.#parts.image.nextSessionId, nextGroup: open.number };
    return [...this.#parts.wear.takeRows(), ...momentWrites(this.#parts.stamps()), ...checkpointWrites(at)];
  }

  #noteTimeLater(groupsSeen: number): void {
    this.#cancelMoment = this.#parts.clock.after(MOMENT_INTERVAL_MS, () => {
      const { groupsCommitted } = this.#parts.log;
      if (groupsCommitted === groupsSeen) this.noteTime();
      this.#noteTimeLater(groupsCommitted);
    });
  }
}
