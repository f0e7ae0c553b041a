// Backups a gateway makes by itself. They are numbered, so that a board whose clock starts in 1970 does not take the newest for the oldest.
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import type { BackupDesk } from '../control/running-gateway.ts';
import type { CancelTimer, Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';

const HOUR_MS = 3_600_000;
/** The start of a gateway has better things to do; and a disk that was full may not be any more. */
const SOON_MS = 60_000;
const RETRY_MS = 15 * 60_000;
const NAME = /^postern-(\d{6,})-[\dTZ]+\.backup$/;

export interface ScheduleParts {
  readonly settings: Config['backup'];
  readonly desk: BackupDesk;
  /** Begins one. @throws as `BackupDesk.start` */
  readonly backUp: (target: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class BackupSchedule {
  readonly #parts: ScheduleParts;
  #cancel: CancelTimer | undefined;
  #isStopped = false;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  /** The next one is due an interval after the last, whether the gateway was restarted in between or not. */
  start(): void {
    const { settings, clock } = this.#parts;
    if (settings.directory === undefined) return;
    const directory = resolve(settings.directory);
    const newest = namesIn(directory).at(-1);
    const ageMs = newest === undefined ? Number.POSITIVE_INFINITY : Math.max(0, clock.nowMs() - statSync(join(directory, newest)).mtimeMs);
    this.#next(directory, Math.max(SOON_MS, settings.intervalHours * HOUR_MS - ageMs));
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #next(directory: string, inMs: number): void {
    if (!this.#isStopped) this.#cancel = this.#parts.clock.after(inMs, () => void this.#make(directory));
  }

  async #make(directory: string): Promise<void> {
    const { settings, desk, backUp, log } = this.#parts;
    let isMade = false;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      backUp(join(directory, this.#nameFor(directory)));
      await desk.finished(Number.POSITIVE_INFINITY);
      isMade = desk.progress().state === 'done';
      const outdated = namesIn(directory).slice(0, -settings.keep);
      if (isMade) await Promise.all(outdated.map((name) => rm(join(directory, name), { force: true })));
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      log.error('no backup was made', { directory, cause, advice: 'the next attempt is in 15 minutes' });
    }
    this.#next(directory, isMade ? settings.intervalHours * HOUR_MS : RETRY_MS);
  }

  #nameFor(directory: string): string {
    const [, last = '0'] = NAME.exec(namesIn(directory).at(-1) ?? '') ?? [];
    const time = new Date(this.#parts.clock.nowMs()).toISOString().replace(/[-:]|\.\d+/g, '');
    return `postern-${String(Number(last) + 1).padStart(6, '0')}-${time}.backup`;
  }
}

/** In the order they were made. */
function namesIn(directory: string): string[] {
  const numbered = existing(directory).flatMap((name) => {
    const [, number] = NAME.exec(name) ?? [];
    return number === undefined ? [] : [{ name, number: Number(number) }];
  });
  return numbered.sort((a, b) => a.number - b.number).map(({ name }) => name);
}

function existing(directory: string): string[] {
  return statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(directory) : [];
}
