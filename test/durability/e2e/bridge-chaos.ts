// One run of a bridge: both ends are killed and started again and the wire between them breaks, in random order, while readings go out and commands come
// in; at the end what was acknowledged and what arrived are laid side by side.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../../src/model/clock.ts';
import type { CommitterName } from '../store/process.ts';
import type { BridgeReport } from './bridge-report.ts';
import type { Centre } from './centre.ts';
import { Collector } from './collector.ts';
import { GatewayUnderTest } from './gateway-under-test.ts';
import { Arrivals, Ledger } from './ledger.ts';
import { Link } from './link.ts';
import { LossReports } from './loss-reports.ts';
import { freeTcpPort, HOST } from './network.ts';
import { MqttPublisher } from './publisher.ts';
import { type Random, seeded } from './random.ts';
import { eventually } from './waiting.ts';

export interface BridgeChaosOptions {
  readonly seed: number;
  /** Of either end. */
  readonly kills: number;
  readonly bridgeQos: 1 | 2;
  /** Node's arguments up to the entry of the gateway. */
  readonly entry: readonly string[];
  readonly committer: CommitterName;
  /** Compiled from test/support/slow-fsync.c. */
  readonly slowFsync: string;
  /** Empty, and on a disk. */
  readonly directory: string;
  readonly clock: Clock;
  readonly centre: Centre;
  /** No further round begins after this long. */
  readonly secondsMax?: number;
  /** Patience with what is still under way after the last kill. */
  readonly calmMsMax: number;
  /** Told after each round. */
  readonly onRound?: (kills: number, acknowledged: number) => void;
}

/** Every commit takes this much longer, as on a card. */
const SLOW_SYNC_MS = 4;
const PUBLISHERS = 3;
/** Of samples: at QoS 2, so that it is known of each whether it arrived before a kill. */
const SAMPLERS = 2;
/** More of them do not wait for the centre. */
const SAMPLES_MAX = 10;
/** Of the bridge. */
const INFLIGHT_MAX = 50;
const BRIDGE = 'bridge:centre';
const LOSSES = 'losses';
const WINDOW = 4;
const PAUSE_MS = 15;
/** Time under load before each event. */
const LOAD_MS = { from: 50, to: 400 };
const AWAY_MS = { from: 0, to: 400 };
/** Of either direction: within packets of the handshake, within a PUBLISH, between packets. */
const CUT_AFTER_BYTES = { from: 1, to: 6_000 };
const CUT_MS_MAX = 1_500;
/** After everything has arrived: for copies that should not come. */
const AFTERMATH_MS = 1_500;
/** Kills of either end are what the run is for; the others are strewn in between. */
const EVENTS = ['gateway', 'gateway', 'centre', 'centre', 'both', 'cut', 'cut-within', 'silence'] as const;

export async function runBridgeChaos(options: BridgeChaosOptions): Promise<BridgeReport> {
  const chaos = new BridgeChaos(options, await freeTcpPort());
  try {
    await chaos.start();
    while (chaos.kills < options.kills && !chaos.isOverdue) await chaos.round();
    return await chaos.finish();
  } finally {
    await chaos.stop();
  }
}

class BridgeChaos {
  readonly #options: BridgeChaosOptions;
  readonly #port: number;
  readonly #random: Random;
  readonly #complaints: string[] = [];
  readonly #readings = new Ledger();
  readonly #commands = new Ledger();
  readonly #samples = new Ledger();
  readonly #atCentre = new Arrivals(this.#readings);
  readonly #atGateway = new Arrivals(this.#commands);
  readonly #samplesAtCentre = new Arrivals(this.#samples);
  readonly #losses = new LossReports();
  readonly #link: Link;
  readonly #counts = { gateway: 0, centre: 0, cuts: 0, silences: 0 };
  readonly #opened: { stop(): Promise<unknown> }[] = [];
  #gateway: GatewayUnderTest | undefined;
  #publishers: readonly MqttPublisher[] = [];
  readonly #startedMs = performance.now();

  constructor(options: BridgeChaosOptions, port: number) {
    this.#options = options;
    this.#port = port;
    this.#random = seeded(options.seed);
    this.#link = new Link(options.centre.port);
  }

  get kills(): number {
    return this.#counts.gateway + this.#counts.centre;
  }

  get isOverdue(): boolean {
    const { secondsMax = Number.POSITIVE_INFINITY } = this.#options;
    return performance.now() - this.#startedMs > secondsMax * 1000;
  }

