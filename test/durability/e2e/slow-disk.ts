// A kill cannot show that a flush is missing: the kernel keeps what was written. Time can: on a disk that takes 200 ms to flush no acknowledgement
// of something that must not be forgotten comes sooner than 200 ms after its message.
import type { MqttClient } from 'mqtt';
import type { Packet, Publish } from '../../../gateways/mqtt-sn/packets.ts';
import type { Clock } from '../../../src/model/clock.ts';
import type { CommitterName } from '../store/process.ts';
import { GatewayUnderTest } from './gateway-under-test.ts';
import { passingClient, persistentClient, published } from './mqtt-client.ts';
import { freeTcpPort, freeUdpPort, HOST } from './network.ts';
import { seeded } from './random.ts';
import { Requests } from './requests.ts';
import { SensorLink, Uplinked } from './sensor-link.ts';

export interface SlowDiskOptions {
  readonly entry: readonly string[];
  readonly slowFsync: string;
  readonly directory: string;
  readonly clock: Clock;
  readonly committer: CommitterName;
  /** How long a flush takes. */
  readonly syncMs: number;
  /** Exchanges of each kind. */
  readonly rounds: number;
}

/** One kind of answer. */
export interface AnswerTimes {
  readonly name: string;
  readonly soonestMs: number;
  readonly count: number;
}

export interface SlowDiskReport {
  readonly syncMs: number;
  readonly answers: readonly AnswerTimes[];
  readonly violations: readonly string[];
}

/** Answers are waited for as long as it takes; nothing is repeated. */
const REQUEST_RULES = { retryMs: 30_000, retries: 0 };
const MQTT_ANSWERS: Readonly<Record<string, string>> = {
  suback: 'subscribe',
  unsuback: 'unsubscribe',
  puback: 'publish',
  pubrec: 'publish',
  pubcomp: 'pubrel',
};
const KEEP_ALIVE_SECONDS = 600;

export async function runSlowDisk(options: SlowDiskOptions): Promise<SlowDiskReport> {
  const { clock, syncMs, rounds } = options;
  const mqttPort = await freeTcpPort();
  const mqttSnPort = await freeUdpPort();
  const gateway = gatewayOn(mqttPort, mqttSnPort, options);
  const times = new Times();
  await gateway.start();
  const client = persistentClient(mqttPort, 'slow-disk', { keepalive: KEEP_ALIVE_SECONDS });
  try {
    watch(client, times);
    await client.subscribeAsync('readings/#', { qos: 2 }); // from now on there is a queue that readings are promised to
    for (let round = 1; round <= rounds; round += 1) await exchangeMqtt(client, round);
    await exchangeMqttSn({ port: mqttSnPort, clock, times, rounds });
  } finally {
    await client.endAsync(true);
    await gateway.kill();
  }
  const answers = times.list();
  const violations = answers.filter(({ soonestMs }) => soonestMs < syncMs).map(({ name, soonestMs }) => `${name} after ${soonestMs.toFixed(1)} ms`);
  return { syncMs, answers, violations };
}

function gatewayOn(
  mqttPort: number,
  mqttSnPort: number,
  { entry, slowFsync, directory, clock, committer, syncMs }: Omit<SlowDiskOptions, 'rounds'>,
): GatewayUnderTest {
  const store = { committer, defaultClass: 'strict' }; // in `grouped` a subscriber that is quicker than the disk spares the flush
  return new GatewayUnderTest({
    name: 'gateway',
    entry,
    directory,
    clock,
    environment: { LD_PRELOAD: slowFsync, SLOWSYNC_MS: `${syncMs}` },
    configuration: { mqtt: { tcp: { bind: `${HOST}:${mqttPort}` } }, mqttSn: { udp: { bind: `${HOST}:${mqttSnPort}` } }, store },
  });
}

/**
 * What another client gets done while a publisher waits for its commits.
 *
 * @returns per publish: how many messages of QoS 0 the other sent and received from then until its PUBACK, one after the other.
 */
export async function runBystander(options: SlowDiskOptions): Promise<number[]> {
  const mqttPort = await freeTcpPort();
  const gateway = gatewayOn(mqttPort, await freeUdpPort(), options);
  await gateway.start();
  const publisher = persistentClient(mqttPort, 'publisher', { keepalive: KEEP_ALIVE_SECONDS });
  const bystander = passingClient(mqttPort);
  try {
    await publisher.subscribeAsync('readings/#', { qos: 1 });
    await bystander.subscribeAsync('echo', { qos: 0 });
    const counts: number[] = [];
    for (let round = 1; round <= options.rounds; round += 1)
      counts.push(await roundTripsDuring(published(publisher, { topic: 'readings/1', payload: '1', qos: 1 }), bystander));
    return counts;
  } finally {
    await Promise.all([publisher.endAsync(true), bystander.endAsync(true)]);
    await gateway.kill();
  }
}

