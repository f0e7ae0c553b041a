// Whose turn it is. Work is counted where it is done (work.ts); here it is dealt out: how much one client may do before the others are heard, and how much
// all of those who wait may do together between two polls of the sockets (docs/decisions/0025, 0030, 0035).
//
// Who sends little is handled when it is read and asks nobody. Who has to ask: a client that did not get to its end in its last turn, one nobody knows yet,
// whatever is put off by its own choice. They stand in one line.
import { POLL_WORK_MAX, TURN_WORK_MAX, TURN_WORK_SHARED_MAX, TURNS_ALONE } from './limits.ts';
import type { Work } from './work.ts';

type Turn = () => void;

/** What takes turns with the sockets. */
export interface Poll {
  /** Runs once: after every socket that has something to say was read. */
  afterPoll(run: () => void): void;
  /** What was made for others so far leaves. */
  flush(): void;
}

export class Turns {
  readonly work: Work = { done: 0 };
  readonly #poll: Poll;
  #waiting: Turn[] = [];
  /** Of `#waiting`: the ones before have had their turn. */
  #next = 0;
  #isArmed = false;
  /** Work done when somebody asked first after the last poll. */
  #startedAt = 0;
  #heard = 0;
  #heardBefore = 0;
  /** How often turns were dealt out since anybody else was heard. */
  #dealsAlone = 0;
  readonly #deal = (): void => this.#run();

  constructor(poll: Poll) {
    this.#poll = poll;
  }

  /** Work of one client in one turn. While nobody else says anything long turns cost nobody and save writes. */
  get workMax(): number {
    return this.#dealsAlone < TURNS_ALONE ? TURN_WORK_SHARED_MAX : TURN_WORK_MAX;
  }

  /** Somebody who does not wait had something to say. */
  heard(): void {
    this.#heard += 1;
  }

  /** Whether one who has to ask may go on now; otherwise it comes `later`. */
  hasRoom(): boolean {
    if (this.#waiting.length > 0) return false;
    if (!this.#isArmed) this.#arm();
    return this.work.done - this.#startedAt < this.#pollWorkMax;
  }

  /** Now if there is room, and later if not. */
  soon(turn: Turn): void {
    if (this.hasRoom()) turn();
    else this.later(turn);
  }

  /** Runs once: behind those who wait, and after every socket that has something to say was read. Must not throw. */
  later(turn: Turn): void {
    this.#waiting.push(turn);
    if (!this.#isArmed) this.#arm();
  }

  get #pollWorkMax(): number {
    return Math.max(POLL_WORK_MAX, this.workMax);
  }

  #arm(): void {
    this.#isArmed = true;
    this.#startedAt = this.work.done;
    this.#poll.afterPoll(this.#deal);
  }

  /** Who puts off more comes behind those who are here now, after the next poll. */
  #run(): void {
    this.#isArmed = false;
    if (this.#waiting.length === 0) return;
    this.#dealsAlone = this.#heard === this.#heardBefore ? this.#dealsAlone + 1 : 0;
    this.#heardBefore = this.#heard;
    this.#poll.flush(); // it would wait for those who have their turn now
    const startedAt = this.work.done;
    const last = this.#waiting.length;
    while (this.#next < last && this.work.done - startedAt < this.#pollWorkMax) {
      const turn = this.#waiting[this.#next];
      this.#next += 1;
      turn?.();
    }
    this.#forgetDone();
    if (this.#waiting.length > 0 && !this.#isArmed) this.#arm();
  }

  #forgetDone(): void {
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  }
}
