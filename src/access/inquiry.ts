import type { Clock } from '../model/clock.ts';
import { AUTHENTICATION_TIMEOUT_MS } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Credentials, Denial } from './access.ts';

const NOT_AUTHORIZED: Denial = { kind: 'deny', reason: 'not-authorized' };

/** One client's questions to sources of identity: all together they get AUTHENTICATION_TIMEOUT_MS. What a source does not answer is a denial. */
export class Inquiry {
  readonly #credentials: Credentials;
  readonly #log: Log;
  readonly #controller = new AbortController();
  readonly #expired: Promise<'expired'>;
  readonly #cancel: () => void;

  constructor(credentials: Credentials, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#credentials = credentials;
    this.#log = log;
    this.#expired = new Promise((resolve) => {
      this.#controller.signal.addEventListener('abort', () => resolve('expired'), { once: true });
    });
    this.#cancel = clock.after(AUTHENTICATION_TIMEOUT_MS, () => this.#controller.abort());
  }

  /** Never rejects. */
  async ask<T>(source: string, question: (signal: AbortSignal) => Promise<T>): Promise<T | Denial> {
    const verdict = await Promise.race([this.#answer(source, question), this.#expired]);
    return verdict === 'expired' ? this.#failed(source, `no answer within ${AUTHENTICATION_TIMEOUT_MS} ms`) : verdict;
  }

  close(): void {
    this.#cancel();
  }

  async #answer<T>(source: string, question: (signal: AbortSignal) => Promise<T>): Promise<T | Denial> {
    const { signal } = this.#controller;
    try {
      return await question(signal);
    } catch (error) {
      if (signal.aborted) return NOT_AUTHORIZED; // told as expired already
      return this.#failed(source, error instanceof Error ? error.message : String(error));
    }
  }

  #failed(authenticator: string, cause: string): Denial {
    this.#log.error('authentication source failed', { authenticator, peer: this.#credentials.peer, cause });
    return NOT_AUTHORIZED;
  }
}
