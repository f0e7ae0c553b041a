// Whose a sequence number is. One store may become two, by a backup that is restored or a card that is copied, and both give the same numbers to other
// messages from then on. So what leaves a store is named by an era: a random number for a stretch of sequence numbers, which this boot may lengthen and no
// later one does. Two stores that came from one share the eras they share the messages of, and no other.
import { randomBytes } from 'node:crypto';
import type { Era } from '../model/carried-message.ts';
import { EXPORT_ERAS_MAX } from '../model/limits.ts';
import type { Sequence, SessionStore } from '../session/session-store.ts';

/** Sequence numbers from `first` up to, without, `end`. */
interface Stretch {
  readonly era: Era;
  readonly first: Sequence;
  readonly end: Sequence;
}

const OWNER = { gateway: 'queue-export' };
const KEY = 'eras';
const ERA_BYTES = 8;

export class ExportEras {
  readonly #store: Pick<SessionStore, 'boot' | 'gatewayState' | 'putState' | 'sessions'>;
  /** In order, without overlaps. */
  #stretches: readonly Stretch[];
  /** The one this boot began. */
  #own: Era | undefined;

  constructor(store: Pick<SessionStore, 'boot' | 'gatewayState' | 'putState' | 'sessions'>) {
    this.#store = store;
    this.#stretches = decoded(store.gatewayState(OWNER.gateway).get(KEY));
    const end = store.boot.lastSequence + 1; // a damaged store may have lost its last messages: their numbers are given again
    if (this.#stretches.some((each) => each.end > end)) {
      const cut = this.#stretches.map((each) => ({ ...each, end: Math.min(each.end, end) }));
      this.#save(cut.filter((each) => each.end > each.first));
    }
  }

  /** @returns undefined: it was not named yet. */
  eraOf(sequence: Sequence): Era | undefined {
    return this.#stretches.find(({ first, end }) => sequence >= first && sequence < end)?.era;
  }

  /** Gives every number up to `last`, which must be given already, an era. It is written before what follows it. */
  nameUpTo(last: Sequence): void {
    const newest = this.#stretches.at(-1);
    const end = last + 1;
    if (newest !== undefined && newest.end >= end) return;
    if (newest !== undefined && newest.era === this.#own) {
      this.#save([...this.#stretches.slice(0, -1), { ...newest, end }]);
      return;
    }
    this.#own = randomBytes(ERA_BYTES).toString('hex');
    const next = [...this.#withMessages(), { era: this.#own, first: newest?.end ?? 1, end }];
    const kept = next.slice(-EXPORT_ERAS_MAX);
    const [oldest, first = 1] = [kept[0], next[0]?.first];
    this.#save(oldest === undefined ? kept : [{ ...oldest, first }, ...kept.slice(1)]); // numbers of before, which every store with this era has the messages of
  }

  /** Without those nothing is queued of any more. */
  #withMessages(): Stretch[] {
    let oldest = Number.POSITIVE_INFINITY;
    for (const { queue } of this.#store.sessions.values()) oldest = Math.min(oldest, queue.next(0) ?? oldest);
    return this.#stretches.filter(({ end }) => end > oldest);
  }

  #save(stretches: readonly Stretch[]): void {
    this.#stretches = stretches;
    this.#store.putState(OWNER, KEY, Buffer.from(JSON.stringify(stretches)));
  }
}

/** A row that cannot be read is as none: what is exported again may be imported again. */
function decoded(row: Uint8Array | undefined): readonly Stretch[] {
  if (row === undefined) return [];
  try {
    return JSON.parse(Buffer.from(row).toString()) as readonly Stretch[];
  } catch {
    return [];
  }
}
