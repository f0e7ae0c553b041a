// Store-and-forward needs no queue of its own: a bridge is a client with a session that never ends, paused while its upstream is out of reach.
// A message leaves that session's queue in the group that records the remote's PUBACK or PUBCOMP, never before.
import type { ClientSession, Delivery, EndReason, Gateway, GatewayContext, Outlet, PublishOutcome } from '../gateway/gateway.ts';
import { INTERNAL_PROTOCOL, peerAddress } from '../model/client.ts';
import type { CancelTimer } from '../model/clock.ts';
import { GatewayError } from '../model/errors.ts';
import { type Draft, Message } from '../model/message.ts';
import type { Counter } from '../model/metrics.ts';
import type { QueueLimits } from '../model/queue-policy.ts';
import { type Topic, topicFilter, topicName } from '../model/topic.ts';
import { type OutgoingPublish, type PublishView, REASON } from '../mqtt/packets.ts';
import { type Crossings, crossings, type TopicRule } from './topic-map.ts';
import { Unanswered } from './unanswered.ts';
import type { RemoteLimits, Uplink, UplinkHandlers } from './uplink.ts';

export interface BridgeSettings {
  readonly name: string;
  readonly topics: readonly TopicRule[];
  /** Messages under way to the remote at once; its Receive Maximum may lower it. */
  readonly inflightMax: number;
  readonly queueLimits: QueueLimits;
  /** Time the remote has to answer a message; `Infinity`: any. */
  readonly answerTimeoutMs: number;
  /** Whether RETAIN goes out as it was published; otherwise never. */
  readonly sendsRetain: boolean;
  /** Retained `1` or `0` on this side; undefined: none. */
  readonly statusTopic: string | undefined;
}

/** State key: the filters the last boot subscribed to, so that one taken out of the configuration is unsubscribed. */
const FILTERS_KEY = 'filters';
/** State key: addresses of the remotes that were connected, the last one first, one a line. */
const REMOTES_KEY = 'remote';
/** Remembered of them; behind that many, one that is not among them counts as one that was. */
const REMOTES_REMEMBERED = 32;
/** Room for the packet id below the QoS in a publish token. */
const TOKEN_STRIDE = 65_536;
/** A message the remote refused for now is offered again after this long, longer each time. */
const RETRY_REFUSED_MS = 5_000;
const RETRY_REFUSED_FACTOR = 4;
const RETRY_REFUSED_MS_MAX = 60_000;
/** Refusals that no later attempt can change (MQTT 5 §3.4.2.1). */
const REFUSED_FOR_GOOD: ReadonlySet<number> = new Set([REASON.notAuthorized, REASON.topicNameInvalid, REASON.payloadFormatInvalid]);
const NO_IDENTIFIERS: readonly number[] = [];

interface BridgeCounters {
  readonly sent: Counter;
  readonly acknowledged: Counter;
  readonly tooLarge: Counter;
  readonly deadLetters: Counter;
  readonly unanswered: Counter;
  readonly unmapped: Counter;
  readonly received: Counter;
}

export class Bridge implements Gateway, Outlet, UplinkHandlers {
  readonly name: string;
  readonly #settings: BridgeSettings;
  readonly #uplink: Uplink;
  readonly #retries = new Map<number, CancelTimer>();
  #unanswered: Unanswered | undefined;
  #context: GatewayContext | undefined;
  #session: ClientSession | undefined;
  #counters: BridgeCounters | undefined;
  #out: Crossings | undefined;
  #in: Crossings | undefined;
  #isUp = false;
  #remoteInflightMax = 1;

  constructor(settings: BridgeSettings, uplink: Uplink) {
    this.name = `bridge:${settings.name}`;
    this.#settings = settings;
    this.#uplink = uplink;
  }

