// What is said of a backup between the store that makes it, the gateway that runs meanwhile and the command that asked for it. All of it is plain data.
import type { EpochMs } from './clock.ts';

/** A file beside the database. */
export interface BackupFile {
  /** Within the backup. */
  readonly name: string;
  /** Key of the configuration that names it: `mqtt.tls.certFile`; `--config` for the configuration itself. */
  readonly key: string;
  /** Where it is. */
  readonly path: string;
  /** Its name in the data directory; empty when it lies elsewhere. */
  readonly place: string;
  /** Passwords, keys, and what can be made of them. */
  readonly isSecret: boolean;
}

/** One to take along: what lies at `path`, or `text`. */
export interface FileToKeep extends BackupFile {
  readonly text?: string | undefined;
}

export interface ListedFile extends BackupFile {
  /** False: it was left out, being a secret. */
  readonly isKept: boolean;
}

/** A database that was looked at as a whole. */
export interface Examined {
  readonly sessions: number;
  /** Entries of all queues. */
  readonly queuedMessages: number;
  readonly retainedMessages: number;
  readonly groups: number;
  /** By number: missing, cut off or changed. */
  readonly damagedGroups: readonly number[];
  /** Rows that could not be read. */
  readonly damagedRows: number;
}

export interface BackupReport extends Examined {
  readonly bytes: number;
  /** Bytes its making gave to disks; null where the system does not tell. */
  readonly writtenBytes: number | null;
  /** Keys and paths. */
  readonly filesKept: readonly string[];
  /** Secrets nobody asked for. */
  readonly filesLeftOut: readonly string[];
}

export interface BackupFacts {
  /** Version of Postern that made it. */
  readonly madeBy: string;
  readonly madeAtMs: EpochMs;
}

/** What a backup says of itself. */
export interface BackupContents extends BackupFacts {
  readonly files: readonly ListedFile[];
  readonly bytes: number;
}

export interface RestoreReport extends BackupContents, Examined {
  /** Names of files that went back into the data directory. */
  readonly filesPlaced: readonly string[];
  /** QoS 2 exchanges that were forgotten. */
  readonly exchangesForgotten: number;
  /** The sequence number the store goes on with. */
  readonly nextSequence: number;
  /** Directory with what was there before, by name; null when there was nothing. */
  readonly setAside: string | null;
}

/** What the gateway says while somebody waits for a backup. */
export type BackupProgress =
  | { readonly state: 'none' }
  | { readonly state: 'running'; readonly pages: number; readonly pagesLeft: number }
  /** `file` belongs to who asked: to be moved away. */
  | { readonly state: 'done'; readonly file: string; readonly report: BackupReport }
  | { readonly state: 'failed'; readonly code: string; readonly message: string };
