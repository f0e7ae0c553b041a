// One run: sensors and applications publish through a gateway that is killed again and again, towards a centre that comes and goes; at the end
// what was acknowledged and what arrived are laid side by side.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../../src/model/clock.ts';
import type { CommitterName } from '../store/process.ts';
import type { Centre } from './centre.ts';
import { Collector } from './collector.ts';
import { Disturbances } from './disturbances.ts';
import { Fleet } from './fleet.ts';
import { GatewayUnderTest } from './gateway-under-test.ts';
import { Arrivals, Ledger } from './ledger.ts';
import { Link } from './link.ts';
import { freeTcpPort, freeUdpPort, HOST } from './network.ts';
import { type Random, seeded } from './random.ts';
import { unreadDatagramsMax } from './receive-queue.ts';
import type { ChaosReport } from './report.ts';
import { Sensor } from './sensor.ts';
import { Uplinked } from './sensor-link.ts';
import { eventually } from './waiting.ts';
import { ExchangeWitness } from './witnesses/exchanges.ts';
import { RetainedWitness } from './witnesses/retained.ts';
import { SubscriptionWitness } from './witnesses/subscriptions.ts';
import { WillWitness } from './witnesses/wills.ts';
import type { Witness } from './witnesses/witness.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly kills: number;
  readonly sensors: number;
  /** Highest QoS on the bridge: exactly once ends there at 1. */
  readonly bridgeQos: 1 | 2;
  /** Node's arguments up to the entry of the gateway. */
  readonly entry: readonly string[];
  readonly committer: CommitterName;
  /** Compiled from test/support/slow-fsync.c. */
  readonly slowFsync: string;
  /** Empty, and on a disk. */
  readonly directory: string;
  readonly mosquittoPub: string;
  readonly clock: Clock;
  readonly centre: Centre;
  /** No further round begins after this long. */
  readonly secondsMax?: number;
  /** Patience with what is still under way after the last kill. */
  readonly calmMsMax: number;
  /** Told after each round. */
  readonly onRound?: (round: number, acknowledged: number) => void;
}

/** Every commit takes this much longer, as on a card: most kills then fall between receipt and acknowledgement. */
const SLOW_SYNC_MS = 4;
const WILL_GRACE_SECONDS = 2;
/** A sensor that falls silent is given up after one and a half of it (§7.2). */
const SILENT_KEEP_ALIVE_SECONDS = 2;
/** Time under load before each kill. */
const LOAD_MS = { from: 100, to: 500 };
/** From the last state made until the kill. */
const BEFORE_KILL_MS = { from: 0, to: 30 };
/** This share of the kills waits for a moment when an answer is owed; the others come at any. */
const EAGER_SHARE = 0.6;
const EAGER_MS_MAX = 100;
/** What the frozen gateway had sent is in our sockets; this is for reading it. */
const DRAIN_MS = 5;
const DISTURB_EVERY = 2;
/** After everything has arrived: for copies that should not come. */
const AFTERMATH_MS = 1_500;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const chaos = new Chaos(options, await ports());
  try {
    await chaos.start();
    for (let round = 1; round <= options.kills && !chaos.isOverdue; round += 1) await chaos.round(round);
    return await chaos.finish();
  } finally {
    await chaos.stop();
  }
}

interface Ports {
  readonly mqtt: number;
  readonly mqttSn: number;
}

async function ports(): Promise<Ports> {
  return { mqtt: await freeTcpPort(), mqttSn: await freeUdpPort() };
}

class Chaos {
  readonly #options: ChaosOptions;
  readonly #ports: Ports;
  readonly #random: Random;
  readonly #complaints: string[] = [];
  readonly #ledger = new Ledger();
  readonly #atCentre = new Arrivals(this.#ledger);
  readonly #atGateway = new Arrivals(this.#ledger);
  readonly #link: Link;
  readonly #disturbances: Disturbances;
  readonly #opened: { stop(): Promise<unknown> }[] = [];
  #gateway: GatewayUnderTest | undefined;
  #fleet: Fleet | undefined;
  #witnesses: readonly Witness[] = [];
  #kills = 0;
  #killsBeforeAnswer = 0;
  readonly #startedMs = performance.now();

