// The service behind the contract: protocol-free. It owns the sessions; who may have which is decided here, once for every protocol.
import type { Credentials } from '../access/access.ts';
import type { ConnectOutcome, ConnectRequest, DetachedSession, GatewayContext, Outlet } from '../gateway/gateway.ts';
import { clientId, gatewayOf, type Principal, principalKey, type Realm, realm, realmBelow } from '../model/client.ts';
import * as limits from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Draft } from '../model/message.ts';
import { DEAD_LETTER_REALM } from '../model/queue-selection.ts';
import { SlotMap } from '../model/slot-map.ts';
import { CONNECT_WORK } from '../model/work.ts';
import { type StoredSession, sessionKey } from '../session/session-store.ts';
import { outcomeOf } from './admission.ts';
import type { Announcer } from './announcer.ts';
import { Arrivals } from './arrivals.ts';
import { type AutoSubscription, autoSubscriptions } from './auto-subscribe.ts';
import { BrokerSession } from './client-session.ts';
import type { ClockBook } from './clock-book.ts';
import type { Core } from './core.ts';
import { DELAYED_REALM } from './delayed.ts';
import { DiskAlarm } from './disk-alarm.ts';
import { DiskRelief } from './disk-relief.ts';
import type { Durability } from './durability.ts';
import { furtherPrincipal } from './further-session.ts';
import { Lifecycle } from './lifecycle.ts';
import { type CoreParts, type CoreSettings, makeCore } from './make-core.ts';
import { POLICY_REALM } from './policy-part.ts';
import { PrincipalCache } from './principal-cache.ts';
import { PublishGate } from './publish-gate.ts';
import type { Evictable } from './queue-bounds.ts';
import { QueueCarriage } from './queue-carriage.ts';
import { QueueInspector } from './queue-inspector.ts';
import { type QueueFacts, type QueueReport, queueReport, storedFacts } from './queue-report.ts';
import { restoredTerms, takeTerms } from './queue-terms.ts';
import { type RewriteRule, TopicRewriter } from './rewrite.ts';
import { RightsReview } from './rights-review.ts';
import { gatewayState } from './session-state.ts';
import { publishSessionless } from './sessionless.ts';
import { SHARE_REALM } from './shared-group.ts';
import { restoredOwner } from './stored-owner.ts';
import type { Subscriber } from './subscriptions.ts';
import { type ClientTopics, TopicPipeline } from './topic-pipeline.ts';

export interface BrokerSettings extends CoreSettings {
  readonly sessionsMax: number;
  readonly willRestartGraceSeconds: number;
  readonly rewrite: readonly RewriteRule[];
  readonly autoSubscribe: readonly AutoSubscription[];
}

export const DEFAULT_BROKER_SETTINGS: BrokerSettings = {
  sessionsMax: limits.SESSIONS_MAX,
  queue: {
    messagesMax: limits.QUEUE_MESSAGES_MAX,
    bytesMax: limits.QUEUE_BYTES_MAX,
    whenFull: 'drop-oldest',
    keepLatest: [],
    priorities: [],
    rules: [],
  },
  memoryQueueLimits: { messagesMax: limits.MEMORY_QUEUE_MESSAGES_MAX, bytesMax: limits.MEMORY_QUEUE_BYTES_MAX },
  retainedLimits: { messagesMax: limits.RETAINED_MESSAGES_MAX, bytesMax: limits.RETAINED_BYTES_MAX },
  willRestartGraceSeconds: limits.WILL_RESTART_GRACE_SECONDS,
  qos2QuarantineMs: limits.QOS2_QUARANTINE_MS,
  delayedLimits: { messagesMax: limits.DELAYED_MESSAGES_MAX, bytesMax: limits.DELAYED_BYTES_MAX },
  rewrite: [],
  autoSubscribe: [],
  sharedSubscriptions: { strategy: 'round-robin', groups: [] },
  presenceNode: undefined,
  node: 'postern',
  slowConsumer: { afterSeconds: limits.SLOW_CONSUMER_SECONDS, isDisconnected: false },
  durability: {
    defaultClass: 'grouped',
    classes: [],
    windowMs: limits.COMMIT_WINDOW_MS,
    lazyMs: limits.LAZY_COMMIT_MS,
    ramBytesMax: limits.RAM_BYTES_MAX,
  },
};

/** Of queues that no client can attach: their owners in the core bring them back. */
const UNSERVED_REALMS: ReadonlySet<Realm> = new Set([DELAYED_REALM, SHARE_REALM, DEAD_LETTER_REALM, POLICY_REALM]);

export interface BrokerParts extends CoreParts {
  readonly settings: BrokerSettings;
  /** Absent: nobody kept when messages came. */
  readonly clockBook?: Pick<ClockBook, 'receptionAt'> | undefined;
}

