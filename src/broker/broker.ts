// The service behind the contract: protocol-free. It owns the sessions; who may have which is decided here, once for every protocol.
import type { Credentials } from '../access/access.ts';
import { Bus } from '../bus/bus.ts';
import type { ConnectOutcome, ConnectRequest, DetachedSession, GatewayContext, Outlet, QueueLimits } from '../gateway/gateway.ts';
import { type Principal, peerAddress, principalKey, type Realm, realm } from '../model/client.ts';
import type { GatewayClock } from '../model/clock.ts';
import * as limits from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import { type Draft, Message } from '../model/message.ts';
import type { Metrics } from '../model/metrics.ts';
import { type SessionStore, type StoredSession, sessionKey } from '../session/session-store.ts';
import { BrokerSession } from './client-session.ts';
import type { Core, Permissions } from './core.ts';
import { brokerCounters } from './counters.ts';
import { Lifecycle } from './lifecycle.ts';
import { type Authentication, PrincipalCache } from './principal-cache.ts';
import { savedQueueTerms } from './queue-terms.ts';
import { RetainedIndex } from './retained-index.ts';
import { type RetainedLimits, type RoutedSession, Router } from './router.ts';
import { gatewayState } from './session-state.ts';

/** Who may connect and what they may do. Never `skip`: somebody vouches, or it is a denial. */
export type Access = Permissions & Authentication;

export interface BrokerSettings {
  readonly sessionsMax: number;
  readonly queueLimits: QueueLimits;
  readonly memoryQueueLimits: QueueLimits;
  readonly retainedLimits: RetainedLimits;
  readonly willRestartGraceSeconds: number;
  readonly qos2QuarantineMs: number;
}

export const DEFAULT_BROKER_SETTINGS: BrokerSettings = {
  sessionsMax: limits.SESSIONS_MAX,
  queueLimits: { messagesMax: limits.QUEUE_MESSAGES_MAX, bytesMax: limits.QUEUE_BYTES_MAX },
  memoryQueueLimits: { messagesMax: limits.MEMORY_QUEUE_MESSAGES_MAX, bytesMax: limits.MEMORY_QUEUE_BYTES_MAX },
  retainedLimits: { messagesMax: limits.RETAINED_MESSAGES_MAX, bytesMax: limits.RETAINED_BYTES_MAX },
  willRestartGraceSeconds: limits.WILL_RESTART_GRACE_SECONDS,
  qos2QuarantineMs: limits.QOS2_QUARANTINE_MS,
};

export interface BrokerParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly access: Access;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly settings: BrokerSettings;
}

export class Broker {
  readonly #parts: BrokerParts;
  readonly #core: Core;
  readonly #lifecycle: Lifecycle;
  readonly #sessions = new Map<string, BrokerSession>();
  readonly #principals: PrincipalCache;

  constructor(parts: BrokerParts) {
    const { store, clock, access, metrics, settings } = parts;
    const counters = brokerCounters(metrics);
    const bus = new Bus<RoutedSession>({ routeCacheBytesMax: limits.ROUTE_CACHE_BYTES_MAX });
    const retained = new RetainedIndex();
    const router = new Router({ bus, store, clock, retained, counters, retainedLimits: settings.retainedLimits });
    this.#parts = parts;
    this.#core = {
      store,
      bus,
      clock,
      access,
      router,
      retained,
      counters,
      queueLimits: settings.queueLimits,
      memoryQueueLimits: settings.memoryQueueLimits,
      qos2QuarantineMs: settings.qos2QuarantineMs,
    };
    this.#lifecycle = new Lifecycle({ clock, counters, log: parts.log, forget: (session) => this.#forget(session) });
    this.#principals = new PrincipalCache(access, clock);
    metrics.gauge('sessions', () => this.#sessions.size);
    metrics.gauge('sessions.connected', () => this.connectedCount);
    metrics.gauge('subscriptions', () => bus.subscriptionCount);
    metrics.gauge('retained.messages', () => retained.count);
  }

  /** Brings back what the store holds: before any listener opens. */
  restore(): void {
    const { store, clock, settings } = this.#parts;
    for (const message of store.retained.values()) this.#core.retained.set(message);
    for (const stored of [...store.sessions.values()]) {
      const session = this.#restoreSession(stored);
      this.#lifecycle.resumeWaiting(session, stored.facts.detachedAtMs ?? clock.gatewayMs(), settings.willRestartGraceSeconds * 1000);
    }
  }

