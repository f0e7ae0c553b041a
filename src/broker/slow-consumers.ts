// Clients that are connected and do not take what is sent to them: their link stays full, or their stored queue grows behind it.
import { type ClientId, INTERNAL_PROTOCOL, type Principal } from '../model/client.ts';
import type { CancelTimer, Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { Counter } from '../model/metrics.ts';
import type { StoredSession } from '../session/session-store.ts';

export interface SlowConsumerSettings {
  /** 0: nobody is watched. */
  readonly afterSeconds: number;
  readonly isDisconnected: boolean;
}

export interface WatchedSession {
  readonly clientId: ClientId;
  readonly principal: Principal;
  readonly stored: StoredSession | undefined;
  kick(reason: 'slow-consumer'): void;
}

export interface SlowConsumerParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly counter: Counter;
  readonly settings: SlowConsumerSettings;
}

/** One look at a session, to compare the next with. */
interface Watch {
  sinceMs: number;
  queued: number;
  /** Undefined: it has room. */
  fullSinceMs: number | undefined;
  isTold: boolean;
}

/** Looks per period: a slow client is told at the latest a quarter late. */
const LOOKS = 4;

export class SlowConsumers {
  readonly #parts: SlowConsumerParts;
  readonly #watched = new Map<WatchedSession, Watch>();
  #cancel: CancelTimer | undefined;

  constructor(parts: SlowConsumerParts) {
    this.#parts = parts;
  }

  /** The session's link takes no more. */
  full(session: WatchedSession): void {
    const { clock, settings } = this.#parts;
    if (settings.afterSeconds === 0) return;
    const now = clock.monotonicMs();
    const watch = this.#watched.get(session);
    if (watch === undefined) this.#watched.set(session, { sinceMs: now, queued: queuedOf(session), fullSinceMs: now, isTold: false });
    else watch.fullSinceMs ??= now;
    this.#look();
  }

  /** The link has room again. */
  drained(session: WatchedSession): void {
    const watch = this.#watched.get(session);
    if (watch === undefined) return;
    watch.fullSinceMs = undefined;
    if (queuedOf(session) === 0) this.#watched.delete(session);
  }

  /** Nobody is connected to it any more. */
  gone(session: WatchedSession): void {
    this.#watched.delete(session);
  }

  #look(): void {
    const { clock, settings } = this.#parts;
    if (this.#cancel !== undefined || this.#watched.size === 0) return;
    this.#cancel = clock.after((settings.afterSeconds * 1000) / LOOKS, () => {
      this.#cancel = undefined;
      for (const [session, watch] of [...this.#watched]) this.#judge(session, watch);
      this.#look();
    });
  }

  #judge(session: WatchedSession, watch: Watch): void {
    const { clock, settings } = this.#parts;
    const now = clock.monotonicMs();
    const afterMs = settings.afterSeconds * 1000;
    if (now - watch.sinceMs < afterMs) return;
    const queued = queuedOf(session);
    const { fullSinceMs } = watch;
    const isStuck = fullSinceMs !== undefined && now - fullSinceMs >= afterMs;
    if (isStuck || queued > watch.queued) {
      this.#tell(session, watch, queued);
    } else if (queued === 0 && fullSinceMs === undefined) {
      this.#watched.delete(session);
    } else {
      watch.sinceMs = now;
      watch.queued = queued;
      watch.isTold = false;
    }
  }

  #tell(session: WatchedSession, watch: Watch, queued: number): void {
    const { clock, counter, log, settings } = this.#parts;
    if (watch.isTold) return;
    watch.isTold = true;
    counter.value += 1;
    const { clientId, principal } = session;
    const seconds = Math.round((clock.monotonicMs() - watch.sinceMs) / 1000);
    const isDisconnected = settings.isDisconnected && principal.protocol !== INTERNAL_PROTOCOL;
    log.warn('slow consumer', { clientId, peer: principal.peer, seconds, queued, isDisconnected });
    if (isDisconnected) session.kick('slow-consumer');
  }
}

function queuedOf({ stored }: WatchedSession): number {
  return stored?.queue.count ?? 0;
}
