// The users file on disk: read at start and on reload, and again after it has changed when somebody asks for a user, so that one added while the gateway
// runs can log in at once, and one removed loses its rights.
import { readFileSync, type Stats, statSync } from 'node:fs';
import type { Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import { USERS_FILE_BYTES_MAX } from '../../model/limits.ts';
import type { Log } from '../../model/log.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import type { UserRegister, UserStanding } from '../access.ts';
import { parseUsers, type Users } from './user-records.ts';

/** Who asks within this time shares one look at the disk. */
const LOOK_INTERVAL_MS = 1_000;
/** What the disk would not give, for want of a file descriptor say, is asked for again at the next look; what is wrong stays wrong until it changes. */
const UNREAD = 'unread';

/** @throws GatewayError CONFIG_INVALID - unreadable, or wrong; undefined: there is no such file. */
export function readUserFile(path: string): Users | undefined {
  try {
    requireSize(path, statSync(path).size);
    return parsed(path, readFileSync(path, 'utf8'));
  } catch (error) {
    return absentOrThrow(path, error);
  }
}

/** Where logins find their users, and permissions what became of them. */
export class UserFile implements UserRegister {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Times the file changed into one that cannot be used. */
  readonly #unusable: Counter;
  #users: Users | undefined;
  #version: string;
  #lookedAtMs: number;
  #onChange: () => void = () => undefined;

  /** @throws GatewayError CONFIG_INVALID - unreadable, or wrong. */
  constructor(path: string, { clock, log, metrics }: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics }) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#unusable = metrics.counter('access.users-file.unusable');
    this.#version = versionOf(statSync(path, { throwIfNoEntry: false }));
    this.#users = readUserFile(path);
    this.#lookedAtMs = clock.monotonicMs();
  }

  onChange(run: () => void): void {
    this.#onChange = run;
  }

  /** The users as the file has them now; those of before while it is wrong. Undefined: there is no file. */
  current(): Users | undefined {
    if (this.#clock.monotonicMs() - this.#lookedAtMs >= LOOK_INTERVAL_MS) {
      this.#lookedAtMs = this.#clock.monotonicMs();
      this.#refresh();
    }
    return this.#users;
  }

  look(): void {
    this.current();
  }

  standingOf(username: string): UserStanding {
    const users = this.current();
    if (users === undefined) return 'unknown';
    const record = users.byName.get(username);
    return record === undefined ? 'removed' : record.isSuperuser ? 'superuser' : 'ordinary';
  }

  #refresh(): void {
    try {
      const stats = statSync(this.#path, { throwIfNoEntry: false });
      const version = versionOf(stats);
      if (version === this.#version) return;
      this.#version = version;
      if (stats !== undefined) requireSize(this.#path, stats.size);
      this.#users = stats === undefined ? undefined : parsed(this.#path, readFileSync(this.#path, 'utf8'));
      this.#onChange();
      this.#log.info('users file read again', { file: this.#path, users: this.#users?.byName.size ?? 0 });
    } catch (error) {
      if (!(error instanceof GatewayError)) this.#version = UNREAD;
      this.#unusable.value += 1;
      this.#log.error('users file cannot be used: the users of before still hold', {
        file: this.#path,
        cause: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** An atomic replacement is a new inode, an edit in place a new time or size. */
function versionOf(stats: Stats | undefined): string {
  return stats === undefined ? 'absent' : `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}

function requireSize(path: string, size: number): void {
  if (size > USERS_FILE_BYTES_MAX)
    throw new GatewayError('CONFIG_INVALID', `${path}: has ${size} bytes, more than a users file may have (${USERS_FILE_BYTES_MAX})`);
}

function parsed(path: string, text: string): Users {
  try {
    return parseUsers(text);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new GatewayError('CONFIG_INVALID', `${path}: ${error.message}`);
  }
}

function absentOrThrow(path: string, error: unknown): undefined {
  if (isAbsence(error)) return undefined;
  if (error instanceof GatewayError) throw error;
  throw new GatewayError('CONFIG_INVALID', `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
