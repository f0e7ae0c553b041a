// Exchanges of challenges that are under way: each must end within a time, and there may be only so many.
import type { Clock } from '../model/clock.ts';
import { AUTHENTICATION_EXCHANGE_TIMEOUT_MS, AUTHENTICATION_EXCHANGES_MAX, AUTHENTICATION_EXCHANGES_PER_ADDRESS_MAX } from '../model/limits.ts';
import type { Metrics } from '../model/metrics.ts';
import type { Admission, Denial, ExchangeVerdict } from './access.ts';
import { Places } from './places.ts';

/** One exchange, with a client from `address`: `ask` never rejects and takes no longer than a verdict may. */
export interface OpenExchange {
  readonly address: string;
  readonly ask: (data: Uint8Array | undefined) => Promise<ExchangeVerdict>;
  /** Judges the last verdict. */
  readonly conclude: (verdict: Exclude<ExchangeVerdict, { readonly kind: 'challenge' }>) => Admission;
}

const BUSY: Denial = { kind: 'deny', reason: 'busy' };
const TOO_LATE: Denial = { kind: 'deny', reason: 'not-authorized' };

export class Exchanges {
  readonly #clock: Clock;
  readonly #places: Places;

  constructor({ clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics }) {
    const bounds = { inAll: AUTHENTICATION_EXCHANGES_MAX, perAddress: AUTHENTICATION_EXCHANGES_PER_ADDRESS_MAX };
    this.#clock = clock;
    this.#places = new Places(bounds, metrics.counter('access.exchanges.address-full'));
  }

  get count(): number {
    return this.#places.taken;
  }

  async begin(open: OpenExchange, data: Uint8Array | undefined): Promise<Admission> {
    const giveBack = this.#places.take(open.address);
    if (giveBack === undefined) return open.conclude(BUSY);
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      giveBack();
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
