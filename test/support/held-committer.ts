import type { CommitFailure, Committer, CommitUnit, OnCommitted } from '../../src/store/sqlite/committer.ts';

/** A committer whose disk is in the hands of the test: it may be slow, and it may refuse. */
export class HeldCommitter implements Committer {
  /** Units given so far, refused ones as often as they were given. */
  readonly units: CommitUnit[] = [];
  /** Keeps units until `release`. */
  isHeld = false;
  /** Refuses units while it is set. */
  failure: CommitFailure | undefined;
  readonly #inline: Committer;
  #held: (() => void) | undefined;

  constructor(inline: Committer) {
    this.#inline = inline;
  }

  commit(unit: CommitUnit, done: OnCommitted): void {
    this.units.push(unit);
    if (this.isHeld) this.#held = () => this.#commit(unit, done);
    else this.#commit(unit, done);
  }

  /** The unit that is held is committed now; the next one is held again. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  close(): Promise<void> {
    return this.#inline.close();
  }

  #commit(unit: CommitUnit, done: OnCommitted): void {
    if (this.failure === undefined) this.#inline.commit(unit, done);
    else done(this.failure);
  }
}

/** Commits in a later turn, as a committer in another thread does. */
export class LateCommitter implements Committer {
  readonly #inline: Committer;

  constructor(inline: Committer) {
    this.#inline = inline;
  }

  commit(unit: CommitUnit, done: OnCommitted): void {
    setImmediate(() => setImmediate(() => this.#inline.commit(unit, done)));
  }

  close(): Promise<void> {
    return this.#inline.close();
  }
}
