import type { Group } from './group.ts';

/** Offsets and object headers of a cached group beside its bytes, roughly. */
const OVERHEAD_BYTES = 300;
const OFFSET_BYTES = 4;

/** Groups in memory, bounded in bytes; the one that was put or used longest ago goes first. The newest stays, whatever its size. */
export class GroupCache {
  readonly #bytesMax: number;
  readonly #groups = new Map<number, Group>();
  #bytes = 0;
  #newest: number | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  put(number: number, group: Group): void {
    this.delete(number);
    this.#groups.set(number, group);
    this.#newest = number;
    this.#bytes += cost(group);
    for (const [oldest, evicted] of this.#groups) {
      if (this.#bytes <= this.#bytesMax || this.#groups.size === 1) return;
      this.#groups.delete(oldest);
      this.#bytes -= cost(evicted);
    }
  }

  get(number: number): Group | undefined {
    return this.#groups.get(number);
  }

  delete(number: number): void {
    const group = this.#groups.get(number);
    if (group === undefined) return;
    this.#groups.delete(number);
    this.#bytes -= cost(group);
  }

  /** As `get`, and counts as used now. */
  use(number: number): Group | undefined {
    const group = this.#groups.get(number);
    if (group !== undefined && number !== this.#newest) {
      this.#groups.delete(number);
      this.#groups.set(number, group);
      this.#newest = number;
    }
    return group;
  }
}

function cost({ bytes, table }: Group): number {
  return bytes.length + (table.offsets.length + (table.positions?.length ?? 0)) * OFFSET_BYTES + OVERHEAD_BYTES;
}
