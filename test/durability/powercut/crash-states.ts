// What a medium may hold after its power was cut at some request: all that was flushed, and of the rest whatever it had got around to.
import type { Draws } from '../../support/store-workload.ts';
import type { LoggedRequest } from './write-log.ts';

const SECTOR_BYTES = 512;

/**
 * How the requests since the last flush fare. `some`: each of them is there or not. `first`: those up to one of them, as on a medium that keeps order.
 * `torn`: as `some`, and those that are there may end early, at a sector.
 */
const FATES = ['none', 'all', 'some', 'some', 'first', 'torn', 'torn'] as const;
type Fate = (typeof FATES)[number];

export class CrashStates {
  readonly #requests: readonly LoggedRequest[];
  /** Everything up to the last flush before the cut that was last asked for. */
  readonly #flushed: Buffer;
  #applied = 0;

  /** @param base - the medium before the first request; it is copied. */
  constructor(base: Buffer, requests: readonly LoggedRequest[]) {
    this.#flushed = Buffer.from(base);
    this.#requests = requests;
  }

  /**
   * The medium after power was cut behind request `index`.
   *
   * @param index - not below that of the call before.
   */
  cutBehind(index: number, draws: Draws): Buffer {
    const flushedTo = this.#requests.findLastIndex(({ isFlush }, at) => at <= index && isFlush) + 1;
    for (; this.#applied < flushedTo; this.#applied += 1) write(this.#flushed, this.#requests[this.#applied]);
    const medium = Buffer.from(this.#flushed);
    const fate = draws.pick(FATES) ?? 'none';
    const pending = this.#requests.slice(flushedTo, index + 1);
    const kept = draws.below(pending.length + 1);
    for (const [at, request] of pending.entries()) if (isKept(fate, { at, kept }, draws)) write(medium, fate === 'torn' ? torn(request, draws) : request);
    return medium;
  }
}

function isKept(fate: Fate, { at, kept }: { readonly at: number; readonly kept: number }, draws: Draws): boolean {
  if (fate === 'first') return at < kept;
  return fate === 'all' || (fate !== 'none' && draws.below(2) === 1);
}

function torn(request: LoggedRequest, draws: Draws): LoggedRequest {
  const sectors = request.data.length / SECTOR_BYTES;
  return draws.below(3) > 0 ? request : { ...request, data: request.data.subarray(0, draws.below(sectors + 1) * SECTOR_BYTES) };
}

function write(medium: Buffer, request: LoggedRequest | undefined): void {
  if (request !== undefined) medium.set(request.data, request.sector * SECTOR_BYTES);
}
