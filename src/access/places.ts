import type { Counter } from '../model/metrics.ts';

/** Places that are taken for a while, so many in all and so many for one address: who comes from there cannot keep everybody else out. */
export class Places {
  readonly #bounds: { readonly inAll: number; readonly perAddress: number };
  readonly #addressFull: Counter;
  readonly #byAddress = new Map<string, number>();
  #taken = 0;

  /** @param addressFull - counts who was turned away although there was room for others. */
  constructor(bounds: { readonly inAll: number; readonly perAddress: number }, addressFull: Counter) {
    this.#bounds = bounds;
    this.#addressFull = addressFull;
  }

  get taken(): number {
    return this.#taken;
  }

  /** @returns what gives the place back, however often it is called; undefined: there is none. */
  take(address: string): (() => void) | undefined {
    if (this.#taken >= this.#bounds.inAll) return undefined;
    const own = this.#byAddress.get(address) ?? 0;
    if (own >= this.#bounds.perAddress) {
      this.#addressFull.value += 1;
      return undefined;
    }
    this.#taken += 1;
    this.#byAddress.set(address, own + 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#giveBack(address);
    };
  }

  #giveBack(address: string): void {
    const left = (this.#byAddress.get(address) ?? 1) - 1;
    this.#taken -= 1;
    if (left === 0) this.#byAddress.delete(address);
    else this.#byAddress.set(address, left);
  }
}
