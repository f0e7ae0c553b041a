import { isPassword, type PasswordHash } from './password-hash.ts';

/** Compares passwords, only so many at once and in line: a storm of logins costs a bounded amount of memory, and the rest is told to come again. */
export class PasswordChecker {
  readonly #limits: { readonly atOnce: number; readonly waitingMax: number };
  readonly #compare: typeof isPassword;
  readonly #line: (() => void)[] = [];
  #running = 0;

  constructor(limits: { readonly atOnce: number; readonly waitingMax: number }, compare: typeof isPassword = isPassword) {
    this.#limits = limits;
    this.#compare = compare;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /** @param signal - once aborted, a place in the line is given up: nobody waits for the answer any more. */
  async check(password: Uint8Array, expected: PasswordHash, signal: AbortSignal): Promise<boolean | 'busy'> {
    if (!(await this.#mayStart(signal))) return 'busy';
    try {
      return await this.#compare(password, expected);
    } finally {
      const next = this.#line.shift();
      if (next === undefined) this.#running -= 1;
      else next(); // which takes over the place
    }
  }

  #mayStart(signal: AbortSignal): boolean | Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#running < this.#limits.atOnce) {
      this.#running += 1;
      return true;
    }
    if (this.#line.length >= this.#limits.waitingMax) return false;
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
