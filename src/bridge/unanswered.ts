// What the remote has not answered: how long, how often it did not take a message while it took others, and which message it ends the connection for.
import type { CancelTimer, Clock } from '../model/clock.ts';
import { BRIDGE_ATTEMPTS_MAX } from '../model/limits.ts';

/** Connections in a row that ended with messages unanswered and none taken, before messages are sent one by one to find the one they end for. */
const FRUITLESS_MAX = 2;
/** Connections in a row given up because nothing was answered, before what is behind the unanswered goes first for a while. */
const SILENT_MAX = 2;

interface Failures {
  count: number;
  /** Messages the remote had taken when this one failed first. */
  readonly takenBefore: number;
}

export class Unanswered {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #onOverdue: (packetIds: readonly number[]) => void;
  /** When each was sent last, ms: the oldest first. */
  readonly #sentAtMs = new Map<number, number>();
  readonly #failures = new Map<number, Failures>();
  #taken = 0;
  #takenWhenConnected = 0;
  #fruitless = 0;
  #isSearching = false;
  #silent = 0;
  #cancel: CancelTimer | undefined;

  /** @param onOverdue - those that were not answered in time; the connection is to be given up. */
  constructor(clock: Clock, timeoutMs: number, onOverdue: (packetIds: readonly number[]) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#onOverdue = onOverdue;
  }

  /** The remote has it and is to answer. */
  sent(packetId: number): void {
    this.#sentAtMs.delete(packetId); // to the end of the order
    this.#sentAtMs.set(packetId, this.#clock.monotonicMs());
    if (this.#cancel === undefined) this.#watch();
  }

  /** Only one message may be under way, because each connection ends before anything is taken. */
  get isSearching(): boolean {
    return this.#isSearching;
  }

  /** It answered nothing to the last connections, whether because of it or of what it was sent. */
  get isSilent(): boolean {
    return this.#silent >= SILENT_MAX;
  }

  connected(): void {
    this.#takenWhenConnected = this.#taken;
    this.#isSearching = this.#fruitless >= FRUITLESS_MAX;
  }

  /** Whatever it said. @returns false when there was nothing to answer. */
  answered(packetId: number): boolean {
    return this.#sentAtMs.delete(packetId);
  }

  /** It is the remote's now. */
  taken(packetId: number): void {
    this.#taken += 1;
    this.#silent = 0;
    this.#isSearching = false;
    this.answered(packetId);
    this.#failures.delete(packetId);
  }

  /** It is nobody's any more. */
  forget(packetId: number): void {
    this.answered(packetId);
    this.#failures.delete(packetId);
  }

  /**
   * The connection is gone, and with it what was to be answered on it.
   *
   * @param endedBy - only `remote` is an answer: the bridge gives a connection up for a full queue here as well, or a remote that says nothing.
   * @returns the message for which the remote ends the connection: each time, and it alone was under way. 3.1.1 has no other word for no.
   */
  disconnected(endedBy: 'us' | 'remote'): number | undefined {
    this.#cancel?.();
    this.#cancel = undefined;
    const [first] = this.#sentAtMs.keys();
    this.#sentAtMs.clear();
    if (endedBy === 'us') return undefined;
    const isFruitless = first !== undefined && this.#taken === this.#takenWhenConnected;
    this.#fruitless = isFruitless ? this.#fruitless + 1 : 0;
    if (!isFruitless || !this.#isSearching) return undefined;
    const isCulprit = this.failed(first).count >= BRIDGE_ATTEMPTS_MAX;
    if (isCulprit) this.#fruitless = 0;
    return isCulprit ? first : undefined;
  }

  /**
   * The remote did not take it, for now.
   *
   * @returns how often that was, and whether it is the message: the remote took others meanwhile. A remote that takes nothing is full or ill.
   */
  failed(packetId: number): { readonly count: number; readonly isHopeless: boolean } {
    const failures = this.#failures.get(packetId) ?? { count: 0, takenBefore: this.#taken };
    failures.count += 1;
    this.#failures.set(packetId, failures);
    return { count: failures.count, isHopeless: failures.count >= BRIDGE_ATTEMPTS_MAX && this.#taken > failures.takenBefore };
  }

  #watch(): void {
    const [oldest] = this.#sentAtMs;
    if (oldest === undefined || !Number.isFinite(this.#timeoutMs)) {
      this.#cancel = undefined;
      return;
    }
    const [, sentAtMs] = oldest;
    const leftMs = sentAtMs + this.#timeoutMs - this.#clock.monotonicMs();
    if (leftMs > 0) {
      this.#cancel = this.#clock.after(leftMs, () => this.#watch());
      return;
    }
    this.#cancel = undefined;
    if (this.#taken === this.#takenWhenConnected) this.#silent += 1;
    const latestMs = this.#clock.monotonicMs() - this.#timeoutMs;
    this.#onOverdue([...this.#sentAtMs].filter(([, atMs]) => atMs <= latestMs).map(([id]) => id));
  }
}