  async start(): Promise<void> {
    const { centre } = this.#options;
    const linkPort = await this.#link.listen();
    this.#opened.push({ stop: () => this.#link.close() });
    await centre.start();
    this.#opened.push(centre);
    this.#gateway = this.#newGateway(linkPort);
    await this.#gateway.start();
    this.#opened.push(this.#gateway);
    await this.#collect(centre.port, 'readings/#', this.#atCentre);
    await this.#collect(centre.port, 'samples/#', this.#samplesAtCentre);
    await this.#collect(centre.port, LOSSES, this.#losses);
    await this.#collect(this.#port, 'commands/#', this.#atGateway);
    this.#publishers = [
      ...this.#newPublishers('sample', { port: this.#port, ledger: this.#samples, count: SAMPLERS, qos: 2 }),
      ...this.#newPublishers('reading', { port: this.#port, ledger: this.#readings }),
      ...this.#newPublishers('command', { port: centre.port, ledger: this.#commands }),
    ];
    this.#opened.push(...this.#publishers);
    await this.#isBridged();
    for (const publisher of this.#publishers) publisher.run();
  }

  async round(): Promise<void> {
    const { from, to } = LOAD_MS;
    await delay(this.#random.between(from, to));
    await this.#happen(this.#random.pick(EVENTS));
    this.#options.onRound?.(this.kills, this.#readings.acknowledgedCount + this.#commands.acknowledgedCount);
  }

  async finish(): Promise<BridgeReport> {
    await this.#calmDown();
    await delay(AFTERMATH_MS);
    const { seed, centre, bridgeQos } = this.#options;
    const isExactlyOnce = bridgeQos === 2;
    const samples = this.#samplesAtCentre.findings();
    this.#complaints.push(...this.#losses.comparedWith(samples, isExactlyOnce ? 0 : INFLIGHT_MAX * this.#counts.gateway));
    // Mosquitto 2.0.11 sends a PUBLISH of QoS 2 once more after our PUBREC when it was restarted, and what is new before what had waited.
    const commandsAre = centre.name === 'mosquitto' ? ({ isExactlyOnce: false, isOrdered: false } as const) : { isExactlyOnce };
    return {
      seed,
      centre: centre.name,
      bridgeQos,
      seconds: (performance.now() - this.#startedMs) / 1000,
      counts: { ...this.#counts },
      acknowledged: { readings: this.#readings.acknowledgedCount, commands: this.#commands.acknowledgedCount },
      samples: { acknowledged: this.#samples.acknowledgedCount, missing: samples.lost.length, reported: this.#losses.total },
      ways: [
        { name: 'samples at the centre, but for those that were dropped', isExactlyOnce, findings: { ...samples, lost: [] } },
        { name: 'readings at the centre', isExactlyOnce, findings: this.#atCentre.findings() },
        { name: 'commands at the gateway', ...commandsAre, findings: this.#atGateway.findings() },
      ],
      complaints: this.#complaints,
    };
  }

  /** In the reverse order of `start`. */
  async stop(): Promise<void> {
    for (const part of this.#opened.reverse()) await part.stop();
  }

  async #happen(event: (typeof EVENTS)[number]): Promise<void> {
    switch (event) {
      case 'gateway':
        return this.#killGateway();
      case 'centre':
        return this.#killCentre();
      case 'both':
        await Promise.all([this.#killGateway(), this.#killCentre()]);
        return undefined;
      case 'cut':
        this.#counts.cuts += 1;
        return this.#link.cut();
      case 'cut-within':
        return this.#cutWithin();
      case 'silence':
        return this.#silence();
    }
  }

  async #killGateway(): Promise<void> {
    const gateway = this.#running();
    await this.#while(gateway.kill());
    this.#counts.gateway += 1;
    await gateway.start();
  }

  async #killCentre(): Promise<void> {
    const { centre } = this.#options;
    await this.#while(centre.bringDown());
    this.#counts.centre += 1;
    await centre.start();
  }

  async #cutWithin(): Promise<void> {
    const { from, to } = CUT_AFTER_BYTES;
    const before = this.#link.cuts;
    this.#link.cutAfter(this.#random.between(from, to));
    if (await eventually(() => this.#link.cuts > before, CUT_MS_MAX)) this.#counts.cuts += 1;
  }

  async #silence(): Promise<void> {
    this.#counts.silences += 1;
    this.#link.silence();
    await this.#while(Promise.resolve());
    this.#link.restore();
  }

  /** And a while longer. */
  async #while(gone: Promise<void>): Promise<void> {
    await gone;
    await delay(this.#random.between(AWAY_MS.from, AWAY_MS.to));
  }

  async #calmDown(): Promise<void> {
    const { calmMsMax } = this.#options;
    for (const publisher of this.#publishers) publisher.pause();
    const busy = (): string[] => this.#publishers.filter(({ isIdle }) => !isIdle).map(({ name }) => name);
    if (!(await eventually(() => busy().length === 0, calmMsMax))) this.#complaints.push(`still waiting for acknowledgements: ${busy().join(' ')}`);
    const gateway = this.#running();
    const waiting = async (): Promise<number> => (await gateway.status()).store.queuedMessages;
    if (!(await eventually(async () => (await waiting()) === 0, calmMsMax))) this.#complaints.push(`${await waiting()} messages stay in the gateway`);
    await eventually(() => this.#atCentre.isComplete && this.#atGateway.isComplete, calmMsMax);
    const lost = Object.values(await gateway.lostBy(BRIDGE)).reduce((sum, count) => sum + count, 0);
    if (!(await eventually(() => this.#losses.total === lost, calmMsMax))) this.#complaints.push(`${lost} were lost, ${this.#losses.total} are reported`);
    const { store } = await gateway.status();
    if (store.boot !== this.#counts.gateway + 1) this.#complaints.push(`the store counts ${store.boot} boots, there were ${this.#counts.gateway + 1}`);
  }

  /** The remote forgets what nobody has subscribed to yet: commands begin when the bridge has. */
  async #isBridged(): Promise<void> {
    const gateway = this.#running();
    const isConnected = async (): Promise<boolean> => (await gateway.status()).bridges.every((bridge) => bridge.isConnected);
    if (!(await eventually(isConnected, this.#options.calmMsMax))) throw new Error('the bridge does not connect');
  }

  async #collect(port: number, filter: string, arrivals: Pick<Arrivals, 'record'>): Promise<void> {
    const clientId = `collector-${this.#opened.length}`;
    const collector = new Collector({ port, clientId, arrivals, complain: (what) => void this.#complaints.push(what) });
    this.#opened.push(collector);
    await collector.subscribe(filter);
  }

  #newPublishers(
    kind: string,
    { port, ledger, count = PUBLISHERS, ...qos }: { readonly port: number; readonly ledger: Ledger; readonly count?: number; readonly qos?: 2 },
  ): MqttPublisher[] {
    return Array.from({ length: count }, (_, index) => {
      const clientId = `${kind}-${index}`;
      const complain = (what: string): void => void this.#complaints.push(what);
      return new MqttPublisher({ clientId, port, ledger, complain, topicOf: () => `${kind}s/${clientId}`, window: WINDOW, pauseMs: PAUSE_MS, ...qos });
    });
  }

  #newGateway(linkPort: number): GatewayUnderTest {
    const { directory, entry, clock, slowFsync, bridgeQos, committer } = this.#options;
    const home = join(directory, 'gateway');
    mkdirSync(home);
    return new GatewayUnderTest({
      name: 'gateway',
      entry,
      clock,
      directory: home,
      environment: { LD_PRELOAD: slowFsync, SLOWSYNC_MS: `${SLOW_SYNC_MS}` },
      configuration: {
        log: { format: 'text' },
        mqtt: { tcp: { bind: `${HOST}:${this.#port}` } },
        mqttSn: { udp: { enabled: false } },
        bridges: [
          {
            name: 'centre',
            address: `${HOST}:${linkPort}`,
            topics: [
              { filter: 'readings/#', direction: 'out', qos: bridgeQos },
              { filter: 'samples/#', direction: 'out', qos: bridgeQos },
              { filter: 'commands/#', direction: 'in', qos: bridgeQos },
            ],
            policies: [{ topics: ['samples/#'], whenFull: 'drop-oldest', messagesMax: SAMPLES_MAX }],
            lossReportTopic: LOSSES,
            retry: { firstSeconds: 1, capSeconds: 1, jitter: 0.9 },
            keepAliveSeconds: 5,
            inflightMax: INFLIGHT_MAX,
          },
        ],
        store: { committer, checkpointLogBytes: '64KiB', checkpointIntervalSeconds: 2 }, // so that kills meet checkpoints as well
      },
    });
  }

  #running(): GatewayUnderTest {
    if (this.#gateway === undefined) throw new Error('the gateway is not running');
    return this.#gateway;
  }
}
