import type { Sequence } from '../../session/session-store.ts';
import type { TableWrite } from './schema.ts';

/** What one transaction holds. Taken at one instant: the rows never say more than the log does with this group. Plain data. */
export interface CommitUnit {
  readonly segment: SegmentRow | undefined;
  readonly writes: readonly TableWrite[];
  /** Free pages to give back to the file system. */
  readonly vacuumPages: number;
  /** Afterwards SQLite's log goes into the file, and is cut to nothing. */
  readonly cutsLog?: boolean | undefined;
  /** Before it, whatever SQLite's log holds is brought to the medium once more: a sync has failed. */
  readonly provesLog?: boolean | undefined;
}

export interface SegmentRow {
  readonly number: number;
  readonly firstSequence: Sequence;
  readonly nextSequence: Sequence;
  readonly bytes: Uint8Array;
}

/** Why a commit did not happen; `code` as SQLite names it, e.g. SQLITE_FULL. */
export interface CommitFailure {
  readonly code: string;
  readonly message: string;
}

/**
 * `copyFailure`: the unit is safe, but SQLite's log, where it lies, could not be copied into the file, and grows.
 */
export type OnCommitted = (failure: CommitFailure | undefined, copyFailure?: CommitFailure | undefined) => void;

/**
 * Writes units, one at a time, wherever it runs. A unit that failed is not on disk (of one whose sync failed or whose thread died nobody knows, but never a
 * part of it), and it may be given again: every statement may be repeated.
 */
export interface Committer {
  /** `done` is called once, in this call or later; without failure the unit survives a power cut. */
  commit(unit: CommitUnit, done: OnCommitted): void;
  /** After the last `done`. */
  close(): Promise<void>;
}
