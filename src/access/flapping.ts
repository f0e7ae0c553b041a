// A client that comes and goes all the time costs more than it brings: after too many goings in a window it is banned for a while.
import { BoundedMap } from '../model/bounded-map.ts';
import type { Principal } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { FLAPPING_CLIENTS_MAX } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Counter, Metrics } from '../model/metrics.ts';
import type { Bans } from './bans.ts';

export interface FlappingSettings {
  /** Disconnects within the window that are one too many; 0: nobody is watched. */
  readonly disconnects: number;
  readonly windowSeconds: number;
  readonly banSeconds: number;
}

interface Goings {
  readonly sinceMs: number;
  count: number;
}

export class Flapping {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #bans: Bans;
  readonly #banned: Counter;
  readonly #goings = new BoundedMap<string, Goings>(FLAPPING_CLIENTS_MAX);
  #settings: FlappingSettings;

  constructor(settings: FlappingSettings, context: { readonly clock: Clock; readonly log: Log; readonly metrics: Metrics; readonly bans: Bans }) {
    this.#settings = settings;
    this.#clock = context.clock;
    this.#log = context.log;
    this.#bans = context.bans;
    this.#banned = context.metrics.counter('access.flapping.banned');
  }

  replaceSettings(settings: FlappingSettings): void {
    this.#settings = settings;
    if (settings.disconnects === 0) this.#goings.clear();
  }

  left({ clientId, peer }: Principal): void {
    const { disconnects } = this.#settings;
    if (disconnects === 0) return;
    const goings = this.#goingsOf(clientId);
    goings.count += 1;
    if (goings.count < disconnects) return;
    this.#goings.delete(clientId);
    this.#ban(clientId, peer);
  }

  #goingsOf(clientId: string): Goings {
    const now = this.#clock.monotonicMs();
    const known = this.#goings.get(clientId);
    if (known !== undefined && now - known.sinceMs < this.#settings.windowSeconds * 1000) return known;
    const begun = { sinceMs: now, count: 0 };
    this.#goings.set(clientId, begun);
    return begun;
  }

  #ban(clientId: string, peer: string): void {
    const { disconnects, windowSeconds, banSeconds } = this.#settings;
    try {
      this.#bans.add({ kind: 'client', value: clientId, seconds: banSeconds, reason: `flapping: ${disconnects} disconnects within ${windowSeconds} s` });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#log.error('flapping client not banned', { clientId, peer, cause: error.message });
      return;
    }
    this.#banned.value += 1;
    this.#log.warn('flapping client banned', { clientId, peer, seconds: banSeconds });
  }
}