  /** Sessions of a realm nobody serves any more collect nothing more, and hold no publisher back; what they hold stays. */
  retire(isRetired: (sessionRealm: Realm) => boolean): void {
    for (const session of this.#sessions.values()) {
      if (session.isAttached || session.subscriptions.size === 0 || !isRetired(session.realm)) continue;
      for (const filter of [...session.subscriptions.keys()]) session.unsubscribe(filter);
      this.#parts.log.warn('no longer configured: its queue is kept, nothing is added', {
        session: session.clientId,
        queued: session.stored?.queue.count ?? 0,
      });
    }
  }

  /** The core as one gateway sees it. `gateway` names it, its realm of client ids, and its space of state. */
  contextFor(gateway: string, log: Log): GatewayContext {
    const { clock, metrics, store } = this.#parts;
    const ownRealm = realm(gateway);
    return {
      clock,
      log,
      metrics,
      topics: this.#core.bus.topics,
      state: gatewayState(store, gateway),
      connect: (request, outlet) => this.#connect(gateway, request, outlet),
      publishWithoutSession: (draft, credentials) => this.#publishWithoutSession(gateway, draft, credentials),
      detachedSessions: () => this.#detachedSessions(ownRealm),
    };
  }

  get connectedCount(): number {
    let count = 0;
    for (const session of this.#sessions.values()) if (session.isAttached) count += 1;
    return count;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Tells every link that the gateway goes; sessions and their wills wait in the store. */
  shutDown(): void {
    for (const session of [...this.#sessions.values()]) {
      if (!session.isAttached) continue;
      session.endLink('shutting-down');
      if (!session.isAttached) continue;
      session.detach();
      session.saveDetached();
    }
  }

  async #connect(gateway: string, request: ConnectRequest, outlet: Outlet): Promise<ConnectOutcome> {
    const verdict = await this.#parts.access.authenticate(request.credentials);
    if (verdict.kind === 'deny') return { kind: 'refused', reason: verdict.reason };
    const { principal } = verdict;
    const sessionRealm = request.realm ?? realm(gateway);
    const existing = this.#sessions.get(sessionKey(sessionRealm, principal.clientId));
    if (existing !== undefined && existing.ownerKey !== principalKey(principal)) return { kind: 'refused', reason: 'identifier-taken' };
    if (existing === undefined && this.#sessions.size >= this.#parts.settings.sessionsMax) return { kind: 'refused', reason: 'busy' };
    const resumed = existing === undefined ? undefined : this.#makeWay(existing, request.cleanStart);
    const session = resumed ?? this.#createSession(gateway, sessionRealm, principal, request);
    session.attach(request, principal, outlet);
    const { attachment } = session;
    await this.#untilDurable(session);
    if (session.attachment !== attachment || !session.isAttached) return { kind: 'refused', reason: 'unavailable' }; // taken over meanwhile
    return { kind: 'accepted', session, isSessionPresent: resumed !== undefined };
  }

  /** Ends what stands in the way of a new connection. @returns the session to resume, if it lives on. */
  #makeWay(existing: BrokerSession, cleanStart: boolean): BrokerSession | undefined {
    const wasAttached = existing.isAttached;
    const outlivesLink = existing.expirySeconds > 0;
    if (wasAttached) existing.takeOver(); // MQTT-3.1.4-3
    if (cleanStart || !outlivesLink) {
      if (!wasAttached && isKeptByRestart(existing)) existing.silenceWill();
      this.#lifecycle.finish(existing);
      return undefined;
    }
    if (wasAttached && existing.will?.delaySeconds === 0) existing.publishWill();
    return existing;
  }

  #createSession(gateway: string, sessionRealm: Realm, principal: Principal, request: ConnectRequest): BrokerSession {
    const session = new BrokerSession(this.#core, this.#identity(gateway, sessionRealm, principal), request);
    this.#sessions.set(sessionKey(sessionRealm, principal.clientId), session);
    return session;
  }

  #restoreSession(stored: StoredSession): BrokerSession {
    const terms = { ...savedQueueTerms(stored), inflightMax: limits.INFLIGHT_MAX };
    const session = new BrokerSession(this.#core, this.#identity(stored.realm, stored.realm, restoredPrincipal(stored)), terms);
    session.restore(stored);
    this.#sessions.set(sessionKey(stored.realm, stored.clientId), session);
    return session;
  }

  #identity(gateway: string, sessionRealm: Realm, principal: Principal): ConstructorParameters<typeof BrokerSession>[1] {
    return { gateway, realm: sessionRealm, principal, onDetached: (session) => this.#lifecycle.detached(session) };
  }

  #untilDurable(session: BrokerSession): Promise<void> {
    const { store } = this.#parts;
    if (session.record === undefined) return Promise.resolve();
    return new Promise((resolve) => store.whenDurable({ durable: () => resolve() }, 0));
  }

  #publishWithoutSession(gateway: string, draft: Draft, credentials: Credentials): void {
    this.#principals.withPrincipal(credentials, draft, (principal, borrowed) => {
      const { access, clock, counters, router } = this.#core;
      if (!access.may(principal, { kind: 'publish', topic: borrowed.topic.name })) {
        counters.denied.value += 1;
        return;
      }
      const origin = { gateway, clientId: principal.clientId };
      router.route(new Message({ ...borrowed, qos: 0 }, origin, { publishedAtMs: clock.nowMs(), expiresAtMs: Number.POSITIVE_INFINITY }), undefined);
    });
  }

  *#detachedSessions(ownRealm: Realm): Generator<DetachedSession> {
    for (const session of [...this.#sessions.values()]) {
      if (session.realm !== ownRealm || session.isAttached || session.expirySeconds === 0) continue;
      yield { clientId: session.clientId, state: session.state };
    }
  }

  #forget(session: BrokerSession): void {
    const key = sessionKey(session.realm, session.clientId);
    if (this.#sessions.get(key) === session) this.#sessions.delete(key);
  }
}

/** Whether this will without a link would be out, had the gateway not been away: only the grace after a restart still holds it back. */
function isKeptByRestart({ will, expirySeconds }: BrokerSession): boolean {
  return expirySeconds === 0 || will?.delaySeconds === 0;
}

/** Of a stored session's owner only the name is known until it returns. */
function restoredPrincipal({ clientId: id, facts }: StoredSession): Principal {
  const base = { clientId: id, peer: peerAddress(''), listener: 'restored', protocol: 'restored', isSuperuser: false };
  const [kind, ...name] = facts.principal.split(':');
  if (kind === 'user') return { ...base, username: name.join(':') };
  if (kind === 'certificate') return { ...base, certificateSubject: name.join(':') };
  return base;
}
