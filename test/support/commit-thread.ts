import type { CommitUnit } from '../../src/store/sqlite/committer.ts';
import type { CommitThreadOptions } from '../../src/store/sqlite/open.ts';
import type { CommitThreadEvents, StartCommitThread } from '../../src/store/sqlite/worker-committer.ts';

export const COMMIT_WORKER = new URL('../../src/runtime/commit-worker.ts', import.meta.url);

/** For a store whose every commit runs in a thread of its own. */
export const IN_A_THREAD: CommitThreadOptions = { entry: COMMIT_WORKER, isAlways: true };

/** A committing thread in the hands of the test. */
export class ScriptedThread {
  readonly units: CommitUnit[] = [];
  events: CommitThreadEvents | undefined;
  starts = 0;
  isClosed = false;
  /** Thrown by the next start. */
  refusal: Error | undefined;

  readonly start: StartCommitThread = (events) => {
    this.starts += 1;
    this.isClosed = false;
    if (this.refusal !== undefined) throw this.refusal;
    this.events = events;
    return {
      send: (unit) => void this.units.push(unit),
      close: async () => {
        this.isClosed = true;
      },
    };
  };
}
