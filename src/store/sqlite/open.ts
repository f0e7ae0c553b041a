// Opening the store: directory, lock, file, recovery, and the mark that this boot has begun.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import type { Clock, MachineTime } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { Metrics } from '../../model/metrics.ts';
import type { WearCounters } from '../../model/wear.ts';
import type { BootFacts } from '../../session/session-store.ts';
import { completeRestore } from './archive/pending-restore.ts';
import { Ballast } from './ballast.ts';
import { committingThread } from './commit-thread.ts';
import type { Committer } from './committer.ts';
import { DATABASE_FILE, isCheckedWhole, LOG_SUFFIX, openConnection, type Synchronous } from './database.ts';
import { DatabaseSize } from './database-size.ts';
import { diskGauge, type ReadDisk } from './disk-gauge.ts';
import { DISK_LIMITS, type DiskLimits, fitted, fittedGroup } from './disk-limits.ts';
import { diskProbe } from './disk-probe.ts';
import { gatewayTimeOffset } from './gateway-time.ts';
import { GroupReader } from './group-reader.ts';
import { openHealing } from './heal-at-start.ts';
import { HealingCommitter } from './heal-while-running.ts';
import { StoreLock } from './lock.ts';
import { bootWrites, machineWrites, momentWrites } from './meta.ts';
import { PlacedCommitter } from './placed-committer.ts';
import type { Recovered } from './recovery.ts';
import { rewriteLog } from './rewrite-log.ts';
import { SqliteStore, type SqliteStoreParts } from './sqlite-store.ts';
import { STORE_LIMITS, type StoreLimits } from './store-limits.ts';
import { logSyncOf, UnitWriter, type WrittenUnit } from './unit-writer.ts';
import { WEAR_OWNER, WearMeter } from './wear-meter.ts';

export interface CommitThreadOptions {
  /** What it runs: a file that calls `serveCommits`. */
  readonly entry: URL;
  /** Whatever the disk is like; the first commit waits for it to start. */
  readonly isAlways: boolean;
}

export interface SqliteStoreOptions {
  /** Made with mode 0700 when it is missing. */
  readonly directory: string;
  readonly clock: Clock;
  /** Tells how long the gateway was away while the machine stayed up; without it the wall clock does. */
  readonly machine?: MachineTime | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A thread to commit in while the disk is slow, or always. Without one commits run in this thread. */
  readonly commitThread?: CommitThreadOptions;
  /** Wraps or replaces the committer. */
  readonly committer?: (own: Committer) => Committer;
  /** For harnesses that must see a store lose what it acknowledged. */
  readonly synchronous?: Synchronous;
  readonly limits?: Partial<StoreLimits>;
  /** What the machine counts of what is written. */
  readonly wearCounters?: WearCounters;
  readonly diskLimits?: Partial<DiskLimits>;
  /** What the disk says of itself; tests say it. */
  readonly readDisk?: ReadDisk;
}

/** Free on the disk: a boot writes that it has begun, and SQLite its index of the log. */
const ROOM_TO_START_BYTES = 1024 * 1024;

/**
 * The store of `directory`, as the last boot left it. From a damaged file whatever can be proven moves into a fresh one: the gateway starts.
 *
 * @throws GatewayError STORE_UNAVAILABLE - the directory is in use or cannot be written; its message says what to do.
 */