async function roundTripsDuring(work: Promise<unknown>, client: MqttClient): Promise<number> {
  let isOver = false;
  let count = 0;
  void work.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const back = new Promise((resolve) => client.once('message', resolve));
    await client.publishAsync('echo', '1', { qos: 0 });
    await back;
    count += 1;
  }
  return count;
}

class Times {
  readonly #times = new Map<string, number[]>();

  add(name: string, elapsedMs: number): void {
    this.#times.set(name, [...(this.#times.get(name) ?? []), elapsedMs]);
  }

  list(): AnswerTimes[] {
    return [...this.#times].map(([name, times]) => ({ name, count: times.length, soonestMs: Math.min(...times) }));
  }
}

function watch(client: MqttClient, times: Times): void {
  const dialedMs = performance.now();
  client.once('connect', () => times.add('MQTT CONNACK', performance.now() - dialedMs));
  const sentMs = new Map<string, number>();
  client.on('packetsend', (packet) => {
    if (packet.messageId !== undefined) sentMs.set(`${packet.cmd} ${packet.messageId}`, performance.now());
  });
  client.on('packetreceive', (packet) => {
    const startedMs = sentMs.get(`${MQTT_ANSWERS[packet.cmd]} ${packet.messageId}`);
    if (startedMs !== undefined) times.add(`MQTT ${packet.cmd.toUpperCase()}`, performance.now() - startedMs);
  });
}

async function exchangeMqtt(client: MqttClient, round: number): Promise<void> {
  await client.subscribeAsync(`extra/${round}`, { qos: 1 });
  await published(client, { topic: 'readings/mqtt', payload: `${round}`, qos: 1 });
  await published(client, { topic: 'readings/mqtt', payload: `${round}`, qos: 2 });
  await client.unsubscribeAsync(`extra/${round}`);
}

interface MqttSnExchanges {
  readonly port: number;
  readonly clock: Clock;
  readonly times: Times;
  readonly rounds: number;
}

async function exchangeMqttSn({ port, clock, times, rounds }: MqttSnExchanges): Promise<void> {
  const losses = { drop: 0, duplicate: 0, reorder: 0 };
  const random = seeded(1);
  const link = new SensorLink({ port, losses, random, clock, uplinked: new Uplinked(), onPacket: (packet) => requests.receive(packet) });
  const requests = new Requests(link, { ...REQUEST_RULES, clock, random });
  const ask = async (packet: Packet, answerType: Packet['type']): Promise<Packet> => {
    const startedMs = performance.now();
    const answer = await requests.ask(packet, ({ type }) => type === answerType);
    times.add(`MQTT-SN ${answerType}`, performance.now() - startedMs);
    return answer;
  };
  try {
    await ask({ type: 'CONNECT', hasWill: false, isCleanSession: false, protocolId: 1, durationSeconds: KEEP_ALIVE_SECONDS, clientId: 'slow-disk' }, 'CONNACK');
    for (let round = 1; round <= rounds; round += 1) {
      const registered = await ask({ type: 'REGISTER', topicId: 0, msgId: round, topicName: `readings/sn/${round}` }, 'REGACK');
      const topicId = registered.type === 'REGACK' ? registered.topicId : 0;
      const publish: Publish = {
        type: 'PUBLISH',
        isDuplicate: false,
        qos: 1,
        isRetain: false,
        topicIdType: 'normal',
        topicId,
        msgId: round,
        data: Buffer.from('1'),
      };
      await ask(publish, 'PUBACK');
      await ask({ ...publish, qos: 2 }, 'PUBREC');
      await ask({ type: 'PUBREL', msgId: round }, 'PUBCOMP');
      await ask({ type: 'SUBSCRIBE', isDuplicate: false, qos: 1, msgId: round, topic: { kind: 'name', topicName: `extra/${round}` } }, 'SUBACK');
      await ask({ type: 'UNSUBSCRIBE', msgId: round, topic: { kind: 'name', topicName: `extra/${round}` } }, 'UNSUBACK');
    }
    await ask({ type: 'DISCONNECT', durationSeconds: KEEP_ALIVE_SECONDS }, 'DISCONNECT'); // to sleep: the promise to keep what comes
  } finally {
    requests.abandon();
    link.close();
  }
}
