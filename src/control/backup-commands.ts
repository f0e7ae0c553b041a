// Backups over the control socket. One takes longer than an answer may: it is begun with one request and asked after with others.
import { GatewayError } from '../model/errors.ts';
import { CONTROL_TIMEOUT_MS } from '../model/limits.ts';
import type { CommandTable } from './protocol.ts';
import type { BackupDesk } from './running-gateway.ts';

/** Who asks gives up after twice as long. */
const WAIT_MS = CONTROL_TIMEOUT_MS / 2;

export interface BackedUpProcess {
  /** Begins one. */
  backUp(withSecrets: boolean): void;
  readonly backups: Omit<BackupDesk, 'start'>;
}

export function backupCommands(process: BackedUpProcess): CommandTable {
  return {
    'backup.start': {
      about: 'Begins a backup of the database and the files of the configuration.',
      run: ({ withSecrets = false }) => {
        if (typeof withSecrets !== 'boolean') throw new GatewayError('PROTOCOL_VIOLATION', '"withSecrets" must be true or false');
        process.backUp(withSecrets);
        return process.backups.progress();
      },
    },
    'backup.status': {
      about: 'How far the last one is, or where it lies; with isToWait, once it is made or a while has passed.',
      run: async ({ isToWait = false }) => {
        if (isToWait === true) await process.backups.finished(WAIT_MS);
        return process.backups.progress();
      },
    },
  };
}
