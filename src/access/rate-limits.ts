// How fast clients may come and publish. Who comes too fast is turned away and may try again; who publishes too fast is read more slowly, so that
// nothing it sent is lost: see docs/decisions/0015-access.md.
import { BoundedMap } from '../model/bounded-map.ts';
import { type Principal, principalKey } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import { LISTENER_DEBT_SECONDS_MAX, RATE_ADDRESSES_MAX, RATE_CLIENTS_MAX } from '../model/limits.ts';
import type { Counter, Metrics } from '../model/metrics.ts';
import type { Credentials } from './access.ts';
import { TokenBucket } from './token-bucket.ts';

/** Per second; 0: no limit. */
export interface RateSettings {
  readonly connectionsPerListener: number;
  readonly connectionsPerAddress: number;
  readonly messagesPerClient: number;
  readonly bytesPerClient: number;
  readonly messagesPerListener: number;
  readonly bytesPerListener: number;
  /** Seconds' worth of each that may come at once after a quiet time. */
  readonly burstSeconds: number;
  /** A client that was held back for this long without a break is sent away; `Infinity`: never. */
  readonly disconnectAfterSeconds: number;
}

/** What one client publishes, against its own rates and those of its listener. */
export interface PublishMeter {
  /**
   * Counts one message.
   *
   * @returns milliseconds for which nothing more is to be read of the client; `abuse` when its own rates have held it back for too long.
   */
  take(bytes: number): number | 'abuse';
}

type Cause = 'client-messages' | 'client-bytes' | 'listener-messages' | 'listener-bytes';

/** One rate with what counts the times it held somebody back. */
interface Gauge {
  readonly bucket: TokenBucket;
  readonly counter: Counter;
  readonly isOfBytes: boolean;
  readonly isOfClient: boolean;
}

/** A break between two times of being held back that makes them two. */
const BREAK_MS = 5_000;

export class RateLimits {
  readonly #settings: RateSettings;
  readonly #clock: Clock;
  readonly #counters: Record<Cause, Counter>;
  readonly #abuses: Counter;
  readonly #listeners = new BoundedMap<string, TokenBucket>(RATE_ADDRESSES_MAX);
  readonly #addresses = new BoundedMap<string, TokenBucket>(RATE_ADDRESSES_MAX);
  readonly #listenerGauges = new Map<string, readonly Gauge[]>();
  /** Of clients with rates of their own, by who they are, the longest unseen first: neither a clean start nor a lost link pays a debt. */
  readonly #meters = new BoundedMap<string, Meter>(RATE_CLIENTS_MAX);
  readonly #forgiven: Counter;

