// A client of the core without any protocol: says what a connection would say and remembers what it was told.
import type { ClientSession, ConnectOutcome, ConnectRequest, Delivery, EndReason, GatewayContext, Outlet, PublishOutcome } from '../../src/gateway/gateway.ts';
import { peerAddress } from '../../src/model/client.ts';
import type { Draft, QoS, UserProperties } from '../../src/model/message.ts';
import type { QueuePolicy } from '../../src/model/queue-policy.ts';
import { topicFilter, topicName } from '../../src/model/topic.ts';

export interface SeenDelivery {
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
  readonly isRetain: boolean;
  readonly isDuplicate: boolean;
  readonly packetId: number;
  readonly identifiers: readonly number[];
  readonly expirySeconds: number | undefined;
}

/** Two messages of any size, the oldest makes room, unless the test says otherwise. */
export function policyOf(over: Partial<QueuePolicy> = {}): QueuePolicy {
  return { messagesMax: 2, bytesMax: 1_000_000, whenFull: 'drop-oldest', keepLatest: [], priorities: [], ...over };
}

/** A persistent session in MQTT's manner unless the test says otherwise. */
export function requestOf(id: string, over: Partial<ConnectRequest> = {}): ConnectRequest {
  const credentials = { clientId: id, peer: peerAddress(`test:${id}`), peerHost: '127.0.0.1', listener: 'test', protocol: 'test' };
  return {
    credentials,
    cleanStart: false,
    sessionExpirySeconds: Number.POSITIVE_INFINITY,
    inflightMax: 20,
    queueQos0: false,
    isReliableLink: true,
    ...over,
  };
}

export class TestClient implements Outlet {
  readonly delivered: SeenDelivery[] = [];
  /** Of each of them. */
  readonly userProperties: (UserProperties | undefined)[] = [];
  readonly outcomes: [token: number, outcome: PublishOutcome][] = [];
  readonly released: number[] = [];
  readonly completions: [packetId: number, wasKnown: boolean][] = [];
  readonly ends: EndReason[] = [];
  /** What the core asked to wait, in milliseconds. */
  readonly throttles: number[] = [];
  drainedCount = 0;
  isSessionPresent = false;
  readonly #context: GatewayContext;
  #session: ClientSession | undefined;

  constructor(context: GatewayContext) {
    this.#context = context;
  }

  get session(): ClientSession {
    if (this.#session === undefined) throw new TypeError('the test client is not connected');
    return this.#session;
  }

  get payloads(): string[] {
    return this.delivered.map(({ payload }) => payload);
  }

  /** Connects and lets deliveries flow; of a bridge, once its upstream is there. */
  async connect(request: ConnectRequest, { isUpstreamDown = false } = {}): Promise<ConnectOutcome> {
    const outcome = await this.#context.connect(request, this);
    if (outcome.kind === 'accepted') {
      this.#session = outcome.session;
      this.isSessionPresent = outcome.isSessionPresent;
      if (isUpstreamDown) outcome.session.pause('upstream');
      outcome.session.resume('link');
    }
    return outcome;
  }

  publish(topic: string, payload: string | Buffer, over: Partial<Omit<Draft, 'topic' | 'payload'>> & { token?: number; packetId?: number } = {}): void {
    const { qos = 1, isRetain = false, token = 1, packetId, expirySeconds, properties } = over;
    const interned = this.#context.topics.intern(topicName(topic));
    this.session.publish({ topic: interned, payload: Buffer.from(payload), qos, isRetain, expirySeconds, properties }, token, packetId);
  }

  subscribe(filter: string, over: { qos?: QoS; noLocal?: boolean; retainAsPublished?: boolean; retainHandling?: 0 | 1 | 2; identifier?: number } = {}): string {
    const { qos = 2, noLocal = false, retainAsPublished = false, retainHandling = 0, identifier } = over;
    return this.session.subscribe({ filter: topicFilter(filter), qosMax: qos, noLocal, retainAsPublished, retainHandling, identifier }).kind;
  }

  deliver({ message, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds }: Delivery): void {
    const payload = Buffer.from(message.payload).toString();
    this.userProperties.push(message.properties?.userProperties);
    this.delivered.push({ topic: message.topic.name, payload, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds });
  }

  release(packetId: number): void {
    this.released.push(packetId);
  }

  published(token: number, outcome: PublishOutcome): void {
    this.outcomes.push([token, outcome]);
  }

  completed(packetId: number, wasKnown: boolean): void {
    this.completions.push([packetId, wasKnown]);
  }

  drained(): void {
    this.drainedCount += 1;
  }

  throttle(delayMs: number): void {
    this.throttles.push(delayMs);
  }

  end(reason: EndReason): void {
    this.ends.push(reason);
  }
}
