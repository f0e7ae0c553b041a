// What a session owes its link once the disk holds it, in the order it was asked.
import type { Outlet, PublishOutcome } from '../gateway/gateway.ts';
import type { DurableWaiter, Sequence, SessionStore } from '../session/session-store.ts';
import { PendingAcks } from './pending-acks.ts';

export class Answers implements DurableWaiter {
  readonly #store: Pick<SessionStore, 'whenDurable' | 'whenSafe'>;
  readonly #acks = new PendingAcks();
  #later: Later | undefined;
  #outlet: Outlet | undefined;

  constructor(store: Pick<SessionStore, 'whenDurable' | 'whenSafe'>) {
    this.#store = store;
  }

  attach(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  detach(): void {
    this.#outlet = undefined;
    this.#acks.clear();
    this.#later?.clear();
  }

  /** At once, unless earlier answers still wait for the disk. */
  give(token: number, outcome: PublishOutcome): void {
    if (this.#acks.length > 0) this.#acks.complete(this.#acks.push(token, outcome));
    else this.#outlet?.published(token, outcome);
  }

  /** When everything written so far is on disk. */
  giveLater(token: number, outcome: PublishOutcome): void {
    this.#store.whenDurable(this, this.#acks.push(token, outcome));
  }

  /** When that message is. */
  giveWhenSafe(token: number, outcome: PublishOutcome, sequence: Sequence): void {
    this.#store.whenSafe(sequence, this, this.#acks.push(token, outcome));
  }

  whenDurable(run: () => void): void {
    this.#later ??= new Later();
    this.#store.whenDurable(this.#later, this.#later.add(run));
  }

  /** Whichever is done, they are given in their order. */
  durable(number: number): void {
    this.#acks.complete(number);
    while (this.#acks.isFirstComplete) this.#acks.shift((token, outcome) => this.#outlet?.published(token, outcome));
  }
}

/** What else is to be done then, by number. Made for the first. */
class Later implements DurableWaiter {
  readonly #runs = new Map<number, () => void>();
  #last = 0;

  /** @returns its number. */
  add(run: () => void): number {
    this.#last += 1;
    this.#runs.set(this.#last, run);
    return this.#last;
  }

  durable(number: number): void {
    const run = this.#runs.get(number);
    this.#runs.delete(number);
    run?.();
  }

  clear(): void {
    this.#runs.clear();
  }
}
