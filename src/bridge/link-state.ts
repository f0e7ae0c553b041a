// What a bridge's connection is at, and how it failed last: names that stay, for `postern status`, its counters and the guide.
import type { Clock } from '../model/clock.ts';
import type { Counter, Metrics } from '../model/metrics.ts';

export type LinkState =
  /** By hand, until it is started by hand. */
  | 'stopped'
  /** Not connected because nothing asks for it: `start` is lazy or once. */
  | 'idle'
  | 'resolving'
  | 'connecting'
  /** TLS. */
  | 'securing'
  /** WebSocket. */
  | 'upgrading'
  /** CONNECT is sent. */
  | 'opening'
  | 'subscribing'
  | 'connected'
  /** Until the next attempt. */
  | 'waiting'
  /** Its configuration, or a file it names, cannot be used. */
  | 'unusable';

/** Each way a connection, or an attempt to have one, can end. */
export const FAILURE_KINDS = [
  'unresolved',
  'unreachable',
  'tls-failed',
  'upgrade-refused',
  'refused',
  'unanswered',
  'violation',
  'closed',
  'queue-full',
  'unusable',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export interface LinkFailure {
  readonly kind: FailureKind;
  readonly reason: string;
}

/** What a test of a remote passes, in this order; without a name, TLS or WebSocket one of them is not there. */
export type TrialStep = 'resolve' | 'tcp' | 'tls' | 'websocket' | 'mqtt';

export interface TrialReport {
  readonly address: string;
  readonly passed: readonly TrialStep[];
  /** Absent when all went well, as `reason`. */
  readonly failure?: FailureKind;
  readonly reason?: string;
}

/** For `postern status`; what is undefined is not shown. */
export interface LinkStatus {
  readonly state: LinkState;
  readonly sinceSeconds: number;
  readonly retrySeconds: number | undefined;
  readonly lastFailure: FailureKind | undefined;
  readonly reason: string | undefined;
  readonly failedSeconds: number | undefined;
  readonly failedAddress: string | undefined;
  /** Failures since it was connected last. */
  readonly failures: number;
}

export class LinkRecord {
  readonly #clock: Clock;
  readonly #attempts: Counter;
  readonly #connections: Counter;
  readonly #sessionsLost: Counter;
  readonly #filtersRefused: Counter;
  readonly #failures: ReadonlyMap<FailureKind, Counter>;
  #state: LinkState = 'idle';
  #sinceMs: number;
  #retryAtMs: number | undefined;
  #failure: (LinkFailure & { readonly atMs: number; readonly address: string }) | undefined;
  #inARow = 0;

  /** @param name - of the counters: `bridge:central`. */
  constructor(name: string, { clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics }) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
    this.#attempts = metrics.counter(`${name}.attempts`);
    this.#connections = metrics.counter(`${name}.connections`);
    this.#sessionsLost = metrics.counter(`${name}.sessions-lost`);
    this.#filtersRefused = metrics.counter(`${name}.filters-refused`);
    this.#failures = new Map(FAILURE_KINDS.map((kind) => [kind, metrics.counter(`${name}.failures.${kind}`)]));
  }

  /** @param waitMs - until it ends by itself. */
  enter(state: LinkState, waitMs?: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (state !== this.#state) this.#sinceMs = nowMs;
    this.#state = state;
    this.#retryAtMs = waitMs === undefined ? undefined : nowMs + waitMs;
    if (state !== 'connected') return;
    this.#connections.value += 1;
    this.#inARow = 0;
  }

  attempted(): void {
    this.#attempts.value += 1;
  }

  failed(failure: LinkFailure, address: string): void {
    const counter = this.#failures.get(failure.kind);
    if (counter !== undefined) counter.value += 1;
    this.#failure = { ...failure, address, atMs: this.#clock.monotonicMs() };
    this.#inARow += 1;
  }

  /** A remote that had our session said that it has none. */
  sessionLost(): void {
    this.#sessionsLost.value += 1;
  }

  filterRefused(): void {
    this.#filtersRefused.value += 1;
  }

  get status(): LinkStatus {
    const nowMs = this.#clock.monotonicMs();
    const failure = this.#failure;
    return {
      state: this.#state,
      sinceSeconds: seconds(nowMs - this.#sinceMs),
      retrySeconds: this.#retryAtMs === undefined ? undefined : seconds(Math.max(0, this.#retryAtMs - nowMs)),
      lastFailure: failure?.kind,
      reason: failure?.reason,
      failedSeconds: failure === undefined ? undefined : seconds(nowMs - failure.atMs),
      failedAddress: failure?.address,
      failures: this.#inARow,
    };
  }
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
