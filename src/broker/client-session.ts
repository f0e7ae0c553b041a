// One client's session, while a link serves it and while none does. What it publishes is `inbound`, what it gets `outbound`.
import type { AuthenticationStep } from '../access/access.ts';
import type { Subscription } from '../bus/subscription.ts';
import type {
  ClientSession,
  ConnectRequest,
  DeliveryFlow,
  EndReason,
  Outlet,
  PauseReason,
  ReauthenticationOutcome,
  StateSpace,
  SubscribeOutcome,
  Will,
} from '../gateway/gateway.ts';
import { type ClientId, type Principal, principalKey, type Realm } from '../model/client.ts';
import type { CancelTimer } from '../model/clock.ts';
import type { Draft, Origin } from '../model/message.ts';
import type { Topic, TopicFilter } from '../model/topic.ts';
import { LEAVE_WORK } from '../model/work.ts';
import type { StoredSession } from '../session/session-store.ts';
import { Answers } from './answers.ts';
import { redirect, setAside } from './asides.ts';
import type { Core } from './core.ts';
import { Inbound } from './inbound.ts';
import { type LossDraft, reportLosses } from './loss-reporting.ts';
import { MountedOutlet } from './mounted-outlet.ts';
import { Outbound } from './outbound.ts';
import type { Departure } from './presence.ts';
import { type OutboundSettings, takeTerms } from './queue-terms.ts';
import { Reauthentication } from './reauthentication.ts';
import type { RoutedSession } from './routed-session.ts';
import { savedRecord } from './session-record.ts';
import { sessionState } from './session-state.ts';
import { restoredWill } from './stored-will.ts';
import { type Subscriber, Subscriptions } from './subscriptions.ts';

export interface SessionIdentity extends Subscriber {
  readonly realm: Realm;
  readonly gateway: string;
  /** Told when the link went and the session's will and end are to be looked after. */
  readonly onDetached: (session: BrokerSession) => void;
}

export class BrokerSession implements ClientSession, RoutedSession {
  readonly clientId: ClientId;
  readonly realm: Realm;
  readonly outbound: Outbound;
  readonly subscriptions: Subscriptions;
  readonly state: StateSpace;
  readonly origin: Origin;
  readonly #core: Core;
  readonly #answers: Answers;
  readonly #onDetached: (session: BrokerSession) => void;
  readonly #inbound: Inbound;
  #stored: StoredSession | undefined;
  readonly #reauthentication: Reauthentication;
  #subscriber: Subscriber;
  #ownerKey: string;
  #outlet: Outlet | undefined;
  /** Of a bridge: its remote. */
  #isOutOfReach = false;
  #attachment = 0;
  /** A further queue of a client that has a session of its own. */
  isFurther = false;
  #will: Will | undefined;
  #expirySeconds = 0;
  /** Stays when a connection that resumes the session asks for an expiry of 0: what waits is still to be delivered (MQTT-4.1.0-1). */
  #hasQueue = false;
  /** Of the will or the end of a session without a link. */
  #cancelDeadline: CancelTimer | undefined;

