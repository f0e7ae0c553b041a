// The contract between protocols and the core: the one door. Native MQTT has no privilege; what is not here, a gateway does not need.
// Everything is synchronous but `connect`: a message crosses the core in the turn it arrived in.
import type { AuthenticationStep, Credentials } from '../access/access.ts';
import type { Subscription } from '../bus/subscription.ts';
import type { ClientId, Realm } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { LossReport } from '../model/losses.ts';
import type { Draft, Message, QoS, UserProperties } from '../model/message.ts';
import type { Metrics } from '../model/metrics.ts';
import type { QueuePolicy } from '../model/queue-policy.ts';
import type { Reception } from '../model/reception.ts';
import type { Topic, TopicFilter, TopicTable } from '../model/topic.ts';
import type { Turns } from '../model/turns.ts';

export type { AuthenticationStep } from '../access/access.ts';

/** A protocol front end. Owns its transports and its peers; owns no messages. */
export interface Gateway {
  readonly name: string;
  start(context: GatewayContext): Promise<void>;
  /** Stops accepting, says goodbye to peers, resolves when the last link is closed or `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

/** Everything a protocol may ask of the core. */
export interface GatewayContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly topics: TopicTable;
  /** Of the whole gateway: the core counts as work what it stores and looks up, a protocol what it decodes and delivers. */
  readonly turns: Turns;
  /** The gateway's own durable key/value space; a session's is `ClientSession.state`. */
  readonly state: GatewayState;
  /**
   * Authenticates, takes over or creates the session, and resolves once what the peer will be told is on disk. The session starts paused by
   * `link`: the protocol answers its CONNECT first and then resumes.
   */
  connect(request: ConnectRequest, outlet: Outlet): Promise<ConnectOutcome>;
  /**
   * To be asked before anything but `publish` and `settle` of QoS 1 that is to be written, or whose answer waits for the disk. False while the disk is
   * behind: streams wait by `ClientSession.whenRoom`, datagrams are answered "congestion", or dropped where there is no such answer.
   */
  hasRoom(): boolean;
  /** When it came, as far as is known; undefined: before that was kept. */
  receptionOf(message: Message): Reception | undefined;
  /** For publishers without a session (MQTT-SN QoS −1): QoS 0 with the permissions of `credentials`, never an answer. */
  publishWithoutSession(draft: Draft, credentials: Credentials): void;
  /**
   * The sessions of this gateway's realm that no link serves: what a restart left. A datagram protocol re-attaches them by `connect`, so that
   * a sensor's next packet just works.
   */
  detachedSessions(): Iterable<DetachedSession>;
}

/** A stored session as its gateway may read it before it is attached. */
export interface DetachedSession {
  readonly clientId: ClientId;
  readonly state: Pick<StateSpace, 'get' | 'entries'>;
}

