// A gateway whose data lie on a disk of 64 MB, filled in every way there is: by what waits for a client that is away, for a bridge, by retained messages, by
// somebody else. What clients of each protocol are told, what comes back by itself, and what of the acknowledged arrives.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../../src/model/clock.ts';
import { DISK_STEPS } from '../../../src/session/disk-pressure.ts';
import { PosternCentre } from '../e2e/centre.ts';
import { type GatewayStatus, GatewayUnderTest } from '../e2e/gateway-under-test.ts';
import { freeTcpPort, freeUdpPort, HOST } from '../e2e/network.ts';
import { eventually } from '../e2e/waiting.ts';
import type { CommitterName } from '../store/process.ts';
import { Flood } from './flood.ts';
import { SmallDisk } from './small-disk.ts';
import { SnTalker } from './sn-talker.ts';
import { Talker } from './talker.ts';

/** Ways to fill the disk, and what else happens to it, in the order they are tried. */
export const PHASES = ['away-session', 'bridge', 'retained', 'somebody-else', 'read-only', 'kill', 'broken-file-system'] as const;
export type Phase = (typeof PHASES)[number];

export interface DiskFullOptions {
  readonly entry: readonly string[];
  readonly committer: CommitterName;
  readonly clock: Clock;
  /** For configuration and log; empty. */
  readonly directory: string;
  /** The library that makes calls fail. */
  readonly failingDisk: string;
  readonly phases: readonly Phase[];
  readonly say: (line: string) => void;
}

export interface DiskFullReport {
  acknowledged: number;
  /** Let go of by queues that may, and counted by the gateway. */
  evicted: number;
  /** Steps as the gateway told them below `$SYS`. */
  readonly steps: string[];
  memoryMbMost: number;
  readonly violations: string[];
}

const DISK_BYTES = 64 * 1024 * 1024;
const STEP_NAMES: readonly string[] = DISK_STEPS;
const STEP_MS_MAX = 60_000;
const QUOTA_EXCEEDED = 0x97;
const CONGESTION = 0x01; // MQTT-SN 1.2 §5.3.10
/** Long enough for an answer that should not come. */
const NO_ANSWER_MS = 700;
/** From source: the compiler's share is in it, some 40 MB, and a dozen more in the committing thread. */
const MEMORY_MB_MAX = 220;

