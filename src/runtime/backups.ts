// Backups a running gateway makes of itself: one at a time, in a process of its own, into its own data directory; who asked for one moves it from there.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BackupDesk, BackupRequest } from '../control/running-gateway.ts';
import type { BackupProgress, BackupReport } from '../model/backup.ts';
import type { Clock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { BACKUP_WAL_BYTES_MAX } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Counter, Metrics } from '../model/metrics.ts';
import { makeArchiveAside } from '../store/sqlite/archive/archive-process.ts';
import type { CopyProgress } from '../store/sqlite/archive/snapshot-copy.ts';
import { DATABASE_FILE } from '../store/sqlite/database.ts';

const STAGED = 'postern.backup-';

export interface BackupsParts {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
  /** The file its process runs. */
  readonly entry: URL;
}

export class Backups implements BackupDesk {
  readonly #parts: BackupsParts;
  readonly #made: Counter;
  readonly #failed: Counter;
  #progress: BackupProgress = { state: 'none' };
  #underWay: Promise<void> | undefined;
  #count = 0;
  readonly #stopping = new AbortController();

  constructor(parts: BackupsParts) {
    this.#parts = parts;
    this.#made = parts.metrics.counter('backups.made');
    this.#failed = parts.metrics.counter('backups.failed');
  }

  progress(): BackupProgress {
    return this.#progress;
  }

  start(request: BackupRequest): void {
    if (this.#underWay !== undefined) throw new GatewayError('LIMIT_EXCEEDED', 'another backup is being made: wait for it');
    const { directory } = this.#parts;
    this.#count += 1;
    this.removeLeft();
    this.#progress = { state: 'running', pages: 0, pagesLeft: 0 };
    this.#underWay = this.#make(request.target ?? join(directory, `${STAGED}${this.#count}`), request).finally(() => {
      this.#underWay = undefined;
    });
  }

  async finished(withinMs: number): Promise<void> {
    const waited = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.after(withinMs, waited.resolve);
    await Promise.race([this.#underWay, waited.promise]);
    cancel();
  }

  /** Gives up the one that is being made: its process reads the store. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#underWay;
  }

  /** What a kill ended halfway, and what nobody came for. */
  removeLeft(): void {
    const { directory } = this.#parts;
    for (const name of readdirSync(directory)) if (name.startsWith(STAGED)) rmSync(join(directory, name));
  }

  async #make(target: string, { files, withSecrets }: BackupRequest): Promise<void> {
    const { directory, clock, log, version, entry } = this.#parts;
    const startedMs = clock.monotonicMs();
    const facts = { madeBy: version, madeAtMs: clock.nowMs() };
    const order = { source: join(directory, DATABASE_FILE), target, files, withSecrets, ...facts, walBytesMax: BACKUP_WAL_BYTES_MAX };
    try {
      const onSlice = (progress: CopyProgress): void => {
        this.#progress = { state: 'running', ...progress };
      };
      const report = await makeArchiveAside(order, { entry, onSlice, signal: this.#stopping.signal });
      this.#progress = { state: 'done', file: target, report };
      this.#made.value += 1;
      log.info('backup made', { ...logged(report), ms: Math.round(clock.monotonicMs() - startedMs) });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#progress = { state: 'failed', code: error.code, message: error.message };
      this.#failed.value += 1;
      this.removeLeft();
      log.error('backup failed', { cause: error.message });
    }
  }
}

function logged({ bytes, sessions, queuedMessages, retainedMessages, damagedGroups }: BackupReport) {
  return { bytes, sessions, queuedMessages, retainedMessages, damagedGroups: damagedGroups.length };
}
