import type { Places } from '../places.ts';
import { isPassword, type PasswordHash } from './password-hash.ts';

/** Compares passwords, only so many at once and in line: a storm of logins costs a bounded amount of memory, and the rest is told to come again. */
export class PasswordChecker {
  readonly #atOnce: number;
  readonly #places: Places;
  readonly #compare: typeof isPassword;
  readonly #line: (() => void)[] = [];
  #running = 0;

  /** @param places - for those that are compared and those that wait. */
  constructor({ atOnce, places }: { readonly atOnce: number; readonly places: Places }, compare: typeof isPassword = isPassword) {
    this.#atOnce = atOnce;
    this.#places = places;
    this.#compare = compare;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /**
   * @param login - where the client comes from, and its patience: once `signal` is aborted, a place in the line is given up, for nobody waits for
   *   the answer any more.
   */
  async check(password: Uint8Array, expected: PasswordHash, login: { readonly address: string; readonly signal: AbortSignal }): Promise<boolean | 'busy'> {
    const giveBack = this.#places.take(login.address);
    if (giveBack === undefined) return 'busy';
    try {
      return (await this.#mayStart(login.signal)) ? await this.#compareNow(password, expected) : 'busy';
    } finally {
      giveBack();
    }
  }

  async #compareNow(password: Uint8Array, expected: PasswordHash): Promise<boolean> {
    try {
      return await this.#compare(password, expected);
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#running -= 1;
      else next(); // which takes its turn over
    }
  }

  #mayStart(signal: AbortSignal): boolean | Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#running < this.#atOnce) {
      this.#running += 1;
      return true;
    }
    return new Promise((resolve) => {
      const start = (): void => resolve(true);
      this.#line.push(start);
      const giveUp = (): void => {
        const at = this.#line.indexOf(start);
        if (at !== -1) this.#line.splice(at, 1);
        resolve(false);
      };
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}
