// What one queue has lost and nobody was told of yet. Kept as state of its session and written once a group, the one in which the messages leave: a kill takes both
// or none. Losses of one publisher by one cause are one entry, whose range grows; when there are too many, those of a cause become one, which names no publisher
// but covers them all.
import type { GatewayMs } from '../model/clock.ts';
import { LOSSES_TOLD_APART_MAX } from '../model/limits.ts';
import type { Losses } from '../model/losses.ts';
import type { NumberRange } from '../model/number-ranges.ts';
import type { Gatherer, Sequence, SessionStore, StoredSession } from '../session/session-store.ts';
import { DROP_CAUSES, type DropCause, type QueueDropCounts } from './drops.ts';
import type { MessageNumber } from './message-number.ts';

/** One message that is lost. */
export interface Loss {
  readonly cause: DropCause;
  /** Undefined: it cannot be read, or nobody is told. */
  readonly number: MessageNumber | undefined;
  /** Undefined: it was not taken. */
  readonly sequence: Sequence | undefined;
  readonly atMs: GatewayMs;
}

/** What is kept besides. */
interface Totals {
  /** Since the queue began. */
  readonly counts: QueueDropCounts;
  /** Of the last report. */
  readonly report: number;
  /** Its place in the queue; 0: there was none. */
  readonly reportAt: Sequence;
}

/** Among the session's state; no gateway sees them. */
const TOTALS_KEY = '\0losses';
const ENTRY_PREFIX = '\0loss ';

export class LossLedger implements Gatherer {
  readonly #store: SessionStore;
  readonly #owner: StoredSession;
  /** By what tells them apart; the oldest is the first. */
  readonly #entries = new Map<string, Losses>();
  readonly #changedKeys = new Set<string>();
  readonly #changed: () => void;
  #totals: Totals;
  /** Whether somebody is told: otherwise they are only counted. */
  isTelling = false;

  constructor(store: SessionStore, owner: StoredSession) {
    this.#store = store;
    this.#owner = owner;
    this.#totals = read<Totals>(owner, TOTALS_KEY) ?? { counts: {}, report: 0, reportAt: 0 };
    const entries = [...owner.state.keys()].filter((key) => key.startsWith(ENTRY_PREFIX)).map((key) => [key, read<Losses>(owner, key)] as const);
    entries.sort(([, one], [, other]) => (one?.sinceMs ?? 0) - (other?.sinceMs ?? 0));
    for (const [key, losses] of entries) if (losses !== undefined) this.#entries.set(key, losses);
    this.#changed = store.gather(this);
  }

  /** Messages lost since the queue began, whoever was told. */
  get counts(): QueueDropCounts {
    const counts = DROP_CAUSES.map((cause) => [cause, this.#totals.counts[cause] ?? 0] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }

  /** Where the last report waits, if it still does. */
  get isReportWaiting(): boolean {
    return this.#owner.queue.has(this.#totals.reportAt);
  }

  add(loss: Loss): void {
    const { cause } = loss;
    this.#totals = { ...this.#totals, counts: { ...this.#totals.counts, [cause]: (this.#totals.counts[cause] ?? 0) + 1 } };
    if (this.isTelling) this.#enter(loss);
    this.#changed();
  }

  /**
   * Takes the oldest losses to be told of; `together`, for the report is to be in the group in which they leave here.
   *
   * @param tell - puts them into the queue. @returns false: there are none.
   */
  takeFirst(tell: (losses: Losses, report: number) => Sequence): boolean {
    const [first] = this.#entries;
    if (first === undefined) return false;
    const [key, losses] = first;
    const report = this.#totals.report + 1;
    this.#entries.delete(key);
    this.#changedKeys.add(key);
    this.#totals = { ...this.#totals, report };
    const reportAt = tell(losses, report); // it may bring about further losses: it takes room
    this.#totals = { ...this.#totals, reportAt };
    this.#changed();
    return true;
  }

  write(): void {
    for (const key of this.#changedKeys) this.#put(key, this.#entries.get(key));
    this.#changedKeys.clear();
    this.#put(TOTALS_KEY, this.#totals);
  }

  #enter(loss: Loss): void {
    const own = keyOf(loss.cause, loss.number);
    const isApart = this.#entries.has(own) || this.#entries.size < LOSSES_TOLD_APART_MAX;
    const number = isApart ? loss.number : this.#coarse(loss);
    const key = keyOf(loss.cause, number);
    this.#entries.set(key, merged(this.#entries.get(key), { ...loss, number }));
    this.#changedKeys.add(key);
  }

  /** Of any publisher. Of which boot it is stays told, or its number would mean nothing, as long as there are not too many of these either. */
  #coarse({ cause, number }: Loss): MessageNumber | undefined {
    const coarse = number && { ...number, device: undefined, sequence: undefined };
    return this.#entries.has(keyOf(cause, coarse)) || this.#entries.size < 2 * LOSSES_TOLD_APART_MAX ? coarse : undefined;
  }

  #put(key: string, value: Losses | Totals | undefined): void {
    if (value !== undefined) this.#store.putState(this.#owner, key, Buffer.from(JSON.stringify(value)));
    else if (this.#owner.state.has(key)) this.#store.putState(this.#owner, key, undefined);
  }
}

function merged(before: Losses | undefined, { cause, number, sequence, atMs }: Loss): Losses {
  return {
    cause,
    device: number?.device,
    boot: number?.boot,
    range: grown(before?.range, number?.sequence),
    queueRange: grown(before?.queueRange, number?.queueNumber ?? sequence),
    after: before?.after ?? number?.after,
    count: (before?.count ?? 0) + 1,
    sinceMs: before?.sinceMs ?? atMs,
    untilMs: atMs,
  };
}

function grown(range: NumberRange | undefined, number: number | undefined): NumberRange | undefined {
  if (number === undefined) return range;
  return { first: Math.min(range?.first ?? number, number), last: Math.max(range?.last ?? number, number) };
}

function keyOf(cause: DropCause, number: MessageNumber | undefined): string {
  return `${ENTRY_PREFIX}${cause} ${number?.boot ?? ''} ${number?.device ?? ''}`;
}

function read<Value>({ state }: StoredSession, key: string): Value | undefined {
  const value = state.get(key);
  return value === undefined ? undefined : (JSON.parse(Buffer.from(value).toString()) as Value);
}
