// Which segments are worth being written anew: hollow ones, of which little is alive, and runs of tiny ones. Neighbours become one segment, so that the
// segments stay in the order of their numbers and of their sequences.
import { SEGMENT_BYTES } from '../../model/limits.ts';
import type { Sequence } from '../../session/session-store.ts';
import { type SegmentIndex, type SegmentLook, type SegmentRange, TINY_SEGMENT_BYTES } from './segment-index.ts';

/** A run is read in one turn: a few milliseconds of a Pi-class processor. */
const RUN_SEGMENTS_MAX = 256;
const RUN_BYTES_MAX = 256 * 1024;
/** Tiny segments become one when so many lie side by side, or have so many bytes together: no byte is rolled more than three times. */
export const FAN_IN_MIN = 16;
const ROLLED_BYTES_MIN = SEGMENT_BYTES / 2;
/** Positions of messages, and the groups a compacted one stands for, are counted in 32 bits. */
const SPAN_MAX = 0xffff_ffff;
/** Segments looked at in one turn. */
const SCAN_MAX = 50_000;

/** Neighbours that are to become one segment, from its first to its last live one; dead ones between them go with them. */
export interface SegmentRun extends SegmentRange {
  readonly firstSequence: Sequence;
  readonly nextSequence: Sequence;
  /** The live ones, in order. */
  readonly numbers: readonly number[];
  readonly bytes: number;
  /** References to their messages. */
  readonly live: number;
  /** All of them are tiny. Otherwise none is, and all are hollow. */
  readonly isTiny: boolean;
  /** It is known for certain how much of them is alive. */
  readonly isExact: boolean;
}

export interface FoundRun {
  readonly run: SegmentRun | undefined;
  /** Where the search goes on; undefined: it is over. */
  readonly next: number | undefined;
}

/** Hollow: worth reading on its own. Whole: may be joined to others when it is tiny. */
export type Judgement = 'hollow' | 'whole' | 'untouchable';

export interface RunRules {
  judge(segment: SegmentLook): Judgement;
  /** So many tiny segments side by side become one, however few bytes they have together. */
  readonly fanInMin: number;
}

/** The first run worth rewriting among the segments from number `from` on. */
export function findRun(segments: SegmentIndex, from: number, rules: RunRules): FoundRun {
  const look: SegmentLook = { number: 0, firstSequence: 0, nextSequence: 0, bytes: 0, live: 0, liveBytes: 0, examinedBytes: 0 };
  const start = segments.indexFrom(from);
  let run = new GrowingRun(rules.fanInMin);
  for (let index = start; segments.look(index, look); index += 1) {
    if (look.live === 0) continue; // dead or dropped: no neighbours are parted by it
    const judgement = rules.judge(look);
    if (run.add(look, judgement)) continue;
    if (run.isWorthIt) return { run: run.done(), next: look.number };
    if (index - start >= SCAN_MAX) return { run: undefined, next: look.number };
    run = new GrowingRun(rules.fanInMin);
    run.add(look, judgement);
  }
  return { run: run.isWorthIt ? run.done() : undefined, next: undefined };
}

class GrowingRun {
  readonly #fanInMin: number;
  readonly #numbers: number[] = [];
  #firstSequence = 0;
  #nextSequence = 0;
  #bytes = 0;
  #live = 0;
  #liveBytes = 0;
  #hasHollow = false;
  #isTiny = false;
  #isExact = true;

  constructor(fanInMin: number) {
    this.#fanInMin = fanInMin;
  }

  get isWorthIt(): boolean {
    return this.#hasHollow || isRollable(this.#numbers.length, this.#liveBytes, this.#fanInMin);
  }

  /** False when it does not belong to this run. */
  add(segment: SegmentLook, judgement: Judgement): boolean {
    const isTiny = segment.bytes < TINY_SEGMENT_BYTES;
    if (judgement === 'untouchable' || (judgement === 'whole' && !isTiny)) return false;
    if (this.#numbers.length === 0) {
      this.#firstSequence = segment.firstSequence;
      this.#isTiny = isTiny;
    } else if (isTiny !== this.#isTiny || !this.#hasRoomFor(segment)) {
      return false;
    }
    this.#numbers.push(segment.number);
    this.#nextSequence = segment.nextSequence;
    this.#bytes += segment.bytes;
    this.#live += segment.live;
    this.#liveBytes += segment.liveBytes;
    this.#hasHollow ||= judgement === 'hollow';
    this.#isExact &&= segment.liveBytes === segment.examinedBytes;
    return true;
  }

  done(): SegmentRun {
    const from = this.#numbers[0] ?? 0;
    const to = this.#numbers.at(-1) ?? 0;
    return {
      from,
      to,
      firstSequence: this.#firstSequence,
      nextSequence: this.#nextSequence,
      numbers: this.#numbers,
      bytes: this.#bytes,
      live: this.#live,
      isTiny: this.#isTiny,
      isExact: this.#isExact,
    };
  }

  #hasRoomFor({ number, nextSequence, bytes, liveBytes }: SegmentLook): boolean {
    const isNear = number - (this.#numbers[0] ?? number) <= SPAN_MAX && nextSequence - this.#firstSequence <= SPAN_MAX;
    const isSmall = this.#bytes + bytes <= RUN_BYTES_MAX && this.#liveBytes + liveBytes <= SEGMENT_BYTES;
    return isNear && isSmall && this.#numbers.length < RUN_SEGMENTS_MAX;
  }
}

/** Whether so many tiny segments, none of them hollow, are better as one of `bytes` bytes. */
export function isRollable(count: number, bytes: number, fanInMin: number): boolean {
  return count >= fanInMin || (count > 1 && bytes >= ROLLED_BYTES_MIN);
}
