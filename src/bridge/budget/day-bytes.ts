// What a metered link has carried today. The count is written ahead of itself, so that a crash never gives bytes back.
import type { StateSpace } from '../../gateway/gateway.ts';

/** State key: the day and its bytes. */
const DAY_KEY = 'day';
const DAY_MS = 86_400_000;
/** Written ahead of what is used, as a share of the day's bytes: so many writes a day at most, and as much is lost of it by a crash. */
const AHEAD_SHARE = 1 / 128;

interface Kept {
  readonly day: number;
  readonly bytes: number;
}

/** Now, by both clocks. */
export interface DayTime {
  /** As `EpochMs`, but local: whole days begin at midnight. */
  readonly localMs: number;
  readonly monotonicMs: number;
}

export class DayBytes {
  readonly #state: Pick<StateSpace, 'get' | 'put'>;
  readonly #bytesMax: number;
  #kept: Kept;
  #used: number;
  /** The count, or this process. */
  #beganAtMs: number;

  /** @param now - where nothing was written yet, this day begins. */
  constructor(state: Pick<StateSpace, 'get' | 'put'>, bytesMax: number, now: DayTime) {
    this.#state = state;
    this.#bytesMax = bytesMax;
    this.#kept = readKept(state) ?? { day: dayOf(now), bytes: 0 };
    this.#used = this.#kept.bytes;
    this.#beganAtMs = now.monotonicMs;
  }

  get used(): number {
    return this.#used;
  }

  get isUsedUp(): boolean {
    return this.#used >= this.#bytesMax;
  }

  took(bytes: number): void {
    this.#used += bytes;
    if (this.#used > this.#kept.bytes) this.#keep({ ...this.#kept, bytes: Math.ceil(this.#used + this.#bytesMax * AHEAD_SHARE) });
  }

  /**
   * Begins a new day if it is one. A clock that is set ahead over midnight begins it at once; one that is set back does not begin the day before again:
   * the count goes on until its day is over, or it has gone on for a day.
   */
  look(now: DayTime): void {
    if (this.waitMs(now) > 0) return;
    this.#used = 0;
    this.#beganAtMs = now.monotonicMs;
    this.#keep({ day: dayOf(now), bytes: 0 });
  }

  /** Until the next day begins, if the clock is not set meanwhile. */
  waitMs(now: DayTime): number {
    const toMidnightMs = (this.#kept.day + 1) * DAY_MS - now.localMs;
    return dayOf(now) < this.#kept.day ? Math.min(toMidnightMs, this.#beganAtMs + DAY_MS - now.monotonicMs) : toMidnightMs;
  }

  /** The gateway stops: what is used, exactly. */
  close(): void {
    if (this.#used !== this.#kept.bytes) this.#keep({ ...this.#kept, bytes: this.#used });
  }

  #keep(kept: Kept): void {
    this.#kept = kept;
    this.#state.put(DAY_KEY, Buffer.from(JSON.stringify(kept)));
  }
}

function dayOf({ localMs }: DayTime): number {
  return Math.floor(localMs / DAY_MS);
}

function readKept(state: Pick<StateSpace, 'get'>): Kept | undefined {
  const kept = state.get(DAY_KEY);
  return kept === undefined ? undefined : (JSON.parse(Buffer.from(kept).toString()) as Kept); // as `#keep` wrote it
}