export class Broker {
  readonly #parts: BrokerParts;
  readonly #core: Core;
  readonly #lifecycle: Lifecycle;
  readonly #arrivals: Arrivals;
  readonly #sessions = new SlotMap<string, BrokerSession>();
  readonly #principals: PrincipalCache;
  readonly #rights: RightsReview;
  readonly #pipeline: TopicPipeline;

  /** @throws GatewayError CONFIG_INVALID - a rewrite rule cannot be used. */
  constructor(parts: BrokerParts) {
    const { clock, access, metrics, settings } = parts;
    this.#parts = parts;
    this.#core = makeCore(parts, (publisher) => this.#sessions.get(sessionKey(publisher.realm, publisher.principal.clientId)));
    const { bus, retained, shares, delayed, withheld, counters } = this.#core;
    this.#pipeline = new TopicPipeline(bus.topics, settings.rewrite.length === 0 ? undefined : new TopicRewriter(settings.rewrite));
    this.#lifecycle = new Lifecycle({ clock, counters, log: parts.log, forget: (session) => this.#forget(session) });
    this.#arrivals = new Arrivals(this.#core);
    this.#principals = new PrincipalCache(access, clock, counters.droppedThrottled);
    this.#rights = new RightsReview({ clock, access, log: parts.log, counter: counters.rightsLost, sessions: () => this.#sessions.values() });
    metrics.gauge('sessions', () => this.#sessions.size);
    metrics.gauge('sessions.connected', () => this.connectedCount);
    metrics.gauge('subscriptions', () => bus.subscriptionCount);
    metrics.gauge('retained.messages', () => retained.count);
    metrics.gauge('shared.groups', () => shares.count);
    metrics.gauge('delayed.messages', () => delayed.count);
    metrics.gauge('publishers.withheld', () => withheld.count - this.#arrivals.places);
    metrics.gauge('connects.waiting', () => this.#arrivals.count);
    parts.store.watchDisk(this.#diskRelief());
  }

  /** Brings back what the store holds: before any listener opens. */
  restore(): void {
    const { store, clock, settings } = this.#parts;
    for (const message of store.retained.values()) this.#core.retained.set(message);
    for (const stored of [...store.sessions.values()]) {
      if (UNSERVED_REALMS.has(stored.realm)) continue;
      const session = this.#restoreSession(stored);
      this.#lifecycle.resumeWaiting(session, stored.facts.detachedAtMs ?? clock.gatewayMs(), settings.willRestartGraceSeconds * 1000);
    }
    this.#core.shares.restore();
    this.#core.delayed.restore();
    this.#core.durability.tell(this.#parts.log);
  }

  /** Sends clients away whose rights change, from now on. */
  watchRights(): void {
    this.#rights.start();
  }

  /** Sessions of a realm nobody serves any more collect nothing more, and hold no publisher back; what they hold stays. */
  retire(isRetired: (sessionRealm: Realm) => boolean): void {
    for (const session of this.#sessions.values()) {
      if (session.isAttached || session.subscriptions.size === 0 || !isRetired(session.realm)) continue;
      session.subscriptions.removeAll();
      this.#parts.log.warn('no longer configured: its queue is kept, nothing is added', {
        session: session.clientId,
        queued: session.stored?.queue.count ?? 0,
      });
    }
  }

  /** The core as one gateway sees it. `gateway` names it, its realm of client ids, and its space of state. */
  contextFor(gateway: string, log: Log): GatewayContext {
    const { clock, metrics, store, clockBook } = this.#parts;
    return {
      clock,
      log,
      metrics,
      topics: this.#core.bus.topics,
      turns: this.#core.turns,
      state: gatewayState(store, gateway),
      connect: (request, outlet) => this.#connect(gateway, request, outlet),
      hasRoom: () => store.makeRoom(),
      receptionOf: ({ publishedAtMs }) => clockBook?.receptionAt(publishedAtMs),
      publishWithoutSession: (draft, credentials) => this.#publishWithoutSession(gateway, draft, credentials),
      detachedSessions: () => this.#detachedSessions(realm(gateway)),
    };
  }

  /** What is promised of messages: for status, and for whoever changes it while the gateway runs. */
  get durability(): Durability {
    return this.#core.durability;
  }

  /** How the gateway's own parts tell about it below `$SYS`. */
  get announcer(): Announcer {
    return this.#core.announcer;
  }

  get connectedCount(): number {
    let count = 0;
    for (const { isConnected, isFurther } of this.#sessions.values()) if (isConnected && !isFurther) count += 1;
    return count;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Tells every link that the gateway goes; sessions and their wills wait in the store. */
  shutDown(): void {
    this.#core.numbering.save();
    this.#core.shares.stop();
    this.#core.withheld.stop();
    this.#arrivals.stop();
    this.#rights.stop();
    for (const session of [...this.#sessions.values()]) {
      if (!session.isAttached) continue;
      session.endLink('shutting-down');
      if (!session.isAttached) continue;
      session.detach();
      session.saveDetached();
    }
  }

  /** The queues of sessions and shared groups; see `queueReport`. */
  queues(clientId: string | undefined): QueueReport {
    const ofSessions = [...this.#sessions.values()].map(
      (session): QueueFacts => ({
        realm: session.realm,
        clientId: session.clientId,
        isConnected: session.isConnected,
        ...storedFacts(session.stored),
        messagesInMemory: session.outbound.waitingInMemory,
        inflight: session.outbound.inflightCount,
        dropped: session.outbound.drops.counts,
        ...session.outbound.queue.account,
      }),
    );
    return queueReport([...ofSessions, ...this.#core.shares.queues(), ...this.#core.deadLetters.queues()], clientId);
  }

  /** How much waits for the one client of a gateway that is alone in its realm, what its peer would not take, and what its queue lost since it began. */
  waitingFor(gateway: string): { readonly queuedMessages: number; readonly deadLetters: number; readonly lostMessages: number } {
    const { stored, outbound } = this.#sessions.get(sessionKey(realm(gateway), clientId(gateway))) ?? {};
    const lostMessages = Object.values(outbound?.queue.account.lost ?? {}).reduce((sum, count) => sum + count, 0);
    return {
      queuedMessages: (stored?.queue.count ?? 0) + (outbound?.waitingInMemory ?? 0),
      deadLetters: this.#core.deadLetters.countOf(gateway),
      lostMessages,
    };
  }

  /** What lies in the stored queues, one by one. */
  get queueInspector(): QueueInspector {
    return new QueueInspector({ ...this.#core, sessionOf: (stored) => this.#sessionOf(stored) });
  }

  /** What leaves the stored queues for another gateway, and comes from one. */
  get queueCarriage(): QueueCarriage {
    return new QueueCarriage({ ...this.#core, topics: this.#core.bus.topics, sessionOf: (stored) => this.#sessionOf(stored) });
  }

  #sessionOf({ realm: of, clientId }: StoredSession): BrokerSession | undefined {
    return this.#sessions.get(sessionKey(of, clientId));
  }

  #diskRelief(): DiskRelief {
    const { shares, withheld, announcer, durability } = this.#core;
    const { clock, settings } = this.#parts;
    const sessions = this.#sessions;
    const queues = function* (): Generator<Evictable> {
      for (const { outbound } of sessions.values()) yield outbound.queue;
      yield* shares.all();
    };
    return new DiskRelief({ queues, withheld, durability, alarm: new DiskAlarm(announcer, clock, settings.node) });
  }

  /** Other rules for queues: at once for those of sessions without a link and of shared groups, for the others from their next connection on. */
  replaceQueueRules(queue: BrokerSettings['queue']): void {
    this.#core.queueRules.replace(queue);
    for (const { isAttached, stored, principal, outbound } of this.#sessions.values()) {
      if (!isAttached && stored !== undefined) outbound.treat(restoredTerms(this.#core, stored, principal));
    }
    this.#core.shares.treat();
  }

  /** Ends the links of clients that are not wanted any more, telling them so. @returns how many there were. */
  kick(isMeant: (principal: Principal) => boolean): number {
    const meant = [...this.#sessions.values()].filter((session) => session.isAttached && isMeant(session.principal));
    for (const session of meant) session.kick('kicked');
    return meant.length;
  }

  async #connect(gateway: string, request: ConnectRequest, outlet: Outlet): Promise<ConnectOutcome> {
    this.#core.turns.work.done += CONNECT_WORK;
    const { within } = request;
    if (within !== undefined) return this.#open(gateway, request, { principal: furtherPrincipal(within, request.credentials), outlet });
    const admission = await this.#parts.access.authenticate(request.credentials, request.authentication, request.origin);
    return outcomeOf(admission, async (principal, authenticationData) => {
      const outcome = await this.#arrivals.admit(request, () => this.#open(gateway, request, { principal, outlet }));
      return outcome.kind === 'accepted' ? { ...outcome, authenticationData } : outcome;
    });
  }

  /** Gives a client that proved to be `principal` its session. */
  async #open(
    gateway: string,
    request: ConnectRequest,
    { principal, outlet }: { readonly principal: Principal; readonly outlet: Outlet },
  ): Promise<Exclude<ConnectOutcome, { readonly kind: 'challenge' }>> {
    const topics = this.#pipeline.forClient(principal, request.mountPoint ?? '');
    const placed = topics && this.#placeWill(request, principal, topics);
    if (topics === undefined || placed === undefined) return { kind: 'refused', reason: 'not-authorized' };
    const sessionRealm = realmBelow(request.realm ?? gateway, topics.mountPoint);
    const existing = this.#sessions.get(sessionKey(sessionRealm, principal.clientId));
    if (existing !== undefined && existing.ownerKey !== principalKey(principal)) return { kind: 'refused', reason: 'identifier-taken' };
    if (existing === undefined && this.#sessions.size >= this.#parts.settings.sessionsMax) return { kind: 'refused', reason: 'busy' };
    const obstacle = this.#obstacle(existing, request);
    if (obstacle !== undefined) return { kind: 'refused', reason: obstacle };
    const before = existing?.record;
    const resumed = existing === undefined ? undefined : this.#makeWay(existing, request.cleanStart);
    const session = resumed ?? this.#createSession(gateway, sessionRealm, { principal, topics }, request);
    session.attach(placed, { principal, topics }, outlet);
    for (const subscription of autoSubscriptions(this.#parts.settings.autoSubscribe, principal)) session.subscribe(subscription);
    const { attachment } = session;
    await this.#untilDurable(before, session.record);
    if (session.attachment !== attachment || !session.isAttached) return { kind: 'refused', reason: 'unavailable' }; // taken over meanwhile
    session.entered(request);
    return { kind: 'accepted', session, isSessionPresent: resumed !== undefined };
  }

  /** A client that returns takes what waits for it, which makes room; a session that is new takes room. */
  #obstacle(existing: BrokerSession | undefined, { sessionExpirySeconds, will }: ConnectRequest): 'quota-exceeded' | 'unavailable' | undefined {
    const { room } = this.#parts.store;
    if (room === 'ample') return undefined;
    const isRecorded = existing?.record !== undefined;
    if (room === 'stuck') return isRecorded || sessionExpirySeconds > 0 || will !== undefined ? 'unavailable' : undefined;
    return sessionExpirySeconds > 0 && !isRecorded ? 'quota-exceeded' : undefined;
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

  #createSession(gateway: string, sessionRealm: Realm, subscriber: Subscriber, request: ConnectRequest): BrokerSession {
    const terms = takeTerms(this.#core, undefined, subscriber.principal, request);
    const session = new BrokerSession(this.#core, this.#identity(gateway, sessionRealm, subscriber), terms);
    this.#sessions.set(sessionKey(sessionRealm, subscriber.principal.clientId), session);
    return session;
  }

  #restoreSession(stored: StoredSession): BrokerSession {
    const principal = restoredOwner(stored);
    const terms = restoredTerms(this.#core, stored, principal);
    const topics = this.#pipeline.unmounted(principal);
    const session = new BrokerSession(this.#core, this.#identity(gatewayOf(stored.realm), stored.realm, { principal, topics }), terms);
    session.restore(stored);
    this.#sessions.set(sessionKey(stored.realm, stored.clientId), session);
    return session;
  }

  #identity(gateway: string, sessionRealm: Realm, subscriber: Subscriber): ConstructorParameters<typeof BrokerSession>[1] {
    return { gateway, realm: sessionRealm, ...subscriber, onDetached: (session) => this.#lifecycle.detached(session) };
  }

  /** The request with its will under its final topic; undefined when the client may not publish there: it is told now, not when it is gone. */
  #placeWill(request: ConnectRequest, principal: Principal, topics: ClientTopics): ConnectRequest | undefined {
    const { will } = request;
    if (will === undefined) return request;
    const draft = topics.will(will.draft);
    const admitted = draft && new PublishGate(this.#core.access, principal, topics).admitDue(draft.topic);
    if (draft === undefined || typeof admitted === 'string') {
      this.#core.counters.denied.value += 1;
      return undefined;
    }
    return draft === will.draft ? request : { ...request, will: { ...will, draft } };
  }

  /** @param records - what was stored before of a session, and what is now: when there is neither, nothing was written. */
  #untilDurable(...records: (StoredSession | undefined)[]): Promise<void> {
    if (records.every((record) => record === undefined)) return Promise.resolve();
    return new Promise((resolve) => this.#parts.store.whenDurable({ durable: () => resolve() }, 0));
  }

  #publishWithoutSession(gateway: string, draft: Draft, credentials: Credentials): void {
    this.#principals.withPrincipal(credentials, draft, (principal, borrowed) => {
      publishSessionless(this.#core, borrowed, { principal, topics: this.#pipeline.unmounted(principal), realm: realm(gateway) });
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
