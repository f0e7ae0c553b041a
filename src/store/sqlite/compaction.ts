// Keeps the file near the size of what lives in it. Hollow segments and runs of tiny ones are written anew, dead ones dropped, free pages given back, and
// at rest SQLite's log is cut: in slices, each a part of one commit unit, so that the file goes from the old segments to the new ones in one transaction.
//
// A rewritten segment has the number of the last of those it stands for, and lies below the start of replay: nothing of it is ever replayed, and
// recovery, which looks for holes from there on, misses none of the others. Sequences stay what they were, so no queue is touched.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import type { Image } from '../../session/image.ts';
import { FAN_IN_MIN, findRun, isRollable, type RunRules, type SegmentRun } from './compaction-plan.ts';
import type { DatabaseSize } from './database-size.ts';
import type { Group } from './group.ts';
import type { GroupReader } from './group-reader.ts';
import { GroupRewriter } from './group-rewriter.ts';
import type { TableWrite } from './schema.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { StoreLimits } from './store-limits.ts';

/** Share of its bytes below which a segment is hollow: each byte written anew frees one. */
const HOLLOW_SHARE = 0.5;
/** Bytes of all segments for each byte that lives in them, above which those below the mean are hollow: each 2.5 bytes written anew free one. */
const EXCESS = 1.4;
/** In such a store, two tiny segments are enough to be rolled into one. */
const FAN_IN_EXCESS_MIN = 2;
/** A segment is read again only after so great a part of it was settled. */
const EXAMINED_SHARE = 1 / 8;

/** Of one unit: what is rewritten, what is dropped, how long that may take, and pages given back. */
const SLICE_BYTES_MAX = 256 * 1024;
const SLICE_DEAD_BYTES_MAX = 1024 * 1024;
const SLICE_MS = 3;
const SLICE_VACUUM_PAGES = 256;
/** Free pages and bytes of SQLite's log that a store at rest keeps: the next messages want them. */
const FREE_PAGES_KEPT = 1024;
const LOG_BYTES_KEPT = 1024 * 1024;

/** The wait between two slices: for each millisecond the last one took, commit included, and in all. At rest nobody else wants the disk. */
const PAUSES: Record<Pace, { readonly factor: number; readonly msMax: number }> = {
  busy: { factor: 7, msMax: Number.POSITIVE_INFINITY },
  rest: { factor: 2, msMax: 30 },
  urgent: { factor: 0, msMax: 0 },
};
const PAUSE_MS_MIN = 10;
/** With so many tiny segments a busy store compacts as one at rest. */
const TINY_SEGMENTS_MAX = 16_384;

/** Beside messages that come; in a store that has nothing else to do; with everything else waiting. */
export type Pace = 'busy' | 'rest' | 'urgent';

/** What is to be done next: the log of the store, free pages, SQLite's log. */
type Step = 'segments' | 'pages' | 'log';

/** Rows and orders for the next unit. */
export interface CompactionSlice {
  readonly writes: readonly TableWrite[];
  readonly vacuumPages: number;
  readonly cutsLog: boolean;
}

export interface CompactionParts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly limits: StoreLimits;
  readonly image: Image;
  readonly segments: SegmentIndex;
  readonly reader: GroupReader;
  readonly size: DatabaseSize;
  /** A unit is wanted. */
  wantUnit(): void;
}

export const NO_SLICE: CompactionSlice = { writes: [], vacuumPages: 0, cutsLog: false };

export class Compaction {
  readonly #parts: CompactionParts;
  readonly #segmentsRewritten: Counter;
  readonly #bytesRead: Counter;
  readonly #bytesWritten: Counter;
  readonly #refused: Counter;
  /** Segments without a message that a queue waits for. */
  readonly #untouchable = new Set<number>();
  #pace: Pace | undefined;
  #step: Step = 'segments';
  /** Number of the segment the pass goes on from, and whether it has changed any or learnt how much of one is alive. */
  #cursor = 0;
  #hasChanged = false;
  #isDue = false;
  #isStopped = false;
  /** The slice is in a unit that is not committed yet. */
  #isOut = false;
  #sliceStartedMs = 0;
  #lastSliceMs = 0;
  #cancelPause: CancelTimer | undefined;
  #endedMs: number | undefined;

