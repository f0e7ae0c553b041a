import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ROUTE_CACHE_BYTES_MAX } from '../../src/model/limits.ts';

/** Fewer inputs have not filled what may be filled. */
const INPUTS_MIN = 20_000;
/** The cache of routes may be filling all the while. */
const GROWTH_BYTES_MAX = ROUTE_CACHE_BYTES_MAX;

/** Whether what is reachable grows from input to input, once caches and tables had half of a run to fill. */
export class HeapWatch {
  readonly #count: number;
  readonly #collect: () => void;
  #halfway: number | undefined;

  /** @param count - inputs of the run. */
  constructor(count: number) {
    this.#count = count;
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc');
  }

  /** After each batch. */
  look(inputs: number): void {
    if (this.#halfway === undefined && inputs >= Math.max(this.#count / 2, INPUTS_MIN)) this.#halfway = this.#reachable();
  }

  /** @throws AssertionError */
  requireFlat(when: string): void {
    if (this.#halfway === undefined) return;
    const growth = this.#reachable() - this.#halfway;
    assert.ok(growth <= GROWTH_BYTES_MAX, `${when}: ${growth} bytes more are reachable than halfway`);
  }

  #reachable(): number {
    this.#collect();
    return process.memoryUsage().heapUsed;
  }
}
