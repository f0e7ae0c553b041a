// The far end of the process a running gateway makes its backups in.
import { constants, setPriority } from 'node:os';
import { GatewayError } from '../../../model/errors.ts';
import type { ArchiveSaid } from './archive-process.ts';
import { type ArchiveOrder, makeArchive } from './make-archive.ts';

/** Makes the one backup that is ordered, and ends. */
export function serveArchive(own: NodeJS.Process): void {
  const say = (said: ArchiveSaid): void => void own.send?.(said);
  stepBack();
  own.once('disconnect', () => own.exit(1)); // the gateway was killed: nobody wants it any more
  own.once('message', async (order: ArchiveOrder) => {
    try {
      say({ kind: 'made', report: await makeArchive(order, (progress) => say({ kind: 'slice', progress })) });
    } catch (error) {
      const code = error instanceof GatewayError ? error.code : 'STORE_UNAVAILABLE';
      say({ kind: 'failed', code, message: error instanceof Error ? error.message : String(error) });
    }
    own.removeAllListeners('disconnect');
    own.disconnect?.();
  });
}

/** The gateway goes first. @returns whether the system lets it: the sandbox of a service may not. */
function stepBack(): boolean {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
    return true;
  } catch {
    return false;
  }
}