  constructor(options: ChaosOptions, at: Ports) {
    this.#options = options;
    this.#ports = at;
    this.#random = seeded(options.seed);
    this.#link = new Link(options.centre.port);
    this.#disturbances = new Disturbances({ centre: options.centre, link: this.#link, random: this.#random.fork('disturbances') });
  }

  async start(): Promise<void> {
    const { centre } = this.#options;
    const complain = (what: string): void => void this.#complaints.push(what);
    const linkPort = await this.#link.listen();
    this.#opened.push({ stop: () => this.#link.close() });
    await centre.start();
    this.#opened.push(centre);
    await this.#collect(centre.port, this.#atCentre, complain);
    this.#gateway = this.#newGateway(linkPort);
    await this.#gateway.start();
    this.#opened.push(this.#gateway);
    await this.#collect(this.#ports.mqtt, this.#atGateway, complain);
    this.#witnesses = this.#newWitnesses(complain);
    for (const witness of this.#witnesses) {
      this.#opened.push(witness);
      await witness.start();
    }
    this.#fleet = this.#newFleet(complain);
    this.#opened.push(this.#fleet);
    await this.#fleet.start();
  }

  get isOverdue(): boolean {
    const { secondsMax = Number.POSITIVE_INFINITY } = this.#options;
    return performance.now() - this.#startedMs > secondsMax * 1000;
  }

