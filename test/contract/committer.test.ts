import { silentLog } from '../../src/model/log.ts';
import { MetricsTable } from '../../src/model/metrics.ts';
import { committingThread } from '../../src/store/sqlite/commit-thread.ts';
import { InlineCommitter } from '../../src/store/sqlite/inline-committer.ts';
import { PlacedCommitter } from '../../src/store/sqlite/placed-committer.ts';
import { UnitWriter } from '../../src/store/sqlite/unit-writer.ts';
import { type StartCommitThread, WorkerCommitter } from '../../src/store/sqlite/worker-committer.ts';
import { COMMIT_WORKER } from '../support/commit-thread.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { committerContract } from './committer.contract.ts';

const clock = new FakeClock();
const ignored = (): void => undefined;
const threadOn = (path: string): StartCommitThread => committingThread(COMMIT_WORKER, { path, synchronous: 'off' });

committerContract('in the turn it is asked', (database) => new InlineCommitter(new UnitWriter(database, clock), ignored));
committerContract('in a thread of its own', (_database, path) => new WorkerCommitter(threadOn(path), { ready: ignored, synced: ignored, died: ignored }));
committerContract(
  'wherever the disk suggests',
  (database, path) =>
    new PlacedCommitter({
      clock,
      log: silentLog,
      metrics: new MetricsTable(),
      writer: new UnitWriter(database, clock),
      thread: { start: threadOn(path), isAlways: false },
    }),
);
