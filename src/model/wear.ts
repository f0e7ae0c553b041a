/** Bytes written, by what for. */
export interface WearBytes {
  /** Groups of the log. */
  readonly log: number;
  /** Rows of checkpoints. */
  readonly tables: number;
  /** Groups that were written again, to make many small ones one or to leave out what is gone. */
  readonly compaction: number;
  /** Everything the process had written, as the kernel counts it: SQLite's pages and log besides those. 0 where it does not tell. */
  readonly process: number;
  /** What reached the device, of whomever: the journal of its file system and other programs besides those. 0 where it does not tell. */
  readonly device: number;
}

/** A day of gateway time, which goes on when the wall clock steps and stands still while the gateway is off. */
export interface WearDay {
  /** Days since gateway time began. */
  readonly day: number;
  readonly bytes: WearBytes;
}

export interface WearReport {
  /** Oldest first; the last one is today. */
  readonly days: readonly WearDay[];
  /** Of days that are not among them any more. */
  readonly before: WearBytes;
}

/** Counters of the machine. Both only grow, one until the process ends, the other until a reboot; undefined where there are none. */
export interface WearCounters {
  processBytes(): number | undefined;
  deviceBytes(): number | undefined;
}

export const NO_WEAR: WearBytes = { log: 0, tables: 0, compaction: 0, process: 0, device: 0 };

/** What counts against a budget: what reached the device, or the best that is known of it. */
export function cardBytes({ log, tables, compaction, process, device }: WearBytes): number {
  return device || process || log + tables + compaction;
}

export function sumOfWear(a: WearBytes, b: WearBytes): WearBytes {
  return {
    log: a.log + b.log,
    tables: a.tables + b.tables,
    compaction: a.compaction + b.compaction,
    process: a.process + b.process,
    device: a.device + b.device,
  };
}
