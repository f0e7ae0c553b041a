// One client's session, while a link serves it and while none does. The publishing side is here; what goes out is `outbound`.
import type { Subscription } from '../bus/subscription.ts';
import type { ClientSession, ConnectRequest, Outlet, PauseReason, PublishOutcome, StateSpace, SubscribeOutcome, Will } from '../gateway/gateway.ts';
import { type ClientId, type Principal, principalKey, type Realm } from '../model/client.ts';
import type { CancelTimer } from '../model/clock.ts';
import { SUBSCRIPTIONS_PER_SESSION_MAX } from '../model/limits.ts';
import { type Draft, Message, minQoS, type Origin } from '../model/message.ts';
import type { Topic, TopicFilter } from '../model/topic.ts';
import type { DurableWaiter, SessionFacts, StoredSession } from '../session/session-store.ts';
import type { Core } from './core.ts';
import { Outbound } from './outbound.ts';
import { PendingAcks } from './pending-acks.ts';
import { type OutboundTerms, outboundSettings, saveQueueTerms } from './queue-terms.ts';
import { ReceivedIds } from './received-ids.ts';
import type { RoutedSession } from './router.ts';
import { sessionState } from './session-state.ts';
import { restoredWill, storedWill } from './stored-will.ts';

export interface SessionIdentity {
  readonly realm: Realm;
  readonly principal: Principal;
  readonly gateway: string;
  /** Told when the link went and the session's will and end are to be looked after. */
  readonly onDetached: (session: BrokerSession) => void;
}

export class BrokerSession implements ClientSession, DurableWaiter, RoutedSession {
  readonly clientId: ClientId;
  readonly realm: Realm;
  readonly outbound: Outbound;
  readonly subscriptions = new Map<TopicFilter, Subscription>();
  readonly state: StateSpace;
  readonly origin: Origin;
  readonly #core: Core;
  readonly #acks = new PendingAcks();
  readonly #later = new Map<number, () => void>();
  readonly #afterCommit: DurableWaiter = { durable: (token) => this.#runLater(token) };
  readonly #onDetached: (session: BrokerSession) => void;
  readonly #receivedIds: ReceivedIds;
  #stored: StoredSession | undefined;
  #principal: Principal;
  #ownerKey: string;
  #outlet: Outlet | undefined;
  #attachment = 0;
  #lastLater = 0;
  #will: Will | undefined;
  #expirySeconds = 0;
  /** Stays when a connection that resumes the session asks for an expiry of 0: what waits is still to be delivered (MQTT-4.1.0-1). */
  #hasQueue = false;
  #checkedTopic: Topic | undefined;
  #checkedRevision = -1;
  #mayPublishChecked = false;
  /** Of the will or the end of a session without a link. */
  #cancelDeadline: CancelTimer | undefined;

  constructor(core: Core, identity: SessionIdentity, terms: OutboundTerms) {
    this.#core = core;
    this.#onDetached = identity.onDetached;
    this.clientId = identity.principal.clientId;
    this.realm = identity.realm;
    this.#principal = identity.principal;
    this.#ownerKey = principalKey(identity.principal);
    this.origin = { gateway: identity.gateway, clientId: this.clientId };
    this.outbound = new Outbound(core, outboundSettings(terms, core.queueLimits));
    this.#receivedIds = new ReceivedIds(core);
    this.state = sessionState(core.store, () => this.stored);
  }

  /** The stored queue messages are appended to; a session stored only for its will has none. */
  get stored(): StoredSession | undefined {
    return this.#hasQueue ? this.#stored : undefined;
  }

  get record(): StoredSession | undefined {
    return this.#stored;
  }

  get ownerKey(): string {
    return this.#ownerKey;
  }

  get isAttached(): boolean {
    return this.#outlet !== undefined;
  }

  get attachment(): number {
    return this.#attachment;
  }

  get expirySeconds(): number {
    return this.#expirySeconds;
  }

  get will(): Will | undefined {
    return this.#will;
  }

