// The thread a backup is made in.
import { parentPort, workerData } from 'node:worker_threads';
import { serveArchive } from '../store/sqlite/archive/archive-server.ts';

if (parentPort !== null) await serveArchive(parentPort, workerData);