  constructor(core: Core, identity: SessionIdentity, settings: OutboundSettings) {
    this.#core = core;
    this.#onDetached = identity.onDetached;
    this.clientId = identity.principal.clientId;
    this.realm = identity.realm;
    this.#subscriber = identity;
    this.#reauthentication = new Reauthentication(core.access);
    this.subscriptions = new Subscriptions(core, this);
    this.#answers = new Answers(core.store);
    this.#ownerKey = principalKey(identity.principal);
    this.origin = { gateway: identity.gateway, clientId: this.clientId };
    this.outbound = new Outbound(core, core.drops.of(this), settings);
    this.#inbound = new Inbound(core, this, { answers: this.#answers, subscriber: identity });
    this.state = sessionState(core.store, this);
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

  get principal(): Principal {
    return this.#subscriber.principal;
  }

  get isAttached(): boolean {
    return this.#outlet !== undefined;
  }

  /** Somebody gets what is delivered: a bridge is attached all the time. */
  get isConnected(): boolean {
    return this.isAttached && !this.#isOutOfReach;
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
    this.#inbound.receivedIds.attach(this.stored, true);
    if (this.#hasQueue) this.outbound.restore(stored, this.#core.store.boot.lastSequence);
    this.subscriptions.restore(stored);
    this.#core.router.watchRefusing(this, this.outbound.queue.mayRefuse);
    this.#core.numbering.restored(this);
    if (detachedAtMs === undefined && Number.isFinite(expirySeconds)) this.#saveFacts(); // its time without a link runs from now on, over further restarts too
  }

  /** @param request - its will has been through `topics`. */
  attach(request: ConnectRequest, { principal, topics }: Subscriber, outlet: Outlet): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
    this.#attachment += 1;
    this.#isOutOfReach = false;
    this.isFurther = request.within !== undefined;
    this.#outlet = topics.mountPoint === '' ? outlet : new MountedOutlet(outlet, topics);
    this.#answers.attach(this.#outlet);
    this.#serve({ principal, topics });
    this.#reauthentication.attach(request);
    this.#will = request.will;
    this.#expirySeconds = request.sessionExpirySeconds;
    this.#hasQueue ||= this.#expirySeconds > 0;
    this.#saveFacts();
    this.#inbound.attach({ outlet: this.#outlet, reading: request.reading, isReliable: request.isReliableLink }, this.stored);
    this.outbound.queue.use(this.stored);
    this.outbound.attach(this.#outlet, takeTerms(this.#core, this.stored, principal, request));
    this.#core.router.watchRefusing(this, this.outbound.queue.mayRefuse);
    this.#core.numbering.treat(this, { isCounting: request.isNumbered === true });
    this.subscriptions.resume(this.#subscriber);
  }

  /** Its client is told that it is in: it counts as connected. */
  entered(request: ConnectRequest): void {
    if (!this.isFurther) this.#core.presence?.connected(this.principal, request);
  }

  publish(draft: Draft, token: number, packetId = 0): void {
    this.#inbound.publish(draft, token, packetId);
  }

  passOver(token: number): void {
    this.#answers.giveLater(token, 'accepted');
  }

  mayPublish(topic: Topic): boolean {
    return this.#inbound.mayPublish(topic);
  }

  release(packetId: number): void {
    const wasKnown = this.#inbound.receivedIds.release(packetId);
    this.whenDurable(() => this.#outlet?.completed(packetId, wasKnown));
  }

  subscribe(subscription: Subscription): SubscribeOutcome {
    return this.subscriptions.add(subscription, this.#subscriber);
  }

  unsubscribe(filter: TopicFilter): boolean {
    this.#core.withheld.roomMayBe();
    return this.subscriptions.remove(filter, this.#subscriber);
  }

  settle(packetId: number): boolean {
    return this.#roomMade(this.outbound.settle(packetId));
  }

  received(packetId: number): boolean {
    return this.outbound.received(packetId);
  }

  refused(packetId: number): boolean {
    return this.#roomMade(this.outbound.refused(packetId));
  }

  setAside(packetId: number, reason: string): boolean {
    return this.#roomMade(setAside(this.#core, this, packetId, reason));
  }

  reject(packetId: number, rejectionsMax: number): boolean {
    return this.outbound.reject(packetId, rejectionsMax);
  }

  redirect(packetId: number, topicPrefix: string): boolean {
    return this.#roomMade(redirect(this.#core, this, packetId, topicPrefix));
  }

  giveBack(packetId: number): boolean {
    return this.outbound.giveBack(packetId);
  }

  resend(packetId: number): boolean {
    return this.outbound.resendNow(packetId);
  }

  peerForgot(): void {
    this.#inbound.receivedIds.forget();
    this.outbound.peerForgot();
  }

  pause(reason: PauseReason): void {
    if (reason === 'upstream') this.#isOutOfReach = true;
    this.outbound.pause(reason);
    if (reason === 'link' && this.#outlet !== undefined) this.#core.slowConsumers.full(this);
  }

  resume(reason: PauseReason): void {
    if (reason === 'upstream') this.#isOutOfReach = false;
    this.outbound.resume(reason);
    this.#roomMade(true);
    if (reason === 'link') this.#core.slowConsumers.drained(this);
  }

  get flow(): DeliveryFlow {
    return this.outbound.flow;
  }

  reportLosses(draftOf: LossDraft): void {
    reportLosses(this.#core, this, draftOf);
  }

  unusedPacketId(): number {
    return this.outbound.unusedPacketId();
  }

  wake(): void {
    this.outbound.wake();
  }

  setWill(will: Will | undefined): void {
    const draft = will && this.#subscriber.topics.will(will.draft);
    this.#will = will && draft && { ...will, draft };
    this.#saveFacts();
  }

  atomically(run: () => void): void {
    this.#core.store.together(run);
  }

  reauthenticate(step: AuthenticationStep): Promise<ReauthenticationOutcome> {
    const attachment = this.#attachment;
    return this.#reauthentication.begin(step, (principal, authenticationData) => {
      const isGone = this.#outlet === undefined || this.#attachment !== attachment;
      if (isGone || principalKey(principal) !== this.#ownerKey) return { kind: 'refused', reason: 'not-authorized' };
      this.#serve({ principal, topics: this.#subscriber.topics });
      this.subscriptions.dropForbidden(this.#subscriber);
      return { kind: 'accepted', authenticationData };
    });
  }

  whenRoom(bytes: number, run: () => void): boolean {
    return this.#inbound.whenRoom(bytes, run);
  }

  whenDurable(run: () => void): void {
    this.subscriptions.whenWritten(() => this.#answers.whenDurable(run));
  }

  disconnect(cause: { readonly publishWill: boolean; readonly sessionExpirySeconds?: number | undefined }): void {
    if (this.#outlet === undefined) return;
    if (!cause.publishWill) this.#will = undefined; // MQTT-3.14.4-3
    if (cause.sessionExpirySeconds !== undefined) this.#expirySeconds = cause.sessionExpirySeconds;
    this.detach();
    this.#left(cause.publishWill ? 'closed' : 'normal');
    this.#onDetached(this);
  }

  /** The link is gone; what was promised stays. */
  detach(): void {
    this.#core.turns.work.done += LEAVE_WORK;
    this.#outlet = undefined;
    this.#inbound.detach();
    this.#answers.detach();
    this.subscriptions.detach();
    this.outbound.detach();
  }

  /** Another connection of the same client takes the session. */
  takeOver(): void {
    const outlet = this.#outlet;
    this.detach();
    this.#core.counters.takenOver.value += 1;
    this.#left('takenover');
    outlet?.end('taken-over');
  }

  /** Ends the link, as the core will have it; the client may come back if it is let in. */
  kick(reason: 'kicked' | 'rate-exceeded' | 'slow-consumer'): void {
    const outlet = this.#outlet;
    if (outlet === undefined) return;
    this.detach();
    this.#left('kicked');
    outlet.end(reason);
    this.#onDetached(this);
  }

  endLink(reason: Exclude<EndReason, 'taken-over'>): void {
    this.#outlet?.end(reason);
  }

  /** Writes the session's facts, making or ending its record as they ask. */
  saveDetached(): void {
    this.#saveFacts();
    this.outbound.queue.use(this.stored);
  }

  /** Its client came back in time. */
  silenceWill(): void {
    this.#will = undefined;
  }

  /** Once. */
  publishWill(): void {
    const will = this.#will;
    if (will === undefined) return;
    this.#will = undefined;
    this.#core.store.together(() => {
      this.#inbound.publishWill(will.draft);
      if (this.#stored !== undefined) this.#saveFacts();
    });
  }

  /** The session is over: nothing of it stays, in memory or on disk. */
  end(): void {
    this.#cancelDeadline?.();
    this.subscriptions.end();
    this.#core.router.watchRefusing(this, false);
    this.#core.numbering.forget(this);
    this.#core.withheld.roomMayBe();
    if (this.#stored !== undefined) this.#core.store.removeSession(this.#stored);
    this.#stored = undefined;
    this.#expirySeconds = 0;
    this.#hasQueue = false;
    this.outbound.queue.use(undefined);
  }

  /** Replaces the timer that waits for the will or the end of the session. */
  deadlineIn(delayMs: number, run: () => void): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#core.clock.after(delayMs, run);
  }

  /** A window or a queue may have room now. */
  #roomMade(isKnown: boolean): boolean {
    this.#core.withheld.roomMayBe();
    this.subscriptions.continueReplay();
    return isKnown;
  }

  #left(how: Departure): void {
    this.#core.slowConsumers.gone(this);
    if (this.isFurther) return;
    this.#core.access.left(this.#subscriber.principal);
    this.#core.presence?.disconnected(this.#subscriber.principal, how);
  }

  #serve(subscriber: Subscriber): void {
    this.#subscriber = subscriber;
    this.#inbound.serve(subscriber);
  }

  /** Makes, changes or ends its record. */
  #saveFacts(): void {
    this.#stored = savedRecord(this.#core, this, this.#hasQueue);
  }
}
