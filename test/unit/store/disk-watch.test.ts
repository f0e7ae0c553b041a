import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MetricsTable } from '../../../src/model/metrics.ts';
import type { DiskState, DiskWatcher } from '../../../src/session/disk-pressure.ts';
import { Ballast } from '../../../src/store/sqlite/ballast.ts';
import { DiskWatch } from '../../../src/store/sqlite/disk-watch.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { SqliteBench } from '../../support/store-bench.ts';

const MIB = 1024 * 1024;
/** Of 1,000 MiB, so that nothing shrinks. */
const ENTER_BELOW = [40 * MIB, 30 * MIB, 20 * MIB, 10 * MIB];
const FULL = { code: 'SQLITE_FULL', message: 'database or disk is full' };

/** A disk in the hands of the test. */
class Disk implements DiskWatcher {
  readonly directory = mkdtempSync(join(tmpdir(), 'postern-disk-'));
  readonly clock = new FakeClock();
  readonly log = new RecordingLog();
  readonly metrics = new MetricsTable();
  readonly told: string[] = [];
  readonly evictions: number[] = [];
  readonly commits = {
    attempts: 0,
    isCopyFailing: false,
    retries: 0,
    retryCommit(): void {
      this.retries += 1;
    },
  };
  readonly upkeep = {
    isBusy: false,
    reclaims: 0,
    units: 0,
    reclaim(): void {
      this.reclaims += 1;
    },
    noteTime(): void {
      this.units += 1;
    },
  };
  freeBytes = 500 * MIB;
  storeBytes = MIB;
  isUnreadable = false;
  errno: string | undefined;
  /** What queues may let go of. */
  evictable = 0;
  isAllUnderWay = false;

  get evictableBytes(): number {
    return this.evictable;
  }

  stepped({ step, isEasing }: DiskState): void {
    this.told.push(isEasing ? `back to ${step}` : step);
  }

  evict(bytesMax: number): number {
    const evicted = this.isAllUnderWay ? 0 : Math.min(this.evictable, bytesMax);
    this.evictable -= evicted;
    this.evictions.push(evicted);
    return evicted;
  }

  watch({ ballastBytes = 0, bytesMax = Number.POSITIVE_INFINITY } = {}): DiskWatch {
    const { clock, log, metrics, commits, upkeep } = this;
    const watch = new DiskWatch({
      clock,
      log,
      metrics,
      commits,
      upkeep,
      read: () => {
        if (this.isUnreadable) throw Object.assign(new Error('statfs'), { syscall: 'statfs', code: 'EIO' });
        return { totalBytes: 1_000 * MIB, freeBytes: this.freeBytes, storeBytes: this.storeBytes };
      },
      probe: () => this.errno,
      ballast: new Ballast(this.directory, ballastBytes),
      limits: { bytesMax, ballastBytes, enterBelowBytes: ENTER_BELOW },
    });
    watch.watch(this);
    watch.start();
    return watch;
  }

  get ballastPath(): string {
    return join(this.directory, 'postern.ballast');
  }
}

let disk: Disk;
let watch: DiskWatch;

beforeEach(() => {
  disk = new Disk();
});

afterEach(async () => {
  await watch.stop();
  rmSync(disk.directory, { recursive: true });
});