/** Small durable key/value space. Writes join the open group; `whenDurable` tells when they are on disk. Session spaces end with their session. */
export interface StateSpace {
  get(key: string): Uint8Array | undefined;
  entries(): Iterable<readonly [key: string, value: Uint8Array]>;
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

export interface GatewayState extends StateSpace {
  /** As `put`, in the next group that is written for the sake of something else, with the value as it is then. It can be read from then on. */
  putAlong(key: string, value: () => Uint8Array): void;
}

export interface ConnectRequest {
  readonly credentials: Credentials;
  /** Name space of the client id; the gateway's own when absent. */
  readonly realm?: Realm;
  /** Drops what an earlier session left (MQTT 5 §3.1.2.4). */
  readonly cleanStart: boolean;
  /** Time the session outlives its link: 0 ends with it, `Infinity` never ends (MQTT 5 §3.1.2.11.2). */
  readonly sessionExpirySeconds: number;
  /** Most QoS 1 and 2 deliveries unsettled at once (MQTT 5 Receive Maximum); 1 for MQTT-SN. */
  readonly inflightMax: number;
  /** Whether QoS 0 messages wait in the stored queue while the client is paused or away: sleeping sensors and bridges need it. */
  readonly queueQos0: boolean;
  /**
   * Whether what a client has not settled is kept although its session ends with its link, so that what it rejects can be sent again. In memory, as many as
   * `inflightMax`.
   */
  readonly keepsUnsettled?: boolean | undefined;
  /** How its queue is treated; as the configuration says for this client when absent. */
  readonly queue?: QueuePolicy | undefined;
  /** Whether its queue counts what it is given: its messages have a number then, from their routing on. Of clients that are alone in their realm only. */
  readonly isNumbered?: boolean | undefined;
  /**
   * How the client's link is read no more while there is no room for what it publishes at QoS 1 and 2: for protocols that cannot tell it so (MQTT 3.x).
   * Absent: the outcome is `quota-exceeded`, and the client may try again.
   */
  readonly reading?: PausableReading | undefined;
  /**
   * False where the link duplicates and reorders (UDP, serial): QoS 2 ids completed there stay in quarantine, and packet ids of deliveries go on from
   * elsewhere at each connection, so that an answer that is late settles nothing.
   */
  readonly isReliableLink: boolean;
  readonly will?: Will | undefined;
  /** `restart`: no peer asks, its gateway takes up what a restart left; no rate counts it. */
  readonly origin?: 'peer' | 'restart' | undefined;
  /** How the client wants to prove who it is, instead of a password (MQTT 5 §4.12). */
  readonly authentication?: AuthenticationStep | undefined;
  /**
   * Put before every topic and filter the client names and taken off what it is sent: the part of the name space it lives in. May hold
   * `${clientid}` and `${username}`; a client whose name cannot stand there as a part of a level is refused. `''` or absent: none.
   */
  readonly mountPoint?: string | undefined;
  /** For presence messages; absent where the protocol has none. */
  readonly keepAliveSeconds?: number | undefined;
  /**
   * The session is a further queue of this client, which is in: for a subscription with a window of its own, or one that outlives its connection. It has the
   * client's rights and the client id of `credentials`; nobody is asked who that is, and it counts as no client of its own (presence, rates, flapping).
   */
  readonly within?: ClientSession | undefined;
}

/**
 * The core keeps the message there is no room for, takes it as soon as there is, and lets the outcome follow by `published`, as if it had come then. A link
 * that ends before takes the message with it: its client was told nothing.
 */
export interface PausableReading {
  /**
   * From within `publish`: the session must get nothing more to publish until `resumeReading`.
   *
   * @param full - the client id of the queue that has no room, or another name for what is full; for the log.
   */
  pauseReading(full: string): void;
  /** What waits is to be handed over in a later turn. */
  resumeReading(): void;
}

/** A message the core publishes for a client that left without goodbye (MQTT 5 §3.1.2.5). */
export interface Will {
  readonly draft: Draft;
  /** Waits after the link closed, unless the session ends first; a client that returns in time silences it. */
  readonly delaySeconds: number;
}

export type ConnectOutcome =
  | {
      readonly kind: 'accepted';
      readonly session: ClientSession;
      readonly isSessionPresent: boolean;
      /** The last word of an exchange of challenges, e.g. a proof that the server knows the secret too. */
      readonly authenticationData?: Uint8Array | undefined;
    }
  | Challenge<ConnectOutcome>
  | Refusal;

export type ReauthenticationOutcome =
  | { readonly kind: 'accepted'; readonly authenticationData?: Uint8Array | undefined }
  | Challenge<ReauthenticationOutcome>
  | Refusal;

/** More is needed from the client. Only requests with an `authentication` are challenged; unanswered, it ends after a time as a refusal. */
export interface Challenge<Outcome> {
  readonly kind: 'challenge';
  readonly data: Uint8Array | undefined;
  /** Once. */
  respond(data: Uint8Array | undefined): Promise<Outcome>;
  /** The link is gone, or its protocol has no challenges. Safe at any time. */
  abandon(): void;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  /** Where to go instead, for `use-another-server` and `server-moved` (MQTT 5 §3.2.2.3.16). */
  readonly serverReference?: string | undefined;
}

export type RefusalReason =
  | 'bad-credentials'
  | 'bad-authentication-method'
  | 'banned'
  | 'not-authorized'
  | 'identifier-taken'
  | 'rate-exceeded'
  /** The disk has no room for its session. */
  | 'quota-exceeded'
  | 'busy'
  | 'unavailable'
  | 'use-another-server'
  | 'server-moved';

/**
 * `link`: the peer's buffer is full, or it has not been answered yet. `asleep`: a sleeping client. `upstream`: a bridge out of reach.
 * `window`: as many messages wait for the peer's word as may, where those of QoS 0 count as well. `subscribing`: from before `subscribe` until its answer is sent, where the answer must come before the first message.
 */
export type PauseReason = 'link' | 'asleep' | 'upstream' | 'subscribing' | 'window';

/** `invalid-topic`: no name can be made of it, e.g. `$delayed/` without a number of seconds. */
export type PublishOutcome = 'accepted' | 'no-subscribers' | 'denied' | 'invalid-topic' | 'quota-exceeded';

export type SubscribeOutcome = { readonly kind: 'granted'; readonly qos: QoS } | { readonly kind: 'denied' } | { readonly kind: 'quota-exceeded' };

/** Which deliveries may be under way now, where that is not only a question of the window. */
export interface DeliveryFlow {
  /**
   * Replaces `inflightMax` of the connect request, e.g. when a bridge's remote announces its Receive Maximum.
   *
   * @param ordinaryMax - the most for messages of the ordinary class and lower ones: the rest of the window is kept for greater ones.
   */
  limitInflight(inflightMax: number, ordinaryMax: number): void;
  /**
   * Classes below this one stay in the queue from now on, and what is in flight of them is not sent again: for links that are slow, metered or open at times.
   *
   * @param leastPriority - 0, as at the start of a link: everything flows; above `PRIORITY_MAX`: nothing does.
   */
  allow(leastPriority: number): void;
  /**
   * What was sent takes no room in the window and is not sent again until it is offered. `refused`: the peer did not take it for now, which ends that
   * exchange, so that the next PUBLISH is a new one (MQTT-4.4.0-2). `unanswered`: it may have it. False when the id is not in flight, or the peer took it.
   */
  withhold(packetId: number, why: 'refused' | 'unanswered'): boolean;
  /** It is sent when there is room, before what was first sent after it. False when it was not withheld. */
  offer(packetId: number): boolean;
}

/** One client's session while its link is up. Every call is synchronous; answers that must wait for the disk come through the outlet. */
export interface ClientSession {
  readonly clientId: ClientId;
  readonly state: StateSpace;
  /**
   * Hands a message over. The outcome comes by `outlet.published(token, outcome)`: at once when nothing must be stored, after the commit
   * otherwise, always in the order of the calls.
   *
   * @param token - given back as it is; any 32-bit integer.
   * @param packetId - of a QoS 2 message: stored with it, so that a second copy before its release is answered and not delivered again.
   */
  publish(draft: Draft, token: number, packetId?: number): void;
  /** What came in under that token is published to nobody: its outcome is `accepted`, in its turn, once everything written so far is on disk. */
  passOver(token: number): void;
  /** Whether what it publishes there is taken as far as its permissions go: before something is made for it. */
  mayPublish(topic: Topic): boolean;
  /** PUBREL came in: forgets the packet id, then `outlet.completed(packetId, wasKnown)` after the commit. */
  release(packetId: number): void;
  /** Adds or replaces (same filter). Retained messages follow through `deliver`, at once unless the session is paused. */
  subscribe(subscription: Subscription): SubscribeOutcome;
  /** False when there was none. */
  unsubscribe(filter: TopicFilter): boolean;
  /** PUBACK or PUBCOMP came in: the peer took responsibility. False when the id is not in flight. */
  settle(packetId: number): boolean;
  /** PUBREC came in: `outlet.release(packetId)` follows after the commit. False when the id is not in flight. */
  received(packetId: number): boolean;
  /** The peer refused the delivery for good (PUBACK or PUBREC >= 0x80): it counts as settled, and is counted as refused (MQTT-4.4.0-2). */
  refused(packetId: number): boolean;
  /**
   * As `refused`, but the message is kept, with the reason, as a dead letter of this client: for peers that must lose nothing. Of clients whose ids are the
   * gateway's own (bridges) only: dead letters are told apart by client id. False as well when the peer took it (PUBREC): it is nobody else's any more.
   */
  setAside(packetId: number, reason: string): boolean;
  /**
   * The peer could not use the delivery: it is delivered again, to another member first where the queue is shared.
   *
   * @returns false: it is not in flight, or was rejected `rejectionsMax` times already, and still is in flight.
   */
  reject(packetId: number, rejectionsMax: number): boolean;
  /** It settles the delivery and publishes it anew, below `topicPrefix`, in one commit: for what nobody can use. False when the id is not in flight. */
  redirect(packetId: number, topicPrefix: string): boolean;
  /** The delivery goes back to the head of the queue, e.g. MQTT-SN REGACK "congestion"; it is sent again after `resume` or the next wake. */
  giveBack(packetId: number): boolean;
  /**
   * Sends again, marked as duplicate, what is in flight and unanswered: the PUBLISH, or the PUBREL when PUBREC was seen. For links that lose
   * packets; stream protocols never call it.
   */
  resend(packetId: number): boolean;
  /** Deliveries flow when no reason is left. One mechanism for a full socket, a sleeping sensor and a bridge whose upstream is down. */
  /** `pause('asleep')` also ends a wake that is under way, untold. */
  pause(reason: PauseReason): void;
  /** `resume('upstream')` stands for a new connection behind the session: what is in flight is sent again first. */
  resume(reason: PauseReason): void;
  /**
   * The peer began a new session although ours goes on (CONNACK without Session Present, MQTT-3.2.2-5): its packet ids mean other messages from now on,
   * and what it received but did not complete is published again. Before `resume('upstream')`.
   */
  peerForgot(): void;
  /** What may be under way to the peer: of bridges. */
  readonly flow: DeliveryFlow;
  /**
   * Puts what the session's queue lost into it, as messages of its own under a name only it knows; nothing while such are under way. They are on disk
   * before they are delivered, as QoS 2 whatever the draft says.
   */
  reportLosses(draftOf: (report: LossReport) => Draft): void;
  /** A packet id no delivery uses, for requests of our own that share the number space (a bridge's SUBSCRIBE). */
  unusedPacketId(): number;
  /** While asleep: delivers what is queued up to now and tells `outlet.drained()` when all of it is settled; what comes later waits. */
  wake(): void;
  setWill(will: Will | undefined): void;
  /** What `run` publishes, settles and gives back is in one commit: after a power cut all of it is there, or nothing. */
  atomically(run: () => void): void;
  /**
   * The client proves again who it is, while its session goes on (MQTT 5 §4.12.1). `accepted` when it is the same principal as before, whose
   * rights are judged anew from now on; after `refused` the protocol says goodbye and disconnects.
   */
  reauthenticate(step: AuthenticationStep): Promise<ReauthenticationOutcome>;
  /**
   * Runs once the disk has caught up, and is forgotten when the link ends. Until then nothing more of the link may be handed over.
   *
   * @param bytes - kept until then.
   * @returns false: as much waits as may.
   */
  whenRoom(bytes: number, run: () => void): boolean;
  /** Runs when everything this session wrote so far is on disk; at once when nothing is pending. For SUBACK, UNSUBACK, REGACK and their kin. */
  whenDurable(run: () => void): void;
  /** The link is gone or says goodbye. `sessionExpirySeconds` replaces the value of the connect request (MQTT 5 §3.14.2.2.2). */
  disconnect(cause: { readonly publishWill: boolean; readonly sessionExpirySeconds?: number | undefined }): void;
}

/** The protocol's side of a session: where the core puts what the peer must get. None of these may call back into the session's `publish`. */
export interface Outlet {
  /** `delivery` is borrowed until the call returns; the core keeps what a resend needs. */
  deliver(delivery: Delivery): void;
  /** Send PUBREL for that id. */
  release(packetId: number): void;
  published(token: number, outcome: PublishOutcome): void;
  /** Send PUBCOMP for that id; `wasKnown` is false for an id that was not in use (v5 0x92). */
  completed(packetId: number, wasKnown: boolean): void;
  /** Everything a `wake` was to bring is settled. */
  drained(): void;
  /**
   * The client used up its rate: read nothing more of it for `delayMs`. Nothing is lost; what was read already may still be handed over, and
   * may move the time further out. Protocols over datagrams answer "congestion" until then, or drop what has no answer.
   */
  throttle(delayMs: number): void;
  /** The core ended the session; the gateway tells the peer in its own words and closes the link. */
  end(reason: EndReason): void;
}

export type EndReason = 'taken-over' | 'kicked' | 'rate-exceeded' | 'slow-consumer' | 'shutting-down';

/** One message on its way to one peer. */
export interface Delivery {
  readonly message: Message;
  /** min(published, granted) (MQTT-3.8.4-8). */
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly isDuplicate: boolean;
  /** 1..65535, given by the core so that it survives with QoS 2 exchanges; 0 at QoS 0. */
  readonly packetId: number;
  /** Subscription Identifiers of the subscriptions that matched (MQTT-3.3.4-4). */
  readonly identifiers: readonly number[];
  /** What is left of the Message Expiry Interval (MQTT-3.3.2-6); undefined: none. */
  readonly expirySeconds: number | undefined;
  /** What the gateway says of when the message came, where that is wanted: behind the message's own User Properties, or nowhere if there is no room. */
  readonly receipt?: UserProperties | undefined;
}
