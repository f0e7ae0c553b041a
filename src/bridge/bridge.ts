// Store-and-forward needs no queue of its own: a bridge is a client with a session that never ends, paused while its upstream is out of reach.
import type { ClientSession, Delivery, EndReason, Gateway, GatewayContext, Outlet, PublishOutcome } from '../gateway/gateway.ts';
import { INTERNAL_PROTOCOL, peerAddress } from '../model/client.ts';
import { GatewayError } from '../model/errors.ts';
import { topicFilter, topicName } from '../model/topic.ts';
import type { PublishView } from '../mqtt/packets.ts';
import { type BudgetStatus, LinkBudget } from './budget/link-budget.ts';
import { bridgeCounters } from './counters.ts';
import { Incoming } from './incoming.ts';
import { isKnown, isStranger, rememberRemote } from './known-remotes.ts';
import type { BridgeLine } from './line.ts';
import type { LinkStatus, TrialReport } from './link-state.ts';
import { LoopGuard, type LoopGuardParts, mayReturn } from './loop-guard.ts';
import { LossReports } from './loss-reports.ts';
import { Outgoing } from './outgoing.ts';
import type { BridgeSettings } from './settings.ts';
import { StartPolicy } from './start-policy.ts';
import { type Crossings, crossings } from './topic-map.ts';
import type { RemoteLimits, Uplink, UplinkHandlers } from './uplink.ts';

/** State key: the filters the last boot subscribed to, so that one taken out of the configuration is unsubscribed. */
const FILTERS_KEY = 'filters';

/** What there is from the start to the end of its session. */
interface Running extends BridgeLine {
  readonly outgoing: Outgoing;
  readonly reports: LossReports;
  readonly incoming: Incoming;
  readonly startPolicy: StartPolicy;
}

export interface BridgeStatus extends LinkStatus, BudgetStatus {
  readonly name: string;
  readonly address: string;
  readonly isConnected: boolean;
}

export class Bridge implements Gateway, Outlet, UplinkHandlers {
  readonly name: string;
  readonly #settings: BridgeSettings;
  readonly #uplink: Uplink;
  readonly #queued: () => number;
  #context: GatewayContext | undefined;
  #running: Running | undefined;
  #isUp = false;

  /** @param queued - messages in its queue. */
  constructor(settings: BridgeSettings, uplink: Uplink, queued: () => number) {
    this.name = `bridge:${settings.name}`;
    this.#settings = settings;
    this.#uplink = uplink;
    this.#queued = queued;
  }

