// The near end of the process a running gateway makes its backups in. Not a thread: what looking at a whole store takes in memory, a thread would leave behind.
import { fork } from 'node:child_process';
import type { BackupReport } from '../../../model/backup.ts';
import { type ErrorCode, GatewayError } from '../../../model/errors.ts';
import type { ArchiveOrder } from './make-archive.ts';
import type { CopyProgress } from './snapshot-copy.ts';

/** What the process says. */
export type ArchiveSaid =
  | { readonly kind: 'slice'; readonly progress: CopyProgress }
  | { readonly kind: 'made'; readonly report: BackupReport }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string };

/** Groups are read one after the other, and each is garbage at once. */
const NODE_OPTIONS = ['--max-semi-space-size=1'];

export interface ProcessOptions {
  /** The file the process runs: it calls `serveArchive`. */
  readonly entry: URL;
  readonly onSlice: (progress: CopyProgress) => void;
  /** Ends it in the middle. */
  readonly signal: AbortSignal;
}

/** @throws GatewayError - what `makeArchive` throws, or that there is no process for it; with the signal files may be left. */
export function makeArchiveAside(order: ArchiveOrder, { entry, onSlice, signal }: ProcessOptions): Promise<BackupReport> {
  return new Promise((resolve, reject) => {
    let outcome = (): void => reject(new GatewayError('STORE_UNAVAILABLE', 'the gateway stopped before the backup was made, or what made it was ended'));
    const child = fork(entry, { execArgv: NODE_OPTIONS, serialization: 'advanced', stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const end = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', end);
    child.on('message', (said: ArchiveSaid) => {
      if (said.kind === 'slice') onSlice(said.progress);
      else if (said.kind === 'made') outcome = () => resolve(said.report);
      else outcome = () => reject(new GatewayError(said.code, said.message));
    });
    child.once('error', (error) =>
      reject(new GatewayError('STORE_UNAVAILABLE', `no process could be started to make the backup (${error.message})`, { cause: error })),
    );
    child.once('close', () => {
      signal.removeEventListener('abort', end);
      outcome(); // nothing of it holds the store any more
    });
    child.send(order);
  });
}
