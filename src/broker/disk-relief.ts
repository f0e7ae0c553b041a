// What the core does about a disk that runs full: it says so, lets go of messages where a queue's owner allowed it, and has publishers in again when there is room.
import type { DiskState, DiskWatcher } from '../session/disk-pressure.ts';
import type { DiskAlarm } from './disk-alarm.ts';
import type { Durability } from './durability.ts';
import type { Evictable } from './queue-bounds.ts';
import type { Withheld } from './withheld.ts';

export interface DiskReliefParts {
  readonly queues: () => Iterable<Evictable>;
  readonly withheld: Pick<Withheld, 'roomMayBe'>;
  readonly durability: Pick<Durability, 'isLazyAllowed'>;
  readonly alarm: DiskAlarm;
}

export class DiskRelief implements DiskWatcher {
  readonly #parts: DiskReliefParts;

  constructor(parts: DiskReliefParts) {
    this.#parts = parts;
  }

  stepped(state: DiskState): void {
    this.#parts.durability.isLazyAllowed = state.step === 'ample';
    this.#parts.alarm.tell(state);
    if (state.isEasing) this.#parts.withheld.roomMayBe();
  }

  get evictableBytes(): number {
    let bytes = 0;
    for (const each of this.#parts.queues()) bytes += each.evictableBytes;
    return bytes;
  }

  /** The queue that has most goes first: those that have little had no part in it. */
  evict(bytesMax: number): number {
    const asked = new Set<Evictable>();
    let evicted = 0;
    while (evicted < bytesMax) {
      const largest = this.#largest(asked);
      if (largest === undefined) break;
      asked.add(largest);
      evicted += largest.evict(bytesMax - evicted);
    }
    return evicted;
  }

  #largest(without: ReadonlySet<Evictable>): Evictable | undefined {
    let found: Evictable | undefined;
    let bytes = 0;
    for (const each of this.#parts.queues()) {
      const size = each.evictableBytes;
      if (size <= bytes || without.has(each)) continue;
      found = each;
      bytes = size;
    }
    return found;
  }
}
