// When a bridge is connected: always, while there is something to send, or once. By hand it is stopped and started whatever that says.
import type { CancelTimer, Clock } from '../model/clock.ts';
import type { Uplink } from './uplink.ts';

export interface StartSettings {
  /** `lazy`: from `lazyThreshold` waiting messages on, until nothing waits and nothing came or went for `idleMs`. `once`: until the connection is lost. */
  readonly kind: 'automatic' | 'lazy' | 'once';
  readonly idleMs: number;
  readonly lazyThreshold: number;
}

/** What a lazy bridge goes by. */
export interface Demand {
  /** Messages that wait for the remote, those under way among them. */
  queued(): number;
  /** Messages sent and received: changes while the connection is used. */
  carried(): number;
}

/** How often a lazy bridge looks: the most an urgent message waits. */
const LOOK_MS = 1_000;

export class StartPolicy {
  readonly #settings: StartSettings;
  readonly #clock: Clock;
  readonly #uplink: Pick<Uplink, 'call' | 'rest'>;
  readonly #demand: Demand;
  #isHeld = false;
  /** A lazy bridge that has begun goes on until nothing waits. */
  #isBegun = false;
  #carried = 0;
  #quietSinceMs = 0;
  #cancel: CancelTimer = () => {};

  constructor(settings: StartSettings, parts: { readonly clock: Clock; readonly uplink: Pick<Uplink, 'call' | 'rest'>; readonly demand: Demand }) {
    this.#settings = settings;
    this.#clock = parts.clock;
    this.#uplink = parts.uplink;
    this.#demand = parts.demand;
  }

  begin(): void {
    if (this.#settings.kind === 'lazy') this.#look();
    else this.#uplink.call();
  }

  /** By hand. */
  start(): void {
    this.#isHeld = false;
    this.#begun();
    this.#uplink.call();
    if (this.#settings.kind === 'lazy') this.#lookLater();
  }

  /** By hand: until `start`. */
  hold(): void {
    this.#isHeld = true;
    this.#cancel();
    this.#uplink.rest('stopped');
  }

  /** Whether to dial again. */
  isWanted(): boolean {
    if (this.#isHeld || this.#settings.kind === 'once') return false;
    if (this.#settings.kind === 'automatic') return true;
    this.#isBegun = this.#demand.queued() > 0;
    return this.#isBegun;
  }

  end(): void {
    this.#cancel();
  }

  #look(): void {
    if (this.#isBegun) this.#endIfQuiet();
    else if (this.#demand.queued() >= this.#settings.lazyThreshold) {
      this.#begun();
      this.#uplink.call();
    }
    this.#lookLater();
  }

  #begun(): void {
    this.#isBegun = true;
    this.#carried = this.#demand.carried();
    this.#quietSinceMs = this.#clock.monotonicMs();
  }

  #endIfQuiet(): void {
    const carried = this.#demand.carried();
    const nowMs = this.#clock.monotonicMs();
    if (carried !== this.#carried || this.#demand.queued() > 0) {
      this.#carried = carried;
      this.#quietSinceMs = nowMs;
    }
    if (nowMs - this.#quietSinceMs < this.#settings.idleMs) return;
    this.#isBegun = false;
    this.#uplink.rest('idle');
  }

  #lookLater(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(LOOK_MS, () => this.#look());
  }
}