  /** For `postern status`. */
  status(): { readonly name: string; readonly address: string; readonly isConnected: boolean } {
    return { name: this.#settings.name, address: this.#uplink.address, isConnected: this.#isUp };
  }

  async start(context: GatewayContext): Promise<void> {
    this.#context = context;
    this.#counters = bridgeCounters(context, this.name);
    this.#unanswered = new Unanswered(context.clock, this.#settings.answerTimeoutMs, (packetId) => this.#overdue(packetId));
    const maps = crossings(this.#settings.topics, context.topics);
    this.#out = maps.out;
    this.#in = maps.in;
    const session = await this.#connect(context);
    this.#session = session;
    session.pause('upstream');
    session.resume('link');
    this.#subscribe(session, maps.out);
    this.#tellStatus('0');
    this.#uplink.start(this, maps.in.filters);
  }

  async stop(signal: AbortSignal): Promise<void> {
    for (const cancel of this.#retries.values()) cancel();
    this.#isUp = false;
    this.#unanswered?.disconnected('us');
    this.#session?.pause('upstream'); // what still comes stays in the queue
    this.#tellStatus('0');
    await this.#uplink.stop(signal);
    this.#session?.disconnect({ publishWill: false });
    this.#session = undefined;
  }

  deliver(delivery: Delivery): void {
    const topic = this.#out?.map(delivery.message.topic);
    if (topic === undefined) {
      this.#drop(delivery, this.#counters?.unmapped);
      return;
    }
    const outcome = this.#uplink.publish(outgoing(delivery, topic, delivery.isRetain && this.#settings.sendsRetain));
    if (outcome === 'too-large') {
      if (delivery.qos > 0) this.#setAside(delivery.packetId, 'larger than the remote takes');
      else count(this.#counters?.tooLarge);
      return;
    }
    count(this.#counters?.sent);
    if (delivery.qos === 0) return;
    if (outcome === 'settled') this.#session?.settle(delivery.packetId);
    else this.#unanswered?.sent(delivery.packetId);
  }

  release(packetId: number): void {
    this.#unanswered?.sent(packetId);
    this.#uplink.release(packetId);
  }

  published(token: number, outcome: PublishOutcome): void {
    if (token === 0) return;
    if (outcome === 'quota-exceeded') {
      this.#uplink.reconnect('a local queue is full: the remote keeps what it sent'); // a negative PUBACK would make it forget
      return;
    }
    this.#uplink.acknowledge(token % TOKEN_STRIDE, token >= 2 * TOKEN_STRIDE ? 2 : 1);
  }

  completed(packetId: number): void {
    this.#uplink.complete(packetId);
  }

  drained(): void {}

  /** Rates are for clients; a bridge has its own. */
  throttle(): void {}

  end(reason: EndReason): void {
    this.#context?.log.error('bridge session ended by the core', { bridge: this.#settings.name, reason });
    this.#session = undefined;
  }

  unusedPacketId(): number {
    return this.#session?.unusedPacketId() ?? 1;
  }

  isStranger(address: string): boolean {
    const known = this.#knownRemotes();
    const at = known.indexOf(address);
    return at > 0 || (at < 0 && known.length >= REMOTES_REMEMBERED);
  }

  onForgotten(): void {
    this.#session?.peerForgot();
  }

  onUp(limits: RemoteLimits): void {
    this.#isUp = true;
    this.#remoteInflightMax = limits.inflightMax;
    this.#unanswered?.connected();
    this.#rememberRemote(this.#uplink.address);
    this.#context?.log.info('bridge connected', { bridge: this.#settings.name, address: this.#uplink.address, isSessionPresent: limits.isSessionPresent });
    this.#tellStatus('1');
    this.#limitInflight();
    this.#session?.resume('upstream');
  }

  onDown(cause: string, endedBy: 'us' | 'remote'): void {
    this.#isUp = false;
    for (const cancel of this.#retries.values()) cancel();
    this.#retries.clear();
    this.#session?.pause('upstream');
    this.#session?.resume('link'); // a new link starts with an empty buffer
    const culprit = this.#unanswered?.disconnected(endedBy);
    if (culprit !== undefined) this.#setAside(culprit, `the remote ends the connection whenever it is sent: ${cause}`);
    this.#context?.log.warn('bridge disconnected', { bridge: this.#settings.name, address: this.#uplink.address, cause });
    this.#tellStatus('0');
  }

  onFull(): void {
    this.#session?.pause('link');
  }

  onDrain(): void {
    this.#session?.resume('link');
  }

  onAcknowledged(packetId: number): void {
    const wasSearching = this.#unanswered?.isSearching === true;
    this.#unanswered?.taken(packetId);
    if (wasSearching) this.#limitInflight();
    if (this.#session?.settle(packetId)) count(this.#counters?.acknowledged);
  }

  onReceived(packetId: number): void {
    this.#unanswered?.answered(packetId);
    if (this.#session?.received(packetId) === false) this.#uplink.release(packetId);
  }

  onRefused(packetId: number, reasonCode: number): void {
    const reason = `refused by the remote with 0x${reasonCode.toString(16)}`;
    this.#unanswered?.answered(packetId);
    const isForGood = REFUSED_FOR_GOOD.has(reasonCode);
    const { count: attempts = 1, isHopeless = false } = isForGood ? {} : (this.#unanswered?.failed(packetId) ?? {});
    if (isForGood || isHopeless) this.#setAside(packetId, reason);
    else this.#offerLater(packetId, { reason, attempts });
  }

  onPublish(view: PublishView): void {
    count(this.#counters?.received);
    const topic = this.#localTopic(view);
    if (topic === undefined) {
      count(this.#counters?.unmapped);
      if (view.qos > 0) this.#uplink.acknowledge(view.packetId, view.qos === 1 ? 1 : 2);
      return;
    }
    const draft: Draft = {
      topic,
      payload: view.payload(),
      qos: view.qos,
      isRetain: view.isRetain,
      properties: view.properties,
      expirySeconds: view.expirySeconds,
    };
    this.#session?.publish(draft, view.qos === 0 ? 0 : view.qos * TOKEN_STRIDE + view.packetId, view.qos === 2 ? view.packetId : 0);
  }

  onRelease(packetId: number): void {
    this.#session?.release(packetId);
  }

  /** Undefined: there is no such name here. A line broken for it would bring the same message again. */
  #localTopic({ bytes, topicStart, topicEnd }: PublishView): Topic | undefined {
    try {
      const topic = this.#context?.topics.internUtf8(bytes, topicStart, topicEnd);
      return topic && this.#in?.map(topic);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#context?.log.warn('message of the remote dropped', { bridge: this.#settings.name, reason: error.message });
      return undefined;
    }
  }

  async #connect(context: GatewayContext): Promise<ClientSession> {
    const { inflightMax, queueLimits } = this.#settings;
    const credentials = { clientId: this.name, peer: peerAddress(this.name), peerHost: '', listener: this.name, protocol: INTERNAL_PROTOCOL };
    const request = {
      credentials,
      cleanStart: false,
      sessionExpirySeconds: Number.POSITIVE_INFINITY,
      inflightMax,
      queueQos0: true,
      queue: { ...queueLimits, whenFull: 'refuse', keepLatest: [], priorities: [] },
      isReliableLink: true,
    } as const;
    const outcome = await context.connect(request, this);
    if (outcome.kind === 'accepted') return outcome.session;
    throw new GatewayError('CONFIG_INVALID', `${this.name} was refused by the access rules: ${outcome.kind === 'refused' ? outcome.reason : outcome.kind}`);
  }

  /** Subscribes to what goes out and lets go of what no longer does. */
  #subscribe(session: ClientSession, out: Crossings): void {
    const known = session.state.get(FILTERS_KEY);
    const before: readonly string[] = known === undefined ? [] : Buffer.from(known).toString().split('\n');
    const now = new Set<string>(out.filters.map(({ filter }) => filter));
    for (const filter of before) if (filter !== '' && !now.has(filter)) session.unsubscribe(topicFilter(filter));
    for (const { filter, qos } of out.filters) {
      const { kind } = session.subscribe({ filter, qosMax: qos, noLocal: true, retainAsPublished: true, retainHandling: 1 });
      if (kind !== 'granted') throw new GatewayError('CONFIG_INVALID', `${this.name} cannot carry ${filter}: ${kind}`);
    }
    session.state.put(FILTERS_KEY, Buffer.from([...now].join('\n')));
  }

  #tellStatus(payload: '0' | '1'): void {
    const { statusTopic } = this.#settings;
    if (statusTopic === undefined || this.#context === undefined) return;
    const topic = this.#context.topics.intern(topicName(statusTopic));
    this.#session?.publish({ topic, payload: Buffer.from(payload), qos: 0, isRetain: true }, 0);
  }

  /** Before anything is sent to it: an exchange of QoS 2 waits for its commit, and this is in that or an earlier one. */
  #rememberRemote(address: string): void {
    const known = this.#knownRemotes();
    if (known[0] === address) return;
    const next = [address, ...known.filter((each) => each !== address)].slice(0, REMOTES_REMEMBERED);
    this.#session?.state.put(REMOTES_KEY, Buffer.from(next.join('\n')));
  }

  #knownRemotes(): readonly string[] {
    const known = this.#session?.state.get(REMOTES_KEY);
    return known === undefined ? [] : Buffer.from(known).toString().split('\n');
  }

  #limitInflight(): void {
    const isOneByOne = this.#unanswered?.isSearching === true;
    this.#session?.limitInflight(isOneByOne ? 1 : Math.min(this.#settings.inflightMax, this.#remoteInflightMax));
  }

  #offerLater(packetId: number, { reason, attempts }: { readonly reason: string; readonly attempts: number }): void {
    if (!this.#isUp) return; // said goodbye: it goes with the next connection
    this.#retries.get(packetId)?.();
    const delayMs = Math.min(RETRY_REFUSED_MS * RETRY_REFUSED_FACTOR ** (attempts - 1), RETRY_REFUSED_MS_MAX);
    this.#context?.log.warn('message not taken by the remote: offered again', { bridge: this.#settings.name, reason, attempts, retryMs: delayMs });
    const retry = this.#context?.clock.after(delayMs, () => {
      this.#retries.delete(packetId);
      this.#session?.resend(packetId);
    });
    if (retry !== undefined) this.#retries.set(packetId, retry);
  }

  /** Sent again on a new connection, it may be answered: brokers lose track. */
  #overdue(packetId: number): void {
    const { answerTimeoutMs } = this.#settings;
    count(this.#counters?.unanswered);
    if (this.#unanswered?.failed(packetId).isHopeless) this.#setAside(packetId, 'never answered by the remote, which answers others');
    this.#uplink.reconnect(`a message was not answered within ${answerTimeoutMs / 1000} s`);
  }

  #setAside(packetId: number, reason: string): void {
    this.#context?.log.error('message became a dead letter', {
      bridge: this.#settings.name,
      reason,
      advice: `see it with: postern queue peek ${this.name} --dead-letters`,
    });
    count(this.#counters?.deadLetters);
    this.#unanswered?.forget(packetId);
    this.#session?.setAside(packetId, reason);
  }

  #drop(delivery: Delivery, counter: Counter | undefined): void {
    count(counter);
    if (delivery.qos > 0) this.#session?.refused(delivery.packetId);
  }
}

/** The delivery as the remote gets it: under its name there, without identifiers, which only servers send (MQTT-3.3.4-6). */
function outgoing({ message, qos, isDuplicate, packetId, expirySeconds, receipt }: Delivery, topic: Topic, isRetain: boolean): OutgoingPublish {
  const { payload, properties, origin } = message;
  const renamed =
    message.topic === topic ? message : new Message({ topic, payload, qos: message.qos, isRetain: message.isRetain, properties }, origin, message);
  return { message: renamed, qos, isRetain, isDuplicate, packetId, expirySeconds, identifiers: NO_IDENTIFIERS, receipt };
}

function bridgeCounters({ metrics }: GatewayContext, name: string): BridgeCounters {
  const counter = (what: string): Counter => metrics.counter(`${name}.${what}`);
  return {
    sent: counter('sent'),
    acknowledged: counter('acknowledged'),
    tooLarge: counter('dropped.too-large'),
    deadLetters: counter('dead-letters'),
    unanswered: counter('unanswered'),
    unmapped: counter('dropped.unmapped'),
    received: counter('received'),
  };
}

function count(counter: Counter | undefined): void {
  if (counter !== undefined) counter.value += 1;
}
