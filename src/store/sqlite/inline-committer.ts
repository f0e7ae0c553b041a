import type { Committer, CommitUnit, OnCommitted } from './committer.ts';
import type { UnitWriter } from './unit-writer.ts';

/** Commits in the calling thread, in the calling turn: right while a sync takes less than the turns it would hold up. */
export class InlineCommitter implements Committer {
  readonly #writer: UnitWriter;
  readonly #onSynced: (syncMs: number) => void;

  constructor(writer: UnitWriter, onSynced: (syncMs: number) => void) {
    this.#writer = writer;
    this.#onSynced = onSynced;
  }

  commit(unit: CommitUnit, done: OnCommitted): void {
    const { failure, copyFailure, syncMs } = this.#writer.write(unit);
    if (failure === undefined) this.#onSynced(syncMs);
    done(failure, copyFailure);
  }

  async close(): Promise<void> {}
}
