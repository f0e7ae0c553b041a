// What commands can do to a data directory that no gateway uses. The composition root implements it; a command loads it when it is wanted.
import type { BackupContents, BackupReport, FileToKeep, RestoreReport } from '../model/backup.ts';
import type { Clock } from '../model/clock.ts';
import type { Selftest } from './selftest.ts';

export interface BackupOrder {
  readonly directory: string;
  /** What the backup is called once it is whole. */
  readonly target: string;
  readonly files: readonly FileToKeep[];
  readonly withSecrets: boolean;
  readonly madeBy: string;
  readonly madeAtMs: number;
}

export interface RestoreOrder {
  readonly archive: string;
  readonly directory: string;
  readonly clock: Clock;
  /** Sets a store aside that is there, and takes what is whole of a damaged backup. */
  readonly isForced: boolean;
  /** Does everything but the last step. */
  readonly isTrial: boolean;
  /** A directory all files of the backup are written into as well. */
  readonly filesTo: string | undefined;
}

/** Each throws GatewayError STORE_UNAVAILABLE while a gateway uses the directory. */
export interface Maintenance {
  backUp(order: BackupOrder): Promise<BackupReport>;
  /** Touches nothing. */
  lookInto(archive: string): Promise<BackupContents>;
  restore(order: RestoreOrder): Promise<RestoreReport>;
  readonly selftest: Selftest;
}
