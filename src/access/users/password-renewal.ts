// Hashes that came from elsewhere are weaker than ours. Who has logged in with one has shown the password: then it is hashed anew, and the users file
// has the better hash from then on. Logins of a while share one writing of the file, and none waits for the disk.
import type { Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { Counter, Metrics } from '../../model/metrics.ts';
import { type Argon2Hash, formatPasswordHash, hashPassword, isArgon2, type PasswordHash } from './password-hash.ts';
import { replaceFile } from './replace-file.ts';
import { readUserFile } from './user-file.ts';
import { formatUsers, type UserRecord, usersOf } from './user-records.ts';

/** A storm of first logins writes the file this often at most. */
const WRITE_DELAY_MS = 2_000;
/** Each takes the memory of a hash; who comes when this many are under way is renewed at the next login. */
const HASHED_AT_ONCE_MAX = 4;

interface Renewal {
  readonly from: PasswordHash;
  readonly to: Argon2Hash;
}

export class PasswordRenewal {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #renewed: Counter;
  /** By user name; no more than there are users. */
  readonly #waiting = new Map<string, Renewal>();
  #hashing = 0;
  #isWriting = false;
  #hasWarned = false;

  /** @param path - of the users file. */
  constructor(path: string, { clock, log, metrics }: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics }) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
    this.#renewed = metrics.counter('access.passwords.renewed');
  }

  /**
   * Of a user who has just logged in. Ends when the new hash waits to be written.
   *
   * @param password - the right one.
   */
  async renew({ name, password: from }: UserRecord, password: Uint8Array): Promise<void> {
    if (isArgon2(from) || this.#waiting.has(name) || this.#hashing >= HASHED_AT_ONCE_MAX) return;
    this.#hashing += 1;
    try {
      this.#waiting.set(name, { from, to: await hashPassword(password) });
    } finally {
      this.#hashing -= 1;
    }
    if (!this.#isWriting) this.#writeSoon();
  }

  #writeSoon(): void {
    this.#isWriting = true;
    this.#clock.after(WRITE_DELAY_MS, () => void this.#write());
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const renewals = new Map(this.#waiting);
    this.#waiting.clear();
    try {
      await replaceFile(this.#path, async () => this.#withRenewed(renewals));
      this.#renewed.value += renewals.size;
      this.#log.info('imported passwords hashed anew', { file: this.#path, users: renewals.size });
    } catch (error) {
      this.#warn(error);
    }
    this.#isWriting = false;
    if (this.#waiting.size > 0) this.#writeSoon();
  }

  /** Once: a file that belongs to somebody else stays so. The next login of the user asks again all the same. */
  #warn(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const cause = error instanceof Error ? error.message : String(error);
    this.#log.warn('imported passwords keep their hash: the users file cannot be written', { file: this.#path, cause });
  }

  /** @throws GatewayError CONFIG_INVALID - the file is gone or wrong. */
  #withRenewed(renewals: ReadonlyMap<string, Renewal>): string {
    const users = readUserFile(this.#path);
    if (users === undefined) throw new GatewayError('CONFIG_INVALID', `${this.#path} is gone`);
    const records = [...users.byName.values()].map((record) => {
      const renewal = renewals.get(record.name);
      const isSame = renewal !== undefined && formatPasswordHash(renewal.from) === formatPasswordHash(record.password);
      return isSame ? { ...record, password: renewal.to } : record; // one that was changed meanwhile is the newer
    });
    return formatUsers(usersOf(records, users.decoyKey));
  }
}
