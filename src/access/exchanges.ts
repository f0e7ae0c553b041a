// Exchanges of challenges that are under way: each must end within a time, and there may be only so many.
import type { Clock } from '../model/clock.ts';
import { AUTHENTICATION_EXCHANGE_TIMEOUT_MS, AUTHENTICATION_EXCHANGES_MAX } from '../model/limits.ts';
import type { Admission, Denial, ExchangeVerdict } from './access.ts';

/** One exchange: `ask` never rejects and takes no longer than a verdict may. */
export interface OpenExchange {
  readonly ask: (data: Uint8Array | undefined) => Promise<ExchangeVerdict>;
  /** Judges the last verdict. */
  readonly conclude: (verdict: Exclude<ExchangeVerdict, { readonly kind: 'challenge' }>) => Admission;
}

const BUSY: Denial = { kind: 'deny', reason: 'busy' };
const TOO_LATE: Denial = { kind: 'deny', reason: 'not-authorized' };

export class Exchanges {
  readonly #clock: Clock;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  async begin(open: OpenExchange, data: Uint8Array | undefined): Promise<Admission> {
    if (this.#count >= AUTHENTICATION_EXCHANGES_MAX) return open.conclude(BUSY);
    this.#count += 1;
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#count -= 1;
      cancel();
    };
    const cancel = this.#clock.after(AUTHENTICATION_EXCHANGE_TIMEOUT_MS, close);
    const advance = async (answer: Uint8Array | undefined): Promise<Admission> => {
      if (!isOpen) return open.conclude(TOO_LATE);
      const verdict = await open.ask(answer);
      if (verdict.kind === 'challenge') return { ...verdict, respond: advance, abandon: close };
      close();
      return open.conclude(verdict);
    };
    return advance(data);
  }
}
