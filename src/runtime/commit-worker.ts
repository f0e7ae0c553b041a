// The committing thread: what main.ts is to the process. It has a database connection and nothing else.
import { parentPort, workerData } from 'node:worker_threads';
import { SystemClock } from '../observe/system-clock.ts';
import { serveCommits } from '../store/sqlite/commit-thread.ts';

if (parentPort !== null) serveCommits(parentPort, workerData, new SystemClock());
