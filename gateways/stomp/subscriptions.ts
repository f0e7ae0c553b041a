// The subscriptions of one connection. Who takes what comes (`ack:auto`) shares the connection's session; who acknowledges, collects while away or consumes a
// queue has a queue and a window of its own in the core, so that one that does not acknowledge holds up nobody else.
import type { ClientSession, ConnectRequest, Delivery, EndReason, GatewayContext, Outlet } from '../../src/gateway/gateway.ts';
import { realm } from '../../src/model/client.ts';
import { type TopicFilter, topicFilter } from '../../src/model/topic.ts';
import { replyFilter, sendTopic, subscribeFilter, temporary } from './destinations.ts';
import { StompError } from './packets.ts';
import type { QueueKeepers } from './queue-keepers.ts';
import type { SubscribeRequest } from './subscribe.ts';
import { type MessageSink, Subscription } from './subscription.ts';

/** Further queues of STOMP clients: no client can enter it. */
const SUBSCRIPTIONS_REALM = realm('stomp@subscriptions');
const FILTER_KEY = 'filter';

export interface SubscriptionsParts {
  readonly context: GatewayContext;
  readonly keepers: QueueKeepers;
  readonly sink: MessageSink;
  /** What the client connected with. */
  readonly connected: ConnectRequest;
  /** The client named itself: what is durable is found again. */
  readonly isNamed: boolean;
  /** Whatever goes wrong within is the connection's end. */
  readonly guard: (run: () => void) => void;
  readonly onEnd: (reason: EndReason) => void;
}

/** What one ACK or NACK is about. */
export interface Acknowledged {
  readonly subscription: Subscription;
  readonly packetIds: readonly number[];
}

export class Subscriptions {
  readonly #main: ClientSession;
  readonly #parts: SubscriptionsParts;
  readonly #byKey = new Map<string, Subscription>();
  /** Those on the connection's session, by Subscription Identifier. */
  readonly #byIdentifier = new Map<number, Subscription>();
  readonly #byMessageId = new Map<string, Subscription>();
  #lastIdentifier = 0;
  #isLinkFull = false;
  #isOver = false;

  constructor(main: ClientSession, parts: SubscriptionsParts) {
    this.#main = main;
    this.#parts = parts;
  }