describe('the room of a store', () => {
  test('is looked at by the clock: each step is logged once, counted, told, and taken back by itself', async () => {
    watch = disk.watch();
    disk.freeBytes = 25 * MIB;
    await disk.clock.advanceSeconds(30);
    disk.freeBytes = 500 * MIB;
    await disk.clock.advanceSeconds(30);
    expect(disk.told).toEqual(['stop-lazy', 'compact', 'back to stop-lazy', 'back to ample']);
    expect(disk.log.lines.map(({ level, event, step }) => [level, event, step])).toEqual([
      ['warn', 'disk runs short of room', 'stop-lazy'],
      ['warn', 'disk runs short of room', 'compact'],
      ['info', 'disk has room again', 'stop-lazy'],
      ['info', 'disk has room again', 'ample'],
    ]);
    expect(disk.log.lines[0]).toMatchObject({ advice: expect.stringContaining('free space'), roomBytes: 25 * MIB });
    expect(disk.metrics.value('store.disk.steps.stop-lazy')).toBe(2);
    expect(disk.metrics.value('store.disk.steps.compact')).toBe(1);
  });

  test('is looked at as soon as what was committed could have used it up', () => {
    watch = disk.watch();
    disk.freeBytes = 5 * MIB;
    watch.committed(200 * MIB);
    expect(watch.step).toBe('ample'); // 500 MiB were free, each byte is written twice
    watch.committed(40 * MIB);
    expect(watch.step).toBe('refuse');
  });

  test('is what is left of the configured bound, when that is less', async () => {
    watch = disk.watch({ bytesMax: 200 * MIB });
    disk.storeBytes = 185 * MIB;
    await disk.clock.advanceSeconds(5);
    expect([watch.step, watch.roomBytes]).toEqual(['evict', 10 * MIB]); // 5 MiB are kept for what is under way
  });

  test('a disk that does not tell is where it was last', async () => {
    watch = disk.watch();
    disk.freeBytes = 35 * MIB;
    await disk.clock.advanceSeconds(5);
    disk.isUnreadable = true;
    await disk.clock.advanceSeconds(60);
    expect(watch.step).toBe('stop-lazy');
  });

  test('whoever comes later is told of the steps taken so far', async () => {
    disk.freeBytes = 15 * MIB;
    watch = disk.watch();
    disk.told.length = 0;
    watch.watch(disk);
    expect(disk.told).toEqual(['stop-lazy', 'compact', 'evict']);
  });
});

describe('a commit that is refused', () => {
  test('for want of room means that there is none, whatever the file system says: quotas', () => {
    watch = disk.watch();
    watch.refused(FULL);
    expect(watch.step).toBe('refuse');
    watch.committed(0);
    expect(watch.step).toBe('ample');
  });

  test.each([
    ['SQLITE_IOERR_SHMSIZE', 'ENOSPC', 'refuse'],
    ['SQLITE_IOERR_WRITE', 'EDQUOT', 'refuse'],
    ['SQLITE_IOERR_WRITE', 'EROFS', 'ample'],
    ['SQLITE_IOERR_FSYNC', undefined, 'ample'],
  ])('with %s is judged by what a probe is told, %s: %s', (code, errno, step) => {
    watch = disk.watch();
    disk.errno = errno;
    watch.refused({ code, message: 'disk I/O error' });
    expect([watch.step, watch.cause]).toEqual([step, errno ?? '']);
    watch.committed(0);
    expect(watch.cause).toBe('');
  });

  test('is tried again as soon as room comes, and not before', async () => {
    watch = disk.watch();
    disk.freeBytes = 0;
    disk.commits.attempts = 1;
    watch.refused(FULL);
    await disk.clock.advanceSeconds(10);
    expect(disk.commits.retries).toBe(0);
    disk.freeBytes = MIB;
    await disk.clock.advanceSeconds(1);
    expect(disk.commits.retries).toBe(1);
  });
});

describe('a disk that is read-only, or broken', () => {
  test('is tried again as soon as a file can be written', async () => {
    watch = disk.watch();
    disk.errno = 'EROFS';
    disk.commits.attempts = 1;
    watch.refused({ code: 'SQLITE_IOERR_WRITE', message: 'disk I/O error' });
    await disk.clock.advanceSeconds(20);
    expect(disk.commits.retries).toBe(0);
    disk.errno = undefined;
    await disk.clock.advanceSeconds(1);
    expect(disk.commits.retries).toBe(1);
  });
});

describe('a log of SQLite that could not be copied', () => {
  test('is tried again by an idle store too: it makes units of its own until it can', async () => {
    watch = disk.watch();
    disk.commits.isCopyFailing = true;
    watch.notCopied({ code: 'SQLITE_IOERR_WRITE', message: 'disk I/O error' });
    await disk.clock.advanceSeconds(9);
    expect(disk.upkeep.units).toBe(5); // the first look was due in 5 s
    disk.commits.isCopyFailing = false;
    await disk.clock.advanceSeconds(60);
    expect(disk.upkeep.units).toBe(5);
  });
});