  async round(round: number): Promise<void> {
    const gateway = this.#running();
    if (round % DISTURB_EVERY === 0) this.#disturbances.begin();
    await delay(this.#random.between(LOAD_MS.from, LOAD_MS.to));
    await Promise.all(this.#witnesses.map((witness) => witness.prepare(round)));
    await delay(this.#random.between(BEFORE_KILL_MS.from, BEFORE_KILL_MS.to));
    await this.#kill(gateway);
    await gateway.start();
    for (const witness of this.#witnesses) await witness.verify(round);
    this.#options.onRound?.(round, this.#ledger.acknowledgedCount);
  }

  async finish(): Promise<ChaosReport> {
    const gateway = this.#running();
    await this.#disturbances.settled();
    await this.#calmDown(gateway);
    for (const witness of this.#witnesses) await witness.finish();
    await delay(AFTERMATH_MS);
    const { store, counters } = await gateway.status();
    if (store.damagedGroups.length > 0) this.#complaints.push(`groups of the log damaged: ${store.damagedGroups.join(', ')}`);
    if (store.boot !== this.#kills + 1) this.#complaints.push(`the store counts ${store.boot} boots, there were ${this.#kills + 1}`);
    if ((counters['store.settled.unreadable'] ?? 0) > 0) this.#complaints.push('messages could not be read back');
    return this.#report();
  }

  /** In the reverse order of `start`; a gateway that fails to stop in order is a finding of its own. */
  async stop(): Promise<void> {
    for (const part of this.#opened.reverse()) await part.stop();
  }

  async #collect(port: number, arrivals: Arrivals, complain: (what: string) => void): Promise<void> {
    const collector = new Collector({ port, clientId: 'collector', arrivals, complain });
    this.#opened.push(collector);
    await collector.subscribe('readings/#');
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
        mqtt: { tcp: { bind: `${HOST}:${this.#ports.mqtt}` } },
        mqttSn: { udp: { bind: `${HOST}:${this.#ports.mqttSn}` }, retrySeconds: 1, retries: 60 },
        will: { restartGraceSeconds: WILL_GRACE_SECONDS },
        bridges: [
          {
            name: 'centre',
            address: `${HOST}:${linkPort}`,
            topics: [{ filter: 'readings/#', direction: 'out', qos: bridgeQos }],
            retry: { firstSeconds: 1, capSeconds: 1, jitter: 0.9 },
            keepAliveSeconds: 5,
            inflightMax: 50,
          },
        ],
        store: { committer, checkpointLogBytes: '64KiB', checkpointIntervalSeconds: 2 }, // so that kills meet checkpoints as well
      },
    });
  }

  #newWitnesses(complain: (what: string) => void): Witness[] {
    const { clock } = this.#options;
    const mqttPort = this.#ports.mqtt;
    const random = this.#random.fork('witnesses');
    return [
      new WillWitness({ mqttPort, complain, graceMs: WILL_GRACE_SECONDS * 1000, newSensor: (id) => this.#silentSensor(id, complain) }), // first: before the grace ends
      new RetainedWitness({ mqttPort, complain, random }),
      new SubscriptionWitness({ mqttPort, complain, random }),
      new ExchangeWitness({ port: this.#ports.mqttSn, clock, random, ledger: this.#ledger, complain }),
    ];
  }

  #silentSensor(clientId: string, complain: (what: string) => void): Sensor {
    return new Sensor({
      clientId,
      port: this.#ports.mqttSn,
      losses: { drop: 0, duplicate: 0, reorder: 0 },
      random: this.#random.fork(clientId),
      clock: this.#options.clock,
      ledger: this.#ledger,
      uplinked: new Uplinked(),
      keepAliveSeconds: SILENT_KEEP_ALIVE_SECONDS,
      retryMs: 100,
      retries: 100,
      will: { topicName: `wills/${clientId}`, message: clientId },
      complain,
    });
  }

  #newFleet(complain: (what: string) => void): Fleet {
    const { sensors, mosquittoPub, clock } = this.#options;
    const { mqtt: mqttPort, mqttSn: sensorPort } = this.#ports;
    return new Fleet({ sensors, sensorPort, mqttPort, mosquittoPub, random: this.#random.fork('fleet'), clock, ledger: this.#ledger, complain });
  }

  async #kill(gateway: GatewayUnderTest): Promise<void> {
    if (this.#random.chance(EAGER_SHARE)) await eventually(() => this.#isAnswerOwed(), EAGER_MS_MAX);
    gateway.freeze();
    await delay(DRAIN_MS);
    this.#kills += 1;
    if (this.#isAnswerOwed()) this.#killsBeforeAnswer += 1;
    for (const witness of this.#witnesses) witness.frozen();
    await gateway.kill();
  }

  /** Whether the gateway has read a sensor's request that it has not answered. */
  #isAnswerOwed(): boolean {
    return this.#fleet?.hasUnansweredBefore(unreadDatagramsMax(this.#ports.mqttSn)) === true;
  }

  async #calmDown(gateway: GatewayUnderTest): Promise<void> {
    const { calmMsMax } = this.#options;
    const fleet = this.#fleet;
    fleet?.pause();
    if (!(await eventually(() => fleet?.isIdle === true, calmMsMax))) this.#complaints.push('publishers still wait for acknowledgements');
    const queued = async (): Promise<number> => (await gateway.status()).store.queuedMessages;
    if (!(await eventually(async () => (await queued()) === 0, calmMsMax)))
      this.#complaints.push(`${await queued()} messages stay in the queues of the gateway`);
    const collectors = [this.#atCentre, this.#atGateway, ...(fleet?.commandLines.map(({ arrivals }) => arrivals) ?? [])];
    await eventually(() => collectors.every(({ isComplete }) => isComplete), calmMsMax);
  }

  #running(): GatewayUnderTest {
    if (this.#gateway === undefined) throw new Error('the gateway is not running');
    return this.#gateway;
  }

  #report(): ChaosReport {
    const { seed, centre, bridgeQos } = this.#options;
    const fleet = this.#fleet;
    return {
      seed,
      centre: centre.name,
      bridgeQos,
      seconds: (performance.now() - this.#startedMs) / 1000,
      kills: this.#kills,
      killsBeforeAnswer: this.#killsBeforeAnswer,
      acknowledged: this.#ledger.acknowledgedCount,
      commandsAcknowledged: fleet?.commandLines.reduce((sum, { ledger }) => sum + ledger.acknowledgedCount, 0) ?? 0,
      sensorReconnects: fleet?.reconnects ?? 0,
      batches: fleet?.batches ?? { acknowledged: 0, unknown: 0 },
      disturbances: { ...this.#disturbances.counts },
      ways: [
        { name: 'at the centre', isExactlyOnce: bridgeQos === 2, findings: this.#atCentre.findings() },
        { name: 'at the subscriber of the gateway', isExactlyOnce: true, findings: this.#atGateway.findings() },
        ...(fleet?.commandLines.map(({ name, arrivals }) => ({ name: `commands at ${name}`, isExactlyOnce: true, findings: arrivals.findings() })) ?? []),
      ],
      complaints: this.#complaints,
    };
  }
}
