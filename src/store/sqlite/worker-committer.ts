import type { CommitFailure, Committer, CommitUnit, OnCommitted } from './committer.ts';
import type { WrittenUnit } from './unit-writer.ts';

/** Code of a failure that is not the disk's. The unit is on it, whole, or not at all: nobody knows. */
export const THREAD_DIED = 'COMMIT_THREAD_DIED';

/** Another thread that writes units through a connection of its own, one at a time. */
export interface CommitThread {
  /** The unit stays the caller's and is not changed until it is written. */
  send(unit: CommitUnit): void;
  /** Ends it behind the unit it has. Resolves when its connection is closed. */
  close(): Promise<void>;
}

export interface CommitThreadEvents {
  /** Its connection is open: a unit that is sent now waits for nothing but the disk. */
  ready(): void;
  written(unit: WrittenUnit): void;
  /** It ended unasked. Its connection is closed: whoever writes next meets no lock of it. */
  died(reason: string): void;
}

/** What is sent before it is ready waits. */
export type StartCommitThread = (events: CommitThreadEvents) => CommitThread;

export interface WorkerCommitterEvents {
  ready(): void;
  synced(syncMs: number): void;
  /** Told before the unit it had fails with `THREAD_DIED`. From now on every unit does. */
  died(reason: string): void;
}

/** Commits in another thread, so that a disk that takes its time stops no turn. */
export class WorkerCommitter implements Committer {
  readonly #thread: CommitThread;
  readonly #events: WorkerCommitterEvents;
  #state: 'starting' | 'ready' | 'dead' = 'starting';
  #done: OnCommitted | undefined;

  constructor(start: StartCommitThread, events: WorkerCommitterEvents) {
    this.#events = events;
    this.#thread = start({ ready: () => this.#ready(), written: (unit) => this.#written(unit), died: (reason) => this.#died(reason) });
  }

  get isReady(): boolean {
    return this.#state === 'ready';
  }

  commit(unit: CommitUnit, done: OnCommitted): void {
    if (this.#state === 'dead') {
      done({ code: THREAD_DIED, message: 'the committing thread has ended' });
      return;
    }
    this.#done = done;
    this.#thread.send(unit);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }

  #ready(): void {
    this.#state = 'ready';
    this.#events.ready();
  }

  #written({ failure, copyFailure, syncMs }: WrittenUnit): void {
    if (failure === undefined) this.#events.synced(syncMs);
    this.#answer(failure, copyFailure);
  }

  #died(reason: string): void {
    this.#state = 'dead';
    this.#events.died(reason);
    this.#answer({ code: THREAD_DIED, message: reason });
  }

  #answer(failure: CommitFailure | undefined, copyFailure?: CommitFailure | undefined): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(failure, copyFailure);
  }
}
