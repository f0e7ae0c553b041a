// What clients handed over that there was no room for: a message, where their protocol cannot tell them so, or whatever else waits for a disk that is
// behind. One of each, tried again when something left a queue or reached the disk. It is not acknowledged meanwhile, so it stays its client's, and its
// link's end is its own.
import type { CancelTimer, Clock } from '../model/clock.ts';
import { WITHHELD_BYTES_MAX } from '../model/limits.ts';
import type { DurableWaiter, SessionStore } from '../session/session-store.ts';

export interface WithheldPublisher {
  /** Offers its message again. False: there is still no room. */
  takeWithheld(): boolean;
}

export interface WithheldParts {
  readonly store: Pick<SessionStore, 'isCongested' | 'whenDurable'>;
  readonly clock: Clock;
}

/** Tried in one turn; the others wait for the next, so that everybody else gets theirs. */
const TRIED_PER_TURN = 64;
/** Until the next are tried when all of these were refused: the room is in a queue none of them waits for, or is gone. */
const REFUSED_MS = 100;

export class Withheld implements DurableWaiter {
  readonly #parts: WithheldParts;
  /** With the size of its message. Who was tried longest ago is the first. */
  readonly #waiting = new Map<WithheldPublisher, number>();
  #bytes = 0;
  /** How many are to be tried until everybody was refused again. */
  #untried = 0;
  #cancel: CancelTimer | undefined;
  #isDueNow = false;
  #isAskingStore = false;
  #isStopped = false;

  constructor(parts: WithheldParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** @param bytes - what its message takes. @returns false: no more can be kept. */
  hold(publisher: WithheldPublisher, bytes: number): boolean {
    if (this.#isStopped || this.#bytes + bytes > WITHHELD_BYTES_MAX) return false;
    this.#waiting.set(publisher, bytes);
    this.#bytes += bytes;
    this.#askStore();
    return true;
  }

  /** Its link is gone. */
  release(publisher: WithheldPublisher): void {
    this.#bytes -= this.#waiting.get(publisher) ?? 0;
    this.#waiting.delete(publisher);
  }

  /** Something left a queue. Who waits is tried in a turn of its own: whoever made room is in the middle of something. */
  roomMayBe(): void {
    if (this.#waiting.size === 0 || this.#isDueNow) return;
    this.#isDueNow = true;
    this.#tryIn(0);
  }

  /** The store was behind, and has written what it had then. */
  durable(): void {
    this.#isAskingStore = false;
    if (this.#parts.store.isCongested) this.#askStore();
    else this.roomMayBe();
  }

  /** The gateway stops: what is kept stays with its publishers. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#waiting.clear();
  }

  #tryIn(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#parts.clock.after(delayMs, () => this.#try());
  }

  #try(): void {
    if (this.#isDueNow) this.#untried = this.#waiting.size;
    this.#isDueNow = false;
    let taken = 0;
    for (let tried = 0; tried < TRIED_PER_TURN && this.#untried > 0; tried += 1) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      if (this.#isTaken(...next)) taken += 1;
    }
    if (this.#untried > 0 && taken > 0) this.roomMayBe();
    else if (this.#untried > 0 && !this.#isDueNow) this.#tryIn(REFUSED_MS);
    this.#askStore();
  }

  #isTaken(publisher: WithheldPublisher, bytes: number): boolean {
    this.release(publisher); // taken, it may be back with its next message before the call returns
    const isTaken = publisher.takeWithheld();
    if (isTaken) {
      this.#untried = this.#waiting.size;
    } else {
      this.#untried -= 1;
      this.#waiting.set(publisher, bytes);
      this.#bytes += bytes;
    }
    return isTaken;
  }

  #askStore(): void {
    if (this.#isAskingStore || this.#waiting.size === 0 || !this.#parts.store.isCongested) return;
    this.#isAskingStore = true;
    this.#parts.store.whenDurable(this, 0);
  }
}
