// What a session owes its link once the disk holds it, in the order it was asked.
import type { Outlet, PublishOutcome } from '../gateway/gateway.ts';
import type { DurableWaiter, SessionStore } from '../session/session-store.ts';
import { PendingAcks } from './pending-acks.ts';

export class Answers implements DurableWaiter {
  readonly #store: Pick<SessionStore, 'whenDurable'>;
  readonly #acks = new PendingAcks();
  #later: Later | undefined;
  #outlet: Outlet | undefined;
  /** Commits are waited for by link: what one link asked the next is not told. */
  #link = 0;

  constructor(store: Pick<SessionStore, 'whenDurable'>) {
    this.#store = store;
  }

  attach(outlet: Outlet): void {
    this.#outlet = outlet;
    this.#link += 1;
  }

  detach(): void {
    this.#outlet = undefined;
    this.#acks.clear();
    this.#later?.clear();
  }

  /** At once, unless earlier answers still wait for the disk. */
  give(token: number, outcome: PublishOutcome): void {
    if (this.#acks.length > 0) this.giveLater(token, outcome);
    else this.#outlet?.published(token, outcome);
  }

  /** When everything written so far is on disk. */
  giveLater(token: number, outcome: PublishOutcome): void {
    this.#acks.push(token, outcome);
    this.#store.whenDurable(this, this.#link);
  }

  whenDurable(run: () => void): void {
    this.#later ??= new Later();
    this.#store.whenDurable(this.#later, this.#later.add(run));
  }

  durable(link: number): void {
    if (link === this.#link) this.#acks.shift((token, outcome) => this.#outlet?.published(token, outcome));
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