export function openSqliteStore(options: SqliteStoreOptions): SqliteStore {
  const { directory, clock, log, metrics } = options;
  return reachable(directory, () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = StoreLock.acquire(directory);
    try {
      const limits = { ...STORE_LIMITS, ...options.limits };
      const { totalBytes, ...disk } = diskParts(options);
      if (disk.read().freeBytes < ROOM_TO_START_BYTES) disk.ballast.giveUp();
      completeRestore(directory); // which a power cut may have ended halfway
      const path = join(directory, DATABASE_FILE);
      const { synchronous = 'full' } = options;
      rewriteLog(path + LOG_SUFFIX);
      const { database, recovered, quarantined, cutOff } = openHealing({ path, synchronous, log });
      const { boot, bootRows, syncMs } = beginBoot(new UnitWriter(database, clock), recovered, options);
      const { lost } = recovered;
      const reader = new GroupReader(database, log, lost);
      const reopen = (): Database => openConnection(path, synchronous);
      const committer = (into: Database): PlacedCommitter =>
        placedCommitter(options, new UnitWriter(into, clock, { reopen, log: logSyncOf({ path, synchronous }) }));
      const placed = new HealingCommitter({ path, synchronous, log, metrics, reader, lost, committer }, database);
      placed.syncTimes.add(syncMs); // one commit into a cold file says nothing about the next, and an idle gateway would keep the thread it asked for
      return new SqliteStore({
        clock,
        log,
        metrics,
        boot,
        bootRows,
        recovered,
        quarantined,
        cutOff,
        isCheckedWhole: isCheckedWhole(path),
        reader,
        size: new DatabaseSize(() => placed.database),
        committer: options.committer?.(placed) ?? placed,
        placed,
        limits: { ...limits, groupBytesMax: fittedGroup(limits.groupBytesMax, totalBytes) },
        disk,
        wear: wearMeter(options, recovered, boot),
        release: () => {
          placed.closeDatabase();
          lock.release();
        },
      });
    } catch (error) {
      lock.release();
      throw error;
    }
  });
}

function diskParts({ directory, diskLimits, readDisk = diskGauge(directory) }: SqliteStoreOptions): SqliteStoreParts['disk'] & { readonly totalBytes: number } {
  const limits = { ...DISK_LIMITS, ...diskLimits };
  const totalBytes = Math.min(limits.bytesMax, readDisk().totalBytes);
  return { limits, totalBytes, read: readDisk, probe: diskProbe(directory), ballast: new Ballast(directory, fitted(limits, totalBytes).ballastBytes) };
}

/** From here on, an end without `close` is an unclean one. */
function beginBoot(
  writer: UnitWriter,
  { meta, nextSequence, lastMoment }: Recovered,
  { clock, machine }: Pick<SqliteStoreOptions, 'clock' | 'machine'>,
): Pick<WrittenUnit, 'syncMs'> & Pick<SqliteStoreParts, 'boot' | 'bootRows'> {
  const boot = meta.boot + 1;
  const gatewayTimeOffsetMs = gatewayTimeOffset(clock, lastMoment, machine && meta.machineLead && { now: machine, last: meta.machineLead });
  const now = { gatewayMs: clock.monotonicMs() + gatewayTimeOffsetMs, wallMs: clock.nowMs(), isSynchronized: clock.isSynchronized() };
  const lead = machine && { bootId: machine.bootId, leadMs: machine.uptimeMs() - now.gatewayMs };
  const bootRows = [...bootWrites(boot), ...(lead === undefined ? [] : machineWrites(lead))];
  const { failure, syncMs } = writer.write({ segment: undefined, writes: [...bootRows, ...momentWrites(now)], vacuumPages: 0 });
  if (failure !== undefined) throw new GatewayError('STORE_UNAVAILABLE', `the store cannot be written (${failure.code}: ${failure.message})`);
  return { boot: { boot, wasClean: meta.wasClean, lastSequence: nextSequence - 1, gatewayTimeOffsetMs }, bootRows, syncMs };
}

function placedCommitter({ directory, clock, log, metrics, commitThread, synchronous = 'full' }: SqliteStoreOptions, writer: UnitWriter): PlacedCommitter {
  const orders = { path: join(directory, DATABASE_FILE), synchronous };
  const thread = commitThread && { start: committingThread(commitThread.entry, orders), isAlways: commitThread.isAlways };
  return new PlacedCommitter({ clock, log, metrics, writer, thread });
}

function wearMeter({ clock, machine, wearCounters }: SqliteStoreOptions, { image }: Recovered, { gatewayTimeOffsetMs }: BootFacts): WearMeter {
  const rows = image.gatewayState(WEAR_OWNER);
  return new WearMeter({ clock, gatewayTimeOffsetMs, counters: wearCounters, bootId: machine?.bootId, rows });
}

/** Turns what the operating system says into what to do. */
function reachable<Result>(directory: string, open: () => Result): Result {
  try {
    return open();
  } catch (error) {
    const isRefusal = error instanceof Sqlite.SqliteError || (error instanceof Error && 'syscall' in error);
    if (!isRefusal) throw error;
    const advice = 'it must exist on a disk with room and be writable for the user this gateway runs as';
    throw new GatewayError('STORE_UNAVAILABLE', `cannot use the data directory ${directory} (${error.message}): ${advice}`, { cause: error });
  }
}
