// The near end of the thread a running gateway makes its backups in: it reads through a connection of its own, and nobody waits for it.
import { Worker } from 'node:worker_threads';
import type { BackupReport } from '../../../model/backup.ts';
import { type ErrorCode, GatewayError } from '../../../model/errors.ts';
import type { ArchiveOrder } from './make-archive.ts';
import type { CopyProgress } from './snapshot-copy.ts';

/** What the thread says. */
export type ArchiveSaid =
  | { readonly kind: 'slice'; readonly progress: CopyProgress }
  | { readonly kind: 'made'; readonly report: BackupReport }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

/** Its heap holds what a start of the gateway loads: what is backed up is opened to see that it can be. */
const STACK = { stackSizeMb: 1 };

export interface ThreadOptions {
  /** The file the thread runs: it calls `serveArchive`. */
  readonly entry: URL;
  readonly onSlice: (progress: CopyProgress) => void;
  /** Ends it in the middle. */
  readonly signal: AbortSignal;
}

/** @throws GatewayError - what `makeArchive` throws, or that there is no thread for it; with the signal files may be left. */
export function makeArchiveInThread(order: ArchiveOrder, { entry, onSlice, signal }: ThreadOptions): Promise<BackupReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry, { workerData: order, resourceLimits: STACK, name: 'backup' });
    const end = (): void => void worker.terminate();
    signal.addEventListener('abort', end);
    let outcome = (): void => reject(new GatewayError('STORE_UNAVAILABLE', 'the gateway stopped before the backup was made'));
    worker.on('message', (said: ArchiveSaid) => {
      if (said.kind === 'slice') onSlice(said.progress);
      else if (said.kind === 'made') outcome = () => resolve(said.report);
      else outcome = () => reject(new GatewayError(said.code, said.message));
    });
    worker.once('error', (error) => {
      outcome = () => reject(new GatewayError('STORE_UNAVAILABLE', `the backup failed: ${String(error)}`, { cause: error }));
    });
    worker.once('exit', () => {
      signal.removeEventListener('abort', end);
      outcome(); // its connection to the store is closed by now
    });
  });
}