export class DiskFullRun {
  readonly report: DiskFullReport = { acknowledged: 0, evicted: 0, steps: [], memoryMbMost: 0, violations: [] };
  readonly #options: DiskFullOptions;
  readonly #phases: Readonly<Record<Phase, () => Promise<void>>> = {
    'away-session': () => this.#byAwaySession(),
    bridge: () => this.#byBridge(),
    retained: () => this.#byRetained(),
    'somebody-else': () => this.#bySomebodyElse(),
    'read-only': () => this.#byReadOnly(),
    kill: () => this.#afterKill(),
    'broken-file-system': () => this.#byBrokenFileSystem(),
  };
  readonly #disk = new SmallDisk(DISK_BYTES);
  readonly #ports = { mqtt: 0, mqttSn: 0, centre: 0 };
  readonly #talkers: Talker[] = [];
  #gateway: GatewayUnderTest | undefined;
  #connectedSensor: SnTalker | undefined;
  /** By this process of the gateway, when it was last looked at. */
  #evictedBefore = 0;

  constructor(options: DiskFullOptions) {
    this.#options = options;
  }

  async run(): Promise<DiskFullReport> {
    try {
      await this.#start();
      for (const phase of this.#options.phases) await this.#phases[phase]();
      await this.#end();
    } catch (error) {
      this.#disk.abandon();
      throw error;
    } finally {
      for (const talker of this.#talkers) await talker.end();
      this.#connectedSensor?.close();
      await this.#gateway?.kill(); // if it still runs
    }
    return this.report;
  }

  async #start(): Promise<void> {
    const { entry, committer, clock, directory } = this.#options;
    this.#ports.mqtt = await freeTcpPort();
    this.#ports.mqttSn = await freeUdpPort();
    this.#ports.centre = await freeTcpPort();
    this.#gateway = new GatewayUnderTest({
      name: 'gateway',
      entry,
      clock,
      directory,
      data: this.#data,
      environment: { LD_PRELOAD: this.#options.failingDisk, FAULT_DIRECTORY: this.#data, FAULT_CONTROL: this.#fault },
      configuration: {
        mqtt: { tcp: { bind: `${HOST}:${this.#ports.mqtt}` } },
        mqttSn: { udp: { bind: `${HOST}:${this.#ports.mqttSn}` } },
        access: { systemTopics: 'all' },
        store: { committer, checkpointIntervalSeconds: 2 },
        bridges: [
          {
            name: 'centre',
            address: `${HOST}:${this.#ports.centre}`,
            topics: [{ filter: 'up/#', direction: 'out', qos: 1 }],
            retry: { firstSeconds: 1, capSeconds: 1, jitter: 0.5 },
          },
        ],
      },
    });
    await this.#gateway.start();
    const away = await this.#talker('away');
    await away.subscribe('log/#');
    await away.end();
    const monitor = await this.#talker('monitor', { clean: true });
    monitor.client.on('message', (topic, payload) => topic === '$SYS/broker/store/disk' && this.report.steps.push(payload.toString()));
    await monitor.subscribe('$SYS/broker/store/#');
    this.#expectCode('MQTT-SN CONNACK', await this.#sensor.connect('sensor'), 0);
  }

  /** An away session's queue drops its oldest: publishers go on, and what goes is counted. */
  async #byAwaySession(): Promise<void> {
    const publisher = await this.#talker('flooding', { clean: true });
    const flood = new Flood(publisher, 'log/reading', 'log');
    await flood.until(async () => (await this.#status()).counters['store.settled.disk-full'] !== undefined && (await this.#evicted()) > 100, STEP_MS_MAX);
    this.#expect('an away session fills the disk', this.report.steps.join(' ').startsWith('stop-lazy compact evict'), this.report.steps.join(' '));
    const evictedAt = flood.acknowledged.size;
    await flood.until(async () => flood.acknowledged.size > evictedAt + 200, STEP_MS_MAX);
    await this.#comesBack('away', 'log', flood.acknowledged);
    await this.#isAmple('when the client has taken what waited');
  }

  /** A bridge's queue refuses: everybody is told in the words of its protocol, and nothing is lost. */
  async #byBridge(): Promise<void> {
    const publisher = await this.#talker('to-centre', { clean: true });
    const flood = new Flood(publisher, 'up/reading', 'up');
    await flood.until(async () => flood.refusals.has(QUOTA_EXCEEDED), STEP_MS_MAX);
    await this.#isAt('refuse');
    const late = await this.#refusesEverybody(publisher);
    await this.#readsOn();
    const centre = this.#centre();
    await centre.start();
    try {
      const collector = new Talker(this.#ports.centre, 'collector');
      this.#talkers.push(collector);
      await collector.connected();
      await collector.subscribe('up/#');
      await this.#isAmple('when the bridge has carried what waited');
      await this.#expectSoon('MQTT 3.1.1: PUBACK comes by itself when there is room', () => late.count('puback') === 1);
      const isThere = await eventually(() => [...flood.acknowledged].every((each) => collector.received.has(each)), STEP_MS_MAX);
      const missing = [...flood.acknowledged].filter((each) => !collector.received.has(each)).length;
      this.#expect('the bridge lost nothing', isThere, `${missing} of ${flood.acknowledged.size} are missing at the centre`);
      await this.#expectSoon('the withheld message arrives', () => collector.received.has('withheld'));
      this.report.acknowledged += flood.acknowledged.size;
    } finally {
      await centre.stop();
    }
  }

  get #data(): string {
    return join(this.#disk.directory, 'data');
  }

  get #fault(): string {
    return join(this.#options.directory, 'fault');
  }

  get #sensor(): SnTalker {
    this.#connectedSensor ??= new SnTalker(this.#ports.mqttSn, this.#options.clock);
    return this.#connectedSensor;
  }

  #centre(): PosternCentre {
    const { entry, clock, directory } = this.#options;
    const home = join(directory, 'centre');
    mkdirSync(home);
    return new PosternCentre({ port: this.#ports.centre, entry, clock, directory: home });
  }

  async #refusesEverybody(publisher: Talker): Promise<Talker> {
    const { mqtt, mqttSn } = this.#ports;
    this.#expectCode('MQTT 5 PUBACK', await publisher.publish('up/x', 'refused'), QUOTA_EXCEEDED);
    this.#expectCode('MQTT 5 PUBREC', await publisher.publish('up/x', 'refused', { qos: 2 }), QUOTA_EXCEEDED);
    this.#expectCode('MQTT 5 PUBACK, retained', await publisher.publish('status/x', 'refused', { retain: true }), QUOTA_EXCEEDED);
    const stored = new Talker(mqtt, 'too-late');
    this.#talkers.push(stored);
    this.#expectCode('MQTT 5 CONNACK of a new stored session', await stored.connected(), QUOTA_EXCEEDED);
    const old = new Talker(mqtt, 'too-late-3', { protocolVersion: 4 });
    this.#talkers.push(old);
    this.#expectCode('MQTT 3.1.1 CONNACK of a new stored session', await old.connected(), 3);
    const known = await this.#talker('away');
    this.#expectCode('MQTT 5 SUBACK of a stored session', await known.subscribe('more/#'), QUOTA_EXCEEDED);
    await known.end();
    this.#expectCode('MQTT-SN PUBACK', await this.#sensor.publish('up/sn', 'refused'), CONGESTION);
    const newcomer = new SnTalker(mqttSn, this.#options.clock);
    this.#expectCode('MQTT-SN CONNACK of a new session', await newcomer.connect('too-late-sn'), CONGESTION);
    newcomer.close();
    const late = await this.#talker('late', { protocolVersion: 4, clean: true });
    this.#expectCode('MQTT 3.1.1 PUBACK is withheld', await late.publish('up/late', 'withheld', { ms: NO_ANSWER_MS }), undefined);
    return late;
  }

  /** What needs no disk goes on. */
  async #readsOn(): Promise<void> {
    const reader = await this.#talker('reader', { clean: true });
    await reader.subscribe('live/#');
    const publisher = await this.#talker('live', { clean: true });
    this.#expectCode('QoS 1 to clients that are there', await publisher.publish('live/a', 'passed on'), 0);
    await this.#expectSoon('it is delivered', () => reader.received.has('passed on'));
  }

  async #byRetained(): Promise<void> {
    const publisher = await this.#talker('retaining', { clean: true });
    const flood = new Flood(publisher, 'retained', 'ret', { retain: true, isTopicOfItsOwn: true });
    await flood.until(async () => flood.refusals.has(QUOTA_EXCEEDED), STEP_MS_MAX);
    await this.#isAt('refuse');
    await flood.clear();
    await this.#isAmple('when retained messages were cleared');
  }

  async #bySomebodyElse(): Promise<void> {
    const publisher = await this.#talker('flooding-2', { clean: true });
    this.#disk.fill();
    const flood = new Flood(publisher, 'log/reading', 'two');
    await flood.until(async () => flood.refusals.has(QUOTA_EXCEEDED), STEP_MS_MAX);
    await this.#isAt('refuse');
    this.#disk.clear();
    await this.#isAmple('when somebody else has made room');
    await this.#expectSoon('the ballast is made again', async () => (await this.#status()).store.ballastBytes > 0);
    this.#expectCode('publishers go on', await publisher.publish('log/reading', 'again'), 0);
    await this.#comesBack('away', 'two', new Set([...flood.acknowledged, 'again']));
  }

  /** Every write fails for a while: what was acknowledged is there, what was not waits, and nobody has to do anything about it. */
  async #byReadOnly(): Promise<void> {
    const publisher = await this.#talker('writing', { clean: true });
    const other = await this.#talker('writing-too', { clean: true });
    const reader = await this.#talker('watching', { clean: true });
    await reader.subscribe('live/#');
    writeFileSync(this.#fault, '30 0 write sync truncate open remove'); // EROFS
    this.#expectCode('PUBACK on a read-only disk', await publisher.publish('log/reading', 'ro-1', { ms: NO_ANSWER_MS }), undefined);
    this.#expectCode('PUBACK of what comes behind it', await other.publish('log/reading', 'ro-2'), QUOTA_EXCEEDED);
    const { writeFailure } = (await this.#status()).store;
    this.#expect('the error is named', /^SQLITE_(IOERR_WRITE|READONLY).*\(EROFS\)$/.test(writeFailure), writeFailure);
    publisher.client.publish('live/a', 'still here');
    await this.#expectSoon('QoS 0 goes on', () => reader.received.has('still here'));
    await this.#expectSoon('it has tried again', async () => ((await this.#status()).counters['store.commits.failed'] ?? 0) > 3);
    const answersBefore = publisher.count('puback');
    rmSync(this.#fault);
    await this.#expectSoon('PUBACK comes by itself', () => publisher.count('puback') > answersBefore);
    await this.#expectSoon('nothing is failing any more', async () => (await this.#status()).store.writeFailure === '');
    await this.#comesBack('away', 'ro', new Set(['ro-1']));
  }

  /** A file system that was found damaged stays read-only until it is repaired, which needs the gateway to let go of it. */
  async #byBrokenFileSystem(): Promise<void> {
    const publisher = await this.#talker('unlucky', { clean: true });
    const flood = new Flood(publisher, 'log/reading', 'broken');
    await flood.until(async () => flood.acknowledged.size > 50, STEP_MS_MAX);
    this.#disk.turnReadOnly();
    this.#expectCode('PUBACK on a broken file system', await publisher.publish('log/reading', 'never', { ms: NO_ANSWER_MS }), undefined);
    this.#expect('the error is named', (await this.#status()).store.writeFailure.includes('EROFS'), (await this.#status()).store.writeFailure);
    await this.#gateway?.kill();
    this.#evictedBefore = 0;
    this.#disk.repair();
    await this.#gateway?.start();
    await this.#comesBack('away', 'broken', flood.acknowledged);
  }

  /** What was acknowledged outlives the gateway. */
  async #afterKill(): Promise<void> {
    const publisher = await this.#talker('last', { clean: true });
    this.#disk.fill(5 * 1024 * 1024);
    const flood = new Flood(publisher, 'log/reading', 'end');
    await flood.until(async () => flood.acknowledged.size > 50 || flood.refusals.size > 0, STEP_MS_MAX);
    await this.#gateway?.kill();
    this.#evictedBefore = 0;
    this.#disk.fill();
    await this.#gateway?.start();
    await this.#isAt('refuse');
    await this.#comesBack('away', 'end', flood.acknowledged);
    this.#disk.clear();
    await this.#isAmple('after a restart on a full disk');
  }

  async #end(): Promise<void> {
    this.report.memoryMbMost = Math.round((this.#gateway?.memoryBytesMost ?? 0) / 1024 / 1024);
    this.#expect('memory stays bounded', this.report.memoryMbMost < MEMORY_MB_MAX, `${this.report.memoryMbMost} MB`);
    this.#expectOrder();
    await this.#gateway?.stop();
    this.#disk.remove();
  }

  /** Each step is one from the step before. */
  #expectOrder(): void {
    const at = this.report.steps.map((step) => STEP_NAMES.indexOf(step));
    const isInOrder = at.every((step, index) => Math.abs(step - (at[index - 1] ?? 0)) <= 1);
    this.#expect('steps are taken one by one', isInOrder, this.report.steps.join(' '));
  }

  /** Everything acknowledged arrives, or was let go of and counted. */
  async #comesBack(clientId: string, what: string, acknowledged: ReadonlySet<string>): Promise<void> {
    const client = await this.#talker(clientId);
    await eventually(async () => (await this.#status()).store.queuedMessages === 0, STEP_MS_MAX);
    const missing = [...acknowledged].filter((each) => !client.received.has(each)).length;
    const dropped = (await this.#evicted()) - this.#evictedBefore;
    this.#evictedBefore += dropped;
    this.report.evicted += dropped;
    this.report.acknowledged += acknowledged.size;
    this.#options.say(`${what}: ${acknowledged.size} acknowledged, ${missing} did not arrive, ${dropped} let go of`);
    this.#expect(`${what}: nothing is lost beyond what was counted`, missing <= dropped, `${missing} are missing, ${dropped} were counted`);
    await client.end();
  }

  async #isAt(step: string): Promise<void> {
    await this.#expectSoon(`the gateway says ${step}`, async () => (await this.#status()).store.diskStep === step);
  }

  async #isAmple(when: string): Promise<void> {
    await this.#expectSoon(`there is room again ${when}`, async () => (await this.#status()).store.diskStep === 'ample');
    const { roomBytes, storeBytes } = (await this.#status()).store;
    this.#options.say(`${when}: room for ${Math.round(roomBytes / 1024)} KiB, the store has ${Math.round(storeBytes / 1024)} KiB`);
  }

  async #evicted(): Promise<number> {
    return (await this.#status()).counters['messages.dropped.disk-full'] ?? 0;
  }

  async #status(): Promise<GatewayStatus> {
    if (this.#gateway === undefined) throw new Error('the gateway is not there');
    return this.#gateway.status();
  }

  async #talker(...[clientId, options]: [string, ConstructorParameters<typeof Talker>[2]?]): Promise<Talker> {
    const talker = new Talker(this.#ports.mqtt, clientId, options);
    this.#talkers.push(talker);
    this.#expectCode(`CONNACK of ${clientId}`, await talker.connected(), 0);
    return talker;
  }

  #expectCode(what: string, found: number | undefined, expected: number | undefined): void {
    this.#expect(what, found === expected, `${found} instead of ${expected}`);
  }

  async #expectSoon(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
    this.#expect(what, await eventually(isTrue, STEP_MS_MAX), `not within ${STEP_MS_MAX / 1_000} s`);
  }

  #expect(what: string, isTrue: boolean, found: string): void {
    if (!isTrue) this.report.violations.push(`${what}: ${found}`);
    if (!isTrue) this.#options.say(`VIOLATION ${what}: ${found}`);
  }
}
