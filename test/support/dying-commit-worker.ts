// A committing thread that commits its third unit and dies before it can say so.
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../../src/observe/system-clock.ts';
import { serveCommits } from '../../src/store/sqlite/commit-thread.ts';

const LAST = 3;
let answers = 0;

if (parentPort !== null) {
  const { postMessage } = parentPort;
  parentPort.postMessage = (answer) => {
    if (answer !== 'ready') answers += 1;
    if (answers === LAST) throw new Error('a fault was planted here');
    postMessage.call(parentPort, answer);
  };
  serveCommits(parentPort, workerData, new SystemClock());
}