  /** Takes over what a restart left; the session stays without a link. */
  restore(stored: StoredSession): void {
    const { principal, will, expirySeconds, detachedAtMs } = stored.facts;
    this.#stored = stored;
    this.#ownerKey = principal;
    this.#will = will === undefined ? undefined : restoredWill(will);
    this.#expirySeconds = expirySeconds;
    this.#hasQueue = this.#expirySeconds > 0;
    this.#receivedIds.attach(this.stored, true);
    if (this.#hasQueue) this.outbound.restore(stored, this.#core.store.boot.lastSequence);
    for (const subscription of stored.subscriptions.values()) {
      this.subscriptions.set(subscription.filter, subscription);
      this.#core.bus.subscribe(this, subscription);
    }
    this.#core.router.watchRefusing(this, this.outbound.mayRefuse);
    if (detachedAtMs === undefined && Number.isFinite(expirySeconds)) this.#saveFacts(); // its time without a link runs from now on, over further restarts too
  }

  attach(request: ConnectRequest, principal: Principal, outlet: Outlet): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
    this.#attachment += 1;
    this.#outlet = outlet;
    this.#principal = principal;
    this.#checkedTopic = undefined;
    this.#will = request.will;
    this.#expirySeconds = request.sessionExpirySeconds;
    this.#hasQueue ||= this.#expirySeconds > 0;
    this.#saveFacts();
    if (this.stored !== undefined) saveQueueTerms(this.#core.store, this.stored, request);
    this.#receivedIds.attach(this.stored, request.isReliableLink);
    this.outbound.useStore(this.stored);
    this.outbound.attach(outlet, outboundSettings(request, this.#core.queueLimits));
    this.#core.router.watchRefusing(this, this.outbound.mayRefuse);
    this.#dropForbiddenSubscriptions();
  }

  publish(draft: Draft, token: number, packetId = 0): void {
    const isExactlyOnce = draft.qos === 2 && packetId !== 0;
    if (!this.#mayPublish(draft.topic)) {
      this.#core.counters.denied.value += 1;
      this.#answerInOrder(token, 'denied');
    } else if (isExactlyOnce && this.#receivedIds.isKnown(packetId, draft)) {
      this.#core.counters.duplicates.value += 1;
      this.#answerLater(token, 'accepted'); // MQTT-4.3.3-10; the first copy may still wait for its commit
    } else if (isExactlyOnce && this.#receivedIds.isFull) {
      this.#answerInOrder(token, 'quota-exceeded');
    } else {
      const { outcome, isStored } = this.#core.router.route(this.#stamp(draft), this);
      const isRemembered = isExactlyOnce && outcome !== 'quota-exceeded' && this.#receivedIds.begin(packetId, draft);
      if (draft.qos > 0 && (isStored || isRemembered)) this.#answerLater(token, outcome);
      else this.#answerInOrder(token, outcome);
    }
  }

  release(packetId: number): void {
    const wasKnown = this.#receivedIds.release(packetId);
    this.whenDurable(() => this.#outlet?.completed(packetId, wasKnown));
  }

  subscribe(subscription: Subscription): SubscribeOutcome {
    const { bus, store, access } = this.#core;
    if (!access.may(this.#principal, { kind: 'subscribe', filter: subscription.filter })) return { kind: 'denied' };
    const isNew = !this.subscriptions.has(subscription.filter);
    if (isNew && this.subscriptions.size >= SUBSCRIPTIONS_PER_SESSION_MAX) return { kind: 'quota-exceeded' };
    this.subscriptions.set(subscription.filter, subscription);
    bus.subscribe(this, subscription); // MQTT-3.8.4-3: replaces
    if (this.stored !== undefined) store.saveSubscription(this.stored, subscription);
    if (subscription.retainHandling === 0 || (subscription.retainHandling === 1 && isNew)) this.#replayRetained(subscription);
    return { kind: 'granted', qos: subscription.qosMax };
  }

  unsubscribe(filter: TopicFilter): boolean {
    if (!this.subscriptions.delete(filter)) return false;
    this.#core.bus.unsubscribe(this, filter);
    if (this.stored !== undefined) this.#core.store.removeSubscription(this.stored, filter);
    return true;
  }

  settle(packetId: number): boolean {
    return this.outbound.settle(packetId);
  }

  received(packetId: number): boolean {
    return this.outbound.received(packetId);
  }

  refused(packetId: number): boolean {
    return this.outbound.refused(packetId);
  }

  giveBack(packetId: number): boolean {
    return this.outbound.giveBack(packetId);
  }

  resend(packetId: number): boolean {
    return this.outbound.resendNow(packetId);
  }

  peerForgot(): void {
    this.#receivedIds.forget();
    this.outbound.peerForgot();
  }

  pause(reason: PauseReason): void {
    this.outbound.pause(reason);
  }

  resume(reason: PauseReason): void {
    this.outbound.resume(reason);
  }

  limitInflight(inflightMax: number): void {
    this.outbound.limitInflight(inflightMax);
  }

  unusedPacketId(): number {
    return this.outbound.unusedPacketId();
  }

  wake(): void {
    this.outbound.wake();
  }

  setWill(will: Will | undefined): void {
    this.#will = will;
    this.#saveFacts();
  }

  whenDurable(run: () => void): void {
    this.#lastLater += 1;
    this.#later.set(this.#lastLater, run);
    this.#core.store.whenDurable(this.#afterCommit, this.#lastLater);
  }

  disconnect(cause: { readonly publishWill: boolean; readonly sessionExpirySeconds?: number | undefined }): void {
    if (this.#outlet === undefined) return;
    if (!cause.publishWill) this.#will = undefined; // MQTT-3.14.4-3
    if (cause.sessionExpirySeconds !== undefined) this.#expirySeconds = cause.sessionExpirySeconds;
    this.detach();
    this.#onDetached(this);
  }

  /** The link is gone; what was promised stays. */
  detach(): void {
    this.#outlet = undefined;
    this.#acks.clear();
    this.#later.clear();
    this.outbound.detach();
  }

  /** Another connection of the same client takes the session. */
  takeOver(): void {
    const outlet = this.#outlet;
    this.detach();
    this.#core.counters.takenOver.value += 1;
    outlet?.end('taken-over');
  }

  endLink(reason: 'kicked' | 'shutting-down'): void {
    this.#outlet?.end(reason);
  }

  /** A commit that a publish of ours waited for is done. `token` is the attachment it was made in. */
  durable(token: number): void {
    if (token === this.#attachment) this.#acks.shift((published, outcome) => this.#answer(published, outcome));
  }

  /** Writes the session's facts, making or ending its record as they ask. */
  saveDetached(): void {
    this.#saveFacts();
    this.outbound.useStore(this.stored);
  }

  /** Its client came back in time. */
  silenceWill(): void {
    this.#will = undefined;
  }

  /** Publishes the will, once, if its owner may still do so. No queue may refuse it: there is nobody left to hold back. */
  publishWill(): void {
    const will = this.#will;
    if (will === undefined) return;
    this.#will = undefined;
    if (!this.#mayPublish(will.draft.topic)) {
      this.#core.counters.denied.value += 1;
    } else {
      this.#core.counters.willsPublished.value += 1;
      this.#core.router.deliver(this.#stamp(will.draft), this);
    }
    if (this.#stored !== undefined) this.#saveFacts();
  }

  /** The session is over: nothing of it stays, in memory or on disk. */
  end(): void {
    this.#cancelDeadline?.();
    this.#core.bus.removeSubscriber(this);
    this.#core.router.watchRefusing(this, false);
    this.subscriptions.clear();
    if (this.#stored !== undefined) this.#core.store.removeSession(this.#stored);
    this.#stored = undefined;
    this.#expirySeconds = 0;
    this.#hasQueue = false;
    this.outbound.useStore(undefined);
  }

  /** Replaces the timer that waits for the will or the end of the session. */
  deadlineIn(delayMs: number, run: () => void): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#core.clock.after(delayMs, run);
  }

  #answer(token: number, outcome: PublishOutcome): void {
    this.#outlet?.published(token, outcome);
  }

  /** At once, unless earlier answers still wait for the disk. */
  #answerInOrder(token: number, outcome: PublishOutcome): void {
    if (this.#acks.length > 0) this.#answerLater(token, outcome);
    else this.#answer(token, outcome);
  }

  #answerLater(token: number, outcome: PublishOutcome): void {
    this.#acks.push(token, outcome);
    this.#core.store.whenDurable(this, this.#attachment);
  }

  #runLater(token: number): void {
    const run = this.#later.get(token);
    this.#later.delete(token);
    run?.();
  }

  #stamp(draft: Draft): Message {
    const { clock } = this.#core;
    const expiresAtMs = draft.expirySeconds === undefined ? Number.POSITIVE_INFINITY : clock.gatewayMs() + draft.expirySeconds * 1000;
    return new Message(draft, this.origin, { publishedAtMs: clock.nowMs(), expiresAtMs });
  }

  /** The decision on the last topic is kept until rules change: a sensor publishes to one topic. */
  #mayPublish(topic: Topic): boolean {
    const { access } = this.#core;
    if (topic === this.#checkedTopic && access.revision === this.#checkedRevision) return this.#mayPublishChecked;
    this.#mayPublishChecked = access.may(this.#principal, { kind: 'publish', topic: topic.name });
    this.#checkedTopic = topic;
    this.#checkedRevision = access.revision;
    return this.#mayPublishChecked;
  }

  #replayRetained({ filter, qosMax, identifier }: Subscription): void {
    const { retained, router, clock } = this.#core;
    const identifiers = identifier === undefined ? [] : [identifier];
    for (const message of retained.matching(filter)) {
      if (message.expiresAtMs <= clock.gatewayMs()) continue; // MQTT-3.3.2-5
      const qos = minQoS(message.qos, qosMax);
      router.replay(this, message, { qos, isRetain: true, identifiers });
    }
  }

  /** Permission is checked again when a stored subscription resumes: rules and owner's rights may have changed. */
  #dropForbiddenSubscriptions(): void {
    for (const filter of [...this.subscriptions.keys()]) {
      if (!this.#core.access.may(this.#principal, { kind: 'subscribe', filter })) this.unsubscribe(filter);
    }
  }

  #saveFacts(): void {
    const { store, clock } = this.#core;
    const isKept = this.#hasQueue || this.#will !== undefined;
    if (!isKept) {
      if (this.#stored !== undefined) store.removeSession(this.#stored);
      this.#stored = undefined;
      return;
    }
    const facts: SessionFacts = {
      principal: this.#ownerKey,
      expirySeconds: this.#expirySeconds,
      detachedAtMs: this.#outlet === undefined ? clock.gatewayMs() : undefined,
      will: this.#will === undefined ? undefined : storedWill(this.#will, this.origin, clock.nowMs()),
    };
    if (this.#stored === undefined) {
      this.#stored = store.createSession(this.realm, this.clientId, facts);
      if (this.#hasQueue) for (const subscription of this.subscriptions.values()) store.saveSubscription(this.#stored, subscription);
    } else {
      store.changeSession(this.#stored, facts);
    }
  }
}