  constructor(parts: CompactionParts) {
    const { metrics, segments, size } = parts;
    this.#parts = parts;
    this.#segmentsRewritten = metrics.counter('store.compaction.segments');
    this.#bytesRead = metrics.counter('store.compaction.bytes-read');
    this.#bytesWritten = metrics.counter('store.compaction.bytes-written');
    this.#refused = metrics.counter('store.compaction.refused');
    metrics.gauge('store.segments.bytes', () => segments.bytes);
    metrics.gauge('store.segments.live-bytes', () => segments.liveBytes);
    metrics.gauge('store.file.bytes', () => size.bytes);
  }

  get wantsUnit(): boolean {
    return this.#isDue;
  }

  get isRunning(): boolean {
    return this.#pace !== undefined;
  }

  /** Monotonic; undefined: not in this boot. */
  get endedMs(): number | undefined {
    return this.#endedMs;
  }

  /** Starts a pass if there is something to win, or begins the one that runs anew. */
  begin(pace: Pace): void {
    const isRunning = this.#pace !== undefined;
    if (this.#isStopped) return;
    if (!isRunning && !this.#isWorthIt(pace)) return;
    this.#pace = pace;
    this.#step = 'segments';
    this.#cursor = 0;
    this.#hasChanged = false;
    if (!isRunning || pace === 'urgent') this.#continue();
  }

  /** Messages come again. */
  slowDown(): void {
    if (this.#pace === 'rest') this.#pace = 'busy';
  }

  stop(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    this.#isDue = false;
    this.#pace = undefined;
    this.#isStopped = true;
  }

  /** What the next unit takes along. Must be committed before the next slice is taken. */
  takeSlice(): CompactionSlice {
    if (!this.#isDue) return NO_SLICE;
    this.#isDue = false;
    this.#isOut = true;
    this.#sliceStartedMs = this.#parts.clock.monotonicMs();
    if (this.#step === 'segments') {
      const writes = [...this.#dropDead(), ...this.#rewriteSome()];
      if (writes.length > 0) return { ...NO_SLICE, writes };
      if (this.#step === 'segments') return NO_SLICE;
    }
    if (this.#step === 'pages') {
      const vacuumPages = Math.min(SLICE_VACUUM_PAGES, this.#pagesToFree(this.#pace));
      if (vacuumPages > 0) return { ...NO_SLICE, vacuumPages };
      this.#step = 'log';
    }
    return { ...NO_SLICE, cutsLog: this.#endPass() };
  }

  committed(): void {
    if (!this.#isOut) return;
    this.#isOut = false;
    this.#lastSliceMs = this.#parts.clock.monotonicMs() - this.#sliceStartedMs;
    this.#parts.reader.replaced();
    if (this.#pace !== undefined) this.#continue();
  }

  /** @returns whether SQLite's log is to be cut. */
  #endPass(): boolean {
    const cutsLog = this.#isLogToCut(this.#pace);
    this.#pace = undefined;
    this.#endedMs = this.#parts.clock.monotonicMs();
    return cutsLog;
  }

  #isWorthIt(pace: Pace): boolean {
    const { segments, limits } = this.#parts;
    const isGain = segments.bytes - segments.liveBytes >= limits.compactGainBytes || segments.tinyCount >= FAN_IN_MIN;
    return isGain || pace === 'urgent' || this.#pagesToFree(pace) > 0 || this.#isLogToCut(pace);
  }

  #continue(): void {
    this.#cancelPause?.();
    this.#cancelPause = undefined;
    if (this.#isOut) return;
    const { clock, segments, wantUnit } = this.#parts;
    const isBehind = this.#pace === 'busy' && segments.tinyCount > TINY_SEGMENTS_MAX;
    const { factor, msMax } = PAUSES[isBehind ? 'rest' : (this.#pace ?? 'busy')];
    const due = (): void => {
      this.#isDue = true;
      wantUnit();
    };
    if (factor === 0) due();
    else this.#cancelPause = clock.after(Math.max(PAUSE_MS_MIN, Math.min(msMax, factor * this.#lastSliceMs)), due);
  }

  #dropDead(): TableWrite[] {
    const dead = this.#parts.segments.takeDead(SLICE_DEAD_BYTES_MAX);
    return dead.map(({ from, to }) => ({ statement: 'dropSegments', values: [from, to] }));
  }

  #rewriteSome(): TableWrite[] {
    const { clock, segments } = this.#parts;
    const rules = this.#rules();
    const writes: TableWrite[] = [];
    let bytes = 0;
    while (bytes < SLICE_BYTES_MAX && clock.monotonicMs() - this.#sliceStartedMs < SLICE_MS) {
      const { run, next } = findRun(segments, this.#cursor, rules);
      if (run !== undefined) bytes += this.#rewrite(run, rules, writes);
      this.#cursor = next ?? 0;
      if (next !== undefined) continue;
      if (!this.#hasChanged || this.#pace === 'busy') this.#step = 'pages';
      this.#hasChanged = false;
      break;
    }
    segments.closeGaps();
    return writes;
  }

  /** What is hollow now. Damaged segments stay as they are: salvage may want them. */
  #rules(): RunRules {
    const { segments, limits, reader } = this.#parts;
    const gainMin = this.#pace === 'urgent' ? 0 : limits.compactGainBytes;
    const isExcess = segments.bytes > EXCESS * segments.liveBytes + gainMin;
    const isWorthIt = segments.bytes - segments.liveBytes >= gainMin;
    const share = isExcess ? 1 / EXCESS : HOLLOW_SHARE;
    return {
      fanInMin: isExcess ? FAN_IN_EXCESS_MIN : FAN_IN_MIN,
      judge: ({ number, bytes, liveBytes, examinedBytes }) => {
        if (reader.isDamaged(number) || this.#untouchable.has(number)) return 'untouchable';
        if (!isWorthIt || liveBytes >= share * bytes) return 'whole';
        return isExcess || liveBytes === examinedBytes || examinedBytes - liveBytes >= EXAMINED_SHARE * bytes ? 'hollow' : 'whole';
      },
    };
  }

  /** @returns how many bytes were read. */
  #rewrite(run: SegmentRun, rules: RunRules, writes: TableWrite[]): number {
    const { segments, reader } = this.#parts;
    const rewritten = this.#rewritten(run, rules);
    this.#bytesRead.value += run.bytes;
    if (rewritten !== 'as they are' || !run.isExact) this.#hasChanged = true;
    if (rewritten === 'as they are') return run.bytes;
    const { bytes } = rewritten;
    for (const number of run.numbers) reader.forget(number);
    reader.replace(rewritten);
    if (run.from < run.to) writes.push({ statement: 'dropSegments', values: [run.from, run.to] });
    writes.push({ statement: 'putSegment', values: [run.to, run.firstSequence, run.nextSequence, bytes] });
    segments.replace(run, bytes.length);
    this.#segmentsRewritten.value += run.numbers.length;
    this.#bytesWritten.value += bytes.length;
    return run.bytes;
  }

  #rewritten({ firstSequence, numbers, from, bytes, live, isTiny }: SegmentRun, { fanInMin }: RunRules): Group | 'as they are' {
    const { image, reader, segments } = this.#parts;
    const rewriter = new GroupRewriter(firstSequence, bytes, (session, sequence) => image.session(session)?.queue.has(sequence) === true);
    let last: Group | undefined;
    for (const number of numbers) {
      const group = reader.groupOnce(number);
      if (group === undefined) {
        this.#hasChanged = true; // the next pass goes around it
        return 'as they are';
      }
      const bytesBefore = rewriter.bytes;
      rewriter.take(group);
      segments.examined(number, rewriter.bytes - bytesBefore);
      last = group;
    }
    if (last === undefined || rewriter.references !== live) return this.#refuse(numbers);
    const isRolled = isTiny && isRollable(numbers.length, rewriter.bytes, fanInMin);
    if (!isRolled && rewriter.bytes > bytes / EXCESS) return 'as they are';
    return rewriter.close(last.header, from);
  }

  /** A queue waits for a message that is not there: what is there is not thrown away for it. */
  #refuse(numbers: readonly number[]): 'as they are' {
    for (const number of numbers) this.#untouchable.add(number);
    this.#refused.value += numbers.length;
    return 'as they are';
  }

  #pagesToFree(pace: Pace | undefined): number {
    if (pace === 'busy') return 0;
    const free = this.#parts.reader.freePages;
    if (pace === 'urgent') return free;
    return free > 2 * FREE_PAGES_KEPT ? free - FREE_PAGES_KEPT : 0;
  }

  #isLogToCut(pace: Pace | undefined): boolean {
    return pace !== 'busy' && this.#parts.size.logBytes > (pace === 'urgent' ? 0 : LOG_BYTES_KEPT);
  }
}
