// What becomes of a session without a link: its will waits, then fires; it waits for its client, then ends.
import type { GatewayClock, GatewayMs } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { BrokerSession } from './client-session.ts';
import type { BrokerCounters } from './counters.ts';

export interface LifecycleParts {
  readonly clock: GatewayClock;
  readonly counters: BrokerCounters;
  readonly log: Log;
  /** The session is over: forget it. */
  readonly forget: (session: BrokerSession) => void;
}

export class Lifecycle {
  readonly #parts: LifecycleParts;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /** The link went. The will fires after its delay or with the session, whichever comes first (MQTT-3.1.2-8). */
  detached(session: BrokerSession): void {
    const now = this.#parts.clock.gatewayMs();
    if (session.expirySeconds === 0) {
      this.finish(session);
      return;
    }
    if (session.will?.delaySeconds === 0) session.publishWill();
    session.saveDetached();
    this.#schedule(session, { willAtMs: now + (session.will?.delaySeconds ?? 0) * 1000, endAtMs: now + session.expirySeconds * 1000 });
  }

  /**
   * After a restart: the time without a link goes on from where it stood, but no will fires before `graceMs`, so that clients can return first.
   */
  resumeWaiting(session: BrokerSession, detachedAtMs: GatewayMs, graceMs: number): void {
    const graceEndMs = this.#parts.clock.gatewayMs() + graceMs;
    const willAtMs = Math.max(graceEndMs, detachedAtMs + (session.will?.delaySeconds ?? 0) * 1000);
    const endAtMs = detachedAtMs + session.expirySeconds * 1000;
    this.#schedule(session, { willAtMs, endAtMs: session.will === undefined ? endAtMs : Math.max(endAtMs, graceEndMs) });
  }

  /** The session ends now: its will, if it still has one, goes out first (MQTT 5 §3.1.3.2.2). */
  finish(session: BrokerSession): void {
    session.publishWill();
    session.end();
    this.#parts.forget(session);
  }

  #schedule(session: BrokerSession, at: { readonly willAtMs: GatewayMs; readonly endAtMs: GatewayMs }): void {
    const { clock, counters, log } = this.#parts;
    const dueMs = session.will === undefined ? at.endAtMs : Math.min(at.willAtMs, at.endAtMs);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    session.deadlineIn(Math.max(0, dueMs - clock.gatewayMs()), () => {
      if (at.endAtMs <= clock.gatewayMs()) {
        counters.sessionsExpired.value += 1;
        log.debug('session expired', { clientId: session.clientId });
        this.finish(session);
      } else {
        session.publishWill();
        this.#schedule(session, at);
      }
    });
  }
}