  /** For `postern status`. */
  status(): BridgeStatus {
    return { name: this.#settings.name, address: this.#uplink.address, isConnected: this.#isUp, ...this.#uplink.status, ...this.#running?.budget?.status };
  }

  /** By hand, whatever its configuration says of when it is connected. */
  call(): void {
    this.#running?.startPolicy.start();
  }

  /** By hand: it is not connected until `call`, and its queue goes on collecting. */
  rest(): void {
    this.#running?.startPolicy.hold();
  }

  /** Whether its remotes would have it; touches nothing of it. */
  test(): Promise<readonly TrialReport[]> {
    return this.#uplink.test();
  }

  async start(context: GatewayContext): Promise<void> {
    this.#context = context;
    const maps = crossings(this.#settings.topics, context.topics);
    const session = await this.#connect(context);
    const counters = bridgeCounters(context.metrics, this.name);
    const guard = guardOf(this.#settings, { context, counters, incoming: maps.in });
    const budget = this.#settings.budget && new LinkBudget(this.#settings.budget, { clock: context.clock, session });
    const line: BridgeLine = { settings: this.#settings, context, session, uplink: this.#uplink, counters, guard, budget };
    const startPolicy = this.#startPolicy(line);
    const reports = new LossReports(line);
    this.#running = { ...line, startPolicy, reports, outgoing: new Outgoing(line, maps.out, reports.topic), incoming: new Incoming(line, maps.in) };
    session.pause('upstream');
    session.resume('link');
    this.#subscribe(session, maps.out);
    this.#tellStatus('0');
    this.#uplink.start(this, maps.in.filters);
    startPolicy.begin();
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#isUp = false;
    this.#running?.startPolicy.end();
    this.#running?.outgoing.disconnected('stopped', 'us');
    this.#running?.reports.disconnected();
    this.#running?.session.pause('upstream'); // what still comes stays in the queue
    this.#tellStatus('0');
    await this.#uplink.stop(signal);
    this.#running?.budget?.close();
    this.#running?.session.disconnect({ publishWill: false });
    this.#running = undefined;
  }

  deliver(delivery: Delivery): void {
    this.#running?.outgoing.deliver(delivery);
  }

  release(packetId: number): void {
    this.#running?.outgoing.release(packetId);
  }

  published(token: number, outcome: PublishOutcome): void {
    this.#running?.incoming.published(token, outcome);
  }

  completed(packetId: number): void {
    this.#uplink.complete(packetId);
  }

  drained(): void {}

  /** Rates are for clients; a bridge has its own. */
  throttle(): void {}

  end(reason: EndReason): void {
    this.#context?.log.error('bridge session ended by the core', { bridge: this.#settings.name, reason });
    this.#running?.startPolicy.end();
    this.#running = undefined;
  }

  unusedPacketId(): number {
    return this.#running?.session.unusedPacketId() ?? 1;
  }

  isWanted(): boolean {
    return this.#running?.startPolicy.isWanted() === true;
  }

  isKnown(address: string): boolean {
    return this.#running !== undefined && isKnown(this.#running.session, address);
  }

  isStranger(address: string): boolean {
    return this.#running !== undefined && isStranger(this.#running.session, address);
  }

  onOpen(): void {
    this.#running?.incoming.connected();
  }

  onForgotten(): void {
    this.#running?.session.peerForgot();
    this.#running?.incoming.forgotten();
  }

  onUp({ isSessionPresent, inflightMax, echoes }: RemoteLimits): void {
    const { address } = this.#uplink;
    this.#isUp = true;
    this.#context?.log.info('bridge connected', { bridge: this.#settings.name, address, isSessionPresent });
    if (this.#running === undefined) return;
    const { session, outgoing, reports, guard } = this.#running;
    guard?.connected({ echoes, isSessionPresent });
    rememberRemote(session, address);
    this.#tellStatus('1');
    outgoing.connected(inflightMax);
    session.resume('upstream');
    reports.connected();
  }

  onDown(cause: string, endedBy: 'us' | 'remote'): void {
    this.#isUp = false;
    this.#running?.session.pause('upstream');
    this.#running?.session.resume('link'); // a new link starts with an empty buffer
    this.#running?.outgoing.disconnected(cause, endedBy);
    this.#running?.reports.disconnected();
    this.#running?.guard?.disconnected();
    const { address, status } = this.#uplink;
    const level = status.state === 'idle' || status.state === 'stopped' ? 'info' : 'warn'; // on purpose, or not
    this.#context?.log[level]('bridge disconnected', { bridge: this.#settings.name, address, cause });
    this.#tellStatus('0');
  }

  onFull(): void {
    this.#running?.session.pause('link');
  }

  onDrain(): void {
    this.#running?.session.resume('link');
  }

  onAcknowledged(packetId: number): void {
    this.#running?.outgoing.acknowledged(packetId);
  }

  onReceived(packetId: number): void {
    this.#running?.outgoing.received(packetId);
  }

  onRefused(packetId: number, reasonCode: number): void {
    this.#running?.outgoing.refused(packetId, reasonCode);
  }

  onPublish(view: PublishView): void {
    this.#running?.incoming.publish(view);
  }

  onRelease(packetId: number): void {
    this.#running?.incoming.release(packetId);
  }

  #startPolicy({ context, counters, uplink, settings }: BridgeLine): StartPolicy {
    const demand = { queued: this.#queued, carried: () => counters.sent.value + counters.received.value };
    return new StartPolicy(settings.start, { clock: context.clock, uplink, demand });
  }

  async #connect(context: GatewayContext): Promise<ClientSession> {
    const { inflightMax, queueLimits, policies, diskShareBytes, lossReportTopic, provenance, priorities, newestFirst } = this.#settings;
    const order = newestFirst.length === 0 ? { priorities } : { priorities, newestFirst };
    const tellsLosses = lossReportTopic !== undefined;
    const credentials = { clientId: this.name, peer: peerAddress(this.name), peerHost: '', listener: this.name, protocol: INTERNAL_PROTOCOL };
    const request = {
      credentials,
      cleanStart: false,
      sessionExpirySeconds: Number.POSITIVE_INFINITY,
      inflightMax,
      queueQos0: true,
      isNumbered: provenance !== undefined,
      queue: { ...queueLimits, whenFull: 'refuse', keepLatest: [], ...order, topicPolicies: policies, diskShareBytes, tellsLosses },
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
    this.#running?.session.publish({ topic, payload: Buffer.from(payload), qos: 0, isRetain: true }, 0);
  }
}

/** Undefined: nothing can come back, or nobody minds. */
function guardOf({ loopGuard, topics }: BridgeSettings, parts: LoopGuardParts): LoopGuard | undefined {
  return loopGuard !== undefined && (loopGuard.isAlways || mayReturn(topics)) ? new LoopGuard(loopGuard, parts) : undefined;
}