describe('the ballast', () => {
  const bytes = 3 * MIB + 1_000;

  /** Chunks are written outside of any turn. */
  async function made(): Promise<void> {
    await disk.clock.advanceSeconds(5);
    await expect.poll(() => new Ballast(disk.directory, bytes).missingBytes).toBe(0);
  }

  test('is made of real blocks once there is room, is given up when a commit finds none, which is tried again at once, and made again', async () => {
    watch = disk.watch({ ballastBytes: bytes });
    await made();
    expect(statSync(disk.ballastPath).size).toBe(bytes);
    disk.freeBytes = 0;
    watch.refused(FULL);
    expect([existsSync(disk.ballastPath), disk.commits.retries]).toEqual([false, 1]);
    expect(disk.log.lines.at(-1)).toMatchObject({ level: 'warn', event: 'ballast given up' });
    disk.freeBytes = 500 * MIB;
    watch.committed(0);
    await made();
  });

  test('is reckoned as if it were there: to give it up is no relief', () => {
    disk.freeBytes = 20 * MIB + bytes - 1;
    watch = disk.watch({ ballastBytes: bytes });
    expect([watch.step, watch.roomBytes]).toEqual(['evict', 20 * MIB - 1]);
  });

  test('is not made while a step is taken', async () => {
    disk.freeBytes = 35 * MIB;
    watch = disk.watch({ ballastBytes: bytes });
    await disk.clock.advanceSeconds(60);
    expect(existsSync(disk.ballastPath)).toBe(false);
  });

  test('that a disk refuses is left alone', async () => {
    mkdirSync(disk.ballastPath); // it cannot be opened
    writeFileSync(join(disk.ballastPath, 'x'), 'x');
    const ballast = new Ballast(disk.directory, bytes);
    await ballast.make();
    expect(ballast.missingBytes).toBeGreaterThan(0);
    expect(ballast.giveUp()).toBe(false);
    watch = disk.watch();
  });
});

describe('a start on a full disk', () => {
  test('gives the ballast up, so that the boot can be written', async () => {
    const bench = new SqliteBench({ diskLimits: { ballastBytes: MIB }, readDisk: () => ({ totalBytes: 1_000 * MIB, freeBytes: 1_000, storeBytes: 0 }) });
    await new Ballast(bench.directory, MIB).make();
    const store = bench.open();
    expect(store.status()).toMatchObject({ diskStep: 'refuse', ballastBytes: 0 });
    expect(store.room).toBe('none');
    await bench.end();
    watch = disk.watch();
  });
});

describe('what the steps ask for', () => {
  test('from compact on: what is no longer needed is given back, not all the time', async () => {
    disk.freeBytes = 25 * MIB;
    watch = disk.watch();
    await disk.clock.advanceSeconds(5);
    expect(disk.upkeep.reclaims).toBe(1);
    await disk.clock.advanceSeconds(29);
    expect(disk.upkeep.reclaims).toBe(1);
    await disk.clock.advanceSeconds(2);
    expect(disk.upkeep.reclaims).toBe(2);
  });

  test('from evict on: queues let go of what is missing, in slices, and it is given back before more is asked for', async () => {
    disk.freeBytes = 19 * MIB;
    disk.evictable = 100 * MIB;
    watch = disk.watch();
    await disk.clock.advanceSeconds(5.9);
    expect(disk.evictions.every((bytes) => bytes <= 128 * 1024)).toBe(true);
    expect(disk.evictions.length * 128 * 1024).toBe(4 * MIB); // what one look may cost; 6 MiB are missing
    expect(disk.upkeep.reclaims).toBe(1);
    disk.upkeep.isBusy = true;
    await disk.clock.advanceSeconds(10);
    expect(disk.evictions.length * 128 * 1024).toBe(4 * MIB);
  });

  test('queues that let go of nothing, because all of it is on its way, are asked once per look', async () => {
    disk.freeBytes = 15 * MIB;
    disk.evictable = 100 * MIB;
    disk.isAllUnderWay = true;
    watch = disk.watch();
    await disk.clock.advanceSeconds(7);
    expect(disk.evictions).toEqual([0, 0, 0]);
  });

  test('nothing is let go of for nothing: somebody else has filled the disk, and all there is would not help', async () => {
    disk.freeBytes = 0;
    disk.evictable = 24 * MIB; // 25 are missing
    watch = disk.watch();
    await disk.clock.advanceSeconds(20);
    expect(disk.evictable).toBe(24 * MIB);
  });

  test('nothing is let go of while commits fail: it could not be written', async () => {
    disk.freeBytes = 5 * MIB;
    disk.evictable = 100 * MIB;
    disk.commits.attempts = 1;
    watch = disk.watch();
    await disk.clock.advanceSeconds(20);
    expect(disk.evictions).toEqual([]);
  });
});