  /** @throws StompError - it may not, or there is one of that name already. */
  async subscribe(request: SubscribeRequest): Promise<ClientSession> {
    const { sink, keepers, isNamed } = this.#parts;
    if (this.#byKey.has(request.key)) throw new StompError('STOMP 1.2 SUBSCRIBE', `there is a subscription ${request.key} already`);
    this.#requireRoom();
    if (request.isDurable && !isNamed) throw new StompError('SUBSCRIBE durable', 'a durable subscription needs the header client-id in CONNECT');
    const filter = subscribeFilter(request.destination, sink.settings);
    const isShared = request.ackMode === 'auto' && !request.isDurable && request.destination.kind !== 'queue' && !this.#isTaken(filter);
    if (isShared) this.#subscribeShared(request, filter);
    else await this.#subscribeOwn(request, filter);
    if (request.destination.kind === 'queue') await keepers.keep(sendTopic(request.destination, sink.settings)); // it may have it
    return this.#byKey.get(request.key)?.place.session ?? this.#main;
  }

  /** Replies to `topic` come as messages of the subscription `/temp-queue/NAME`, from now on. */
  expectReplies(name: string, topic: string): void {
    const destination = temporary(name);
    const id = destination.prefix + name;
    if (this.#byKey.has(id)) return;
    this.#requireRoom();
    this.#subscribeShared({ key: id, id, destination, ackMode: 'auto', prefetch: 1, qosMax: 1, isDurable: false }, replyFilter(topic));
  }

  /** @param isForEver - a durable one does not come back, and what it holds goes. @throws StompError - there is none. */
  unsubscribe(key: string, isForEver: boolean): void {
    const subscription = this.#byKey.get(key);
    if (subscription === undefined) throw new StompError('STOMP 1.2 UNSUBSCRIBE', `there is no subscription ${key}`);
    this.#byKey.delete(key);
    for (const messageId of subscription.unacknowledged) this.#byMessageId.delete(messageId);
    const { session, filter, identifier } = subscription.place;
    if (identifier === undefined) {
      session.disconnect({ publishWill: false, ...(isForEver && { sessionExpirySeconds: 0 }) });
      return;
    }
    session.unsubscribe(filter);
    this.#byIdentifier.delete(identifier);
  }

  /** Of the connection's own session: one MESSAGE for each subscription that matched. */
  deliver(delivery: Delivery): void {
    for (const identifier of delivery.identifiers) this.#byIdentifier.get(identifier)?.deliver(delivery);
  }

  /** @param key - of the subscription the client names; undefined: 1.0 and 1.2 name the message only. @throws StompError - nothing waits under it. */
  acknowledge(messageId: string, key: string | undefined, command: 'ACK' | 'NACK'): Acknowledged {
    const subscription = this.awaiting(messageId, key);
    if (subscription === undefined) throw unknownMessage(messageId, command);
    const taken = subscription.take(messageId);
    for (const [each] of taken) this.#byMessageId.delete(each);
    return { subscription, packetIds: taken.map(([, packetId]) => packetId) };
  }

  /** Whose message waits to be acknowledged under that name. */
  awaiting(messageId: string, key: string | undefined): Subscription | undefined {
    const subscription = this.#byMessageId.get(messageId);
    return key === undefined || this.#byKey.get(key) === subscription ? subscription : undefined;
  }

  pauseLink(): void {
    this.#isLinkFull = true;
    this.#main.pause('link');
    for (const session of this.#ownSessions()) session.pause('link');
  }

  resumeLink(): void {
    this.#isLinkFull = false;
    this.#main.resume('link');
    for (const session of this.#ownSessions()) session.resume('link');
  }

  /** The connection is over: what is durable stays, and what was not acknowledged goes back. */
  end(): void {
    this.#isOver = true;
    for (const session of [...this.#ownSessions()]) session.disconnect({ publishWill: false });
    this.#byKey.clear();
  }

  #requireRoom(): void {
    const { subscriptionsMax } = this.#parts.sink.settings;
    if (this.#byKey.size >= subscriptionsMax) throw new StompError('STOMP 1.2 SUBSCRIBE', `more than ${subscriptionsMax} subscriptions (subscriptionsMax)`);
  }

  *#ownSessions(): Generator<ClientSession> {
    for (const { place } of this.#byKey.values()) if (place.identifier === undefined) yield place.session;
  }

  #isTaken(filter: TopicFilter): boolean {
    return [...this.#byIdentifier.values()].some(({ place }) => place.filter === filter);
  }

  #subscribeShared(request: SubscribeRequest, filter: TopicFilter): void {
    this.#lastIdentifier += 1;
    const identifier = this.#lastIdentifier;
    const subscription = new Subscription(request, { session: this.#main, filter, identifier }, this.#parts.sink);
    this.#byIdentifier.set(identifier, subscription);
    this.#byKey.set(request.key, subscription);
    requireGranted(
      this.#main.subscribe({ filter, identifier, qosMax: request.qosMax, noLocal: false, retainAsPublished: false, retainHandling: 0 }).kind,
      request,
    );
  }

  async #subscribeOwn(request: SubscribeRequest, filter: TopicFilter): Promise<void> {
    const { context, connected, sink } = this.#parts;
    const { clientId } = connected.credentials;
    const own: ConnectRequest = {
      ...connected,
      credentials: { ...connected.credentials, clientId: `${encodeURIComponent(clientId)}/${request.key}` },
      realm: SUBSCRIPTIONS_REALM,
      within: this.#main,
      cleanStart: !request.isDurable,
      sessionExpirySeconds: request.isDurable ? Number.POSITIVE_INFINITY : 0,
      inflightMax: request.prefetch,
      queueQos0: request.isDurable,
      keepsUnsettled: true,
    };
    const held: { subscription: Subscription | undefined } = { subscription: undefined };
    const outcome = await context.connect(own, this.#outletOf(held));
    if (outcome.kind !== 'accepted') throw new StompError('STOMP 1.2 SUBSCRIBE', 'no room for another subscription: try again later');
    const { session, isSessionPresent } = outcome;
    if (this.#isOver) {
      session.disconnect({ publishWill: false });
      return;
    }
    const subscription = new Subscription(request, { session, filter, identifier: undefined }, sink);
    held.subscription = subscription;
    this.#byKey.set(request.key, subscription);
    this.#follow(session, filter);
    const retainHandling = isSessionPresent ? 1 : 0;
    const { kind } = session.subscribe({ filter, qosMax: request.qosMax, noLocal: false, retainAsPublished: false, retainHandling });
    if (kind !== 'granted' && !isSessionPresent) session.disconnect({ publishWill: false, sessionExpirySeconds: 0 }); // nothing of it stays
    requireGranted(kind, request);
    if (!this.#isLinkFull) session.resume('link');
  }

  /** A durable subscription that comes back with another destination lets go of the one before. */
  #follow(session: ClientSession, filter: TopicFilter): void {
    const before = session.state.get(FILTER_KEY);
    const earlier = before && Buffer.from(before).toString();
    if (earlier === filter) return;
    if (earlier !== undefined) session.unsubscribe(topicFilter(earlier));
    session.state.put(FILTER_KEY, Buffer.from(filter));
  }

  #outletOf(held: { readonly subscription: Subscription | undefined }): Outlet {
    return {
      deliver: (delivery) => {
        const messageId = held.subscription?.deliver(delivery);
        if (messageId !== undefined && held.subscription !== undefined) this.#byMessageId.set(messageId, held.subscription);
      },
      end: (reason) => this.#parts.guard(() => this.#parts.onEnd(reason)),
      release() {},
      published() {},
      completed() {},
      drained() {},
      throttle() {},
    };
  }
}

export function unknownMessage(messageId: string, command: 'ACK' | 'NACK'): StompError {
  return new StompError(`STOMP 1.2 ${command}`, `no message ${messageId} waits to be acknowledged`);
}

function requireGranted(kind: 'granted' | 'denied' | 'quota-exceeded', { destination }: SubscribeRequest): void {
  if (kind === 'denied') throw new StompError('STOMP 1.2 SUBSCRIBE', `not allowed to subscribe to ${destination.prefix}${destination.text}`);
  if (kind === 'quota-exceeded') throw new StompError('STOMP 1.2 SUBSCRIBE', 'no room for another subscription: try again later');
}
