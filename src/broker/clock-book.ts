// The table of `wall-times.ts`, kept in the gateway's own state: a row per boot, written when it begins and when its wall clock is set.
import type { GatewayMs } from '../model/clock.ts';
import { CLOCK_BOOTS_MAX, CLOCK_SPANS_MAX } from '../model/limits.ts';
import type { Counter, Metrics } from '../model/metrics.ts';
import type { Reception } from '../model/reception.ts';
import type { SessionStore } from '../session/session-store.ts';
import { type BootTimes, receptionAt, type WallSpan } from './wall-times.ts';

const OWNER = { gateway: 'clock' };

export interface ClockBookParts {
  readonly store: Pick<SessionStore, 'boot' | 'gatewayState' | 'putState'>;
  readonly metrics: Metrics;
}

export class ClockBook {
  readonly #store: ClockBookParts['store'];
  readonly #forgotten: Counter;
  readonly #boots: BootTimes[];
  #revision = 0;

  constructor({ store, metrics }: ClockBookParts) {
    this.#store = store;
    this.#forgotten = metrics.counter('clock.forgotten');
    const rows = [...store.gatewayState(OWNER.gateway)].flatMap(([key, value]) => decode(Number(key), value) ?? []);
    this.#boots = rows.sort((a, b) => a.boot - b.boot);
  }

  /** Another one whenever what `receptionAt` says may have changed. */
  get revision(): number {
    return this.#revision;
  }

  /** Boots it knows of. */
  get count(): number {
    return this.#boots.length;
  }

  receptionAt(atMs: GatewayMs): Reception | undefined {
    return receptionAt(this.#boots, atMs);
  }

  /** This boot begins. Before the first message is published. */
  begin(span: WallSpan): void {
    const { boot } = this.#store.boot;
    this.#put({ boot, startedMs: span.fromMs, spans: [span] });
    for (const { boot: oldest } of this.#boots.splice(0, this.#boots.length - CLOCK_BOOTS_MAX)) {
      this.#store.putState(OWNER, String(oldest), undefined);
      this.#forgotten.value += 1;
    }
  }

  /** The wall clock stands otherwise from now on. */
  note(span: WallSpan): void {
    const times = this.#boots.at(-1);
    if (times === undefined) throw new TypeError('a boot begins before its clock is set');
    const spans = [...times.spans, span];
    this.#forgotten.value += spans.splice(0, spans.length - CLOCK_SPANS_MAX).length;
    this.#put({ ...times, spans });
  }

  #put(times: BootTimes): void {
    if (this.#boots.at(-1)?.boot === times.boot) this.#boots.pop();
    this.#boots.push(times);
    this.#store.putState(OWNER, String(times.boot), encode(times));
    this.#revision += 1;
  }
}

type StoredSpan = readonly [fromMs: number, offsetMs: number, isSynchronized: 0 | 1];

interface StoredTimes {
  readonly startedMs: number;
  readonly spans: readonly StoredSpan[];
}

function encode({ startedMs, spans }: BootTimes): Uint8Array {
  const stored: StoredTimes = { startedMs, spans: spans.map(({ fromMs, offsetMs, isSynchronized }) => [fromMs, offsetMs, isSynchronized ? 1 : 0]) };
  return Buffer.from(JSON.stringify(stored));
}

/** Undefined for a row that cannot be read: its messages are of unknown time, and nothing else is lost. */
function decode(boot: number, bytes: Uint8Array): BootTimes | undefined {
  try {
    const { startedMs, spans }: StoredTimes = JSON.parse(Buffer.from(bytes).toString());
    return { boot, startedMs, spans: spans.map(([fromMs, offsetMs, isSynchronized]) => ({ fromMs, offsetMs, isSynchronized: isSynchronized === 1 })) };
  } catch {
    return undefined;
  }
}
