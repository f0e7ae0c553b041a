// The far end of the thread a running gateway makes its backups in.
import type { MessagePort } from 'node:worker_threads';
import { GatewayError } from '../../../model/errors.ts';
import type { ArchiveSaid } from './archive-thread.ts';
import { type ArchiveOrder, makeArchive } from './make-archive.ts';

export async function serveArchive(port: MessagePort, order: ArchiveOrder): Promise<void> {
  const say = (said: ArchiveSaid): void => port.postMessage(said);
  try {
    say({ kind: 'made', report: await makeArchive(order, (progress) => say({ kind: 'slice', progress })) });
  } catch (error) {
    say({
      kind: 'failed',
      code: error instanceof GatewayError ? error.code : 'STORE_UNAVAILABLE',
      message: error instanceof Error ? error.message : String(error),
    });
  }
}