  constructor(settings: RateSettings, { clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics }) {
    const counter = (cause: Cause): Counter => metrics.counter(`access.throttled.${cause}`);
    this.#settings = settings;
    this.#clock = clock;
    this.#counters = {
      'client-messages': counter('client-messages'),
      'client-bytes': counter('client-bytes'),
      'listener-messages': counter('listener-messages'),
      'listener-bytes': counter('listener-bytes'),
    };
    this.#abuses = metrics.counter('access.throttled.disconnected');
    this.#forgiven = metrics.counter('access.throttled.debt-forgiven');
  }

  /** Whether this connection may come now. */
  admits({ listener, peerHost }: Credentials): boolean {
    const { connectionsPerListener, connectionsPerAddress } = this.#settings;
    const now = this.#clock.monotonicMs();
    // The address first: one that is turned away takes nothing from the others of its listener.
    if (connectionsPerAddress > 0 && !this.#bucketOf(this.#addresses, peerHost, connectionsPerAddress).tryTake(1, now)) return false;
    return connectionsPerListener === 0 || this.#bucketOf(this.#listeners, listener, connectionsPerListener).tryTake(1, now);
  }

  /** The meter this client had on this listener before, if it is remembered. Undefined: nothing limits it. */
  meter(client: Principal): PublishMeter | undefined {
    const { messagesPerClient, bytesPerClient } = this.#settings;
    const shared = this.#gaugesOf(client.listener);
    if (messagesPerClient === 0 && bytesPerClient === 0) return shared.length === 0 ? undefined : this.#newMeter(shared);
    const key = [client.listener, principalKey(client), client.clientId].join('\0');
    const meter =
      this.#meters.get(key) ??
      this.#newMeter([...this.#gauge('client-messages', messagesPerClient), ...this.#gauge('client-bytes', bytesPerClient), ...shared]);
    this.#meters.set(key, meter);
    return meter;
  }

  #newMeter(gauges: readonly Gauge[]): Meter {
    const disconnectAfterMs = this.#settings.disconnectAfterSeconds * 1000;
    return new Meter(gauges, { clock: this.#clock, abuses: this.#abuses, forgiven: this.#forgiven, disconnectAfterMs });
  }

  #gaugesOf(listener: string): readonly Gauge[] {
    const known = this.#listenerGauges.get(listener);
    if (known !== undefined) return known;
    const { messagesPerListener, bytesPerListener } = this.#settings;
    const gauges = [...this.#gauge('listener-messages', messagesPerListener), ...this.#gauge('listener-bytes', bytesPerListener)];
    this.#listenerGauges.set(listener, gauges);
    return gauges;
  }

  #gauge(cause: Cause, perSecond: number): Gauge[] {
    if (perSecond === 0) return [];
    const isOfClient = cause.startsWith('client');
    const bucket = this.#bucket(perSecond, isOfClient ? undefined : perSecond * LISTENER_DEBT_SECONDS_MAX);
    return [{ bucket, counter: this.#counters[cause], isOfBytes: cause.endsWith('bytes'), isOfClient }];
  }

  #bucketOf(buckets: Map<string, TokenBucket>, key: string, perSecond: number): TokenBucket {
    const known = buckets.get(key);
    if (known !== undefined) return known;
    const bucket = this.#bucket(perSecond);
    buckets.set(key, bucket);
    return bucket;
  }

  #bucket(perSecond: number, debtMax = Number.POSITIVE_INFINITY): TokenBucket {
    const burst = Math.max(1, perSecond * this.#settings.burstSeconds);
    return new TokenBucket({ perSecond, burst, debtMax }, this.#clock.monotonicMs());
  }
}

interface MeterTerms {
  readonly clock: Clock;
  readonly abuses: Counter;
  readonly forgiven: Counter;
  readonly disconnectAfterMs: number;
}

class Meter implements PublishMeter {
  readonly #gauges: readonly Gauge[];
  readonly #terms: MeterTerms;
  #heldSinceMs = 0;
  #heldUntilMs = Number.NEGATIVE_INFINITY;

  constructor(gauges: readonly Gauge[], terms: MeterTerms) {
    this.#gauges = gauges;
    this.#terms = terms;
  }

  take(bytes: number): number | 'abuse' {
    const now = this.#terms.clock.monotonicMs();
    let delayMs = 0;
    let isItsOwnFault = false;
    for (const { bucket, counter, isOfBytes, isOfClient } of this.#gauges) {
      const debtMs = bucket.take(isOfBytes ? bytes : 1, now);
      if (debtMs === 0) continue;
      counter.value += 1;
      if (bucket.isDebtFull) this.#terms.forgiven.value += 1;
      delayMs = Math.max(delayMs, debtMs);
      isItsOwnFault ||= isOfClient;
    }
    return isItsOwnFault && this.#isAbuse(now, delayMs) ? 'abuse' : delayMs;
  }

  #isAbuse(now: number, delayMs: number): boolean {
    if (now - this.#heldUntilMs > BREAK_MS) this.#heldSinceMs = now;
    this.#heldUntilMs = now + delayMs;
    if (now - this.#heldSinceMs < this.#terms.disconnectAfterMs) return false;
    this.#terms.abuses.value += 1;
    return true;
  }
}
