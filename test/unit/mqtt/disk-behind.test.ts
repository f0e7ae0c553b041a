// A disk that takes the first commit and answers no more, on the store the gateway ships with: whatever clients go on to send, what waits for the disk
// stays within its bounds, and nothing of it is lost or out of order once the disk answers.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Broker, DEFAULT_BROKER_SETTINGS } from '../../../src/broker/broker.ts';
import { gatewayClock } from '../../../src/model/clock.ts';
import { CONNECT_WITHHELD_MS, CONNECTS_WITHHELD_MAX } from '../../../src/model/limits.ts';
import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { MqttGateway } from '../../../src/mqtt/gateway.ts';
import type { ConnectPacket, Packet, ProtocolVersion } from '../../../src/mqtt/packets.ts';
import { DEFAULT_MQTT_SETTINGS } from '../../../src/mqtt/settings.ts';
import type { SessionStore } from '../../../src/session/session-store.ts';
import { OpenAccess, turnsOf } from '../../support/core.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { MemoryTransport } from '../../support/memory-link.ts';
import { ack, connect, MqttPeer, publishBytes, subscribe, unsubscribe, will } from '../../support/mqtt.ts';
import { SqliteBench } from '../../support/store-bench.ts';

const GROUP_BYTES_MAX = 4_096;
const GROUP_WAITERS_MAX = 100;
/** More than one packet of these tests writes, and than one CONNECT. */
const PACKET_BYTES = 256;
const KEPT = { cleanStart: false, properties: { sessionExpirySeconds: 1_000 } };

let bench: SqliteBench;
let clock: FakeClock;
let store: SessionStore;
let metrics: MetricsTable;
let committer: HeldCommitter;
let transport: MemoryTransport;

const metric = (name: string): number => metrics.snapshot()[name] ?? 0;

beforeEach(async () => {
  bench = new SqliteBench();
  clock = new FakeClock();
  metrics = new MetricsTable();
  transport = new MemoryTransport();
  store = bench.open({
    clock,
    metrics,
    limits: { groupBytesMax: GROUP_BYTES_MAX, groupWaitersMax: GROUP_WAITERS_MAX },
    committer: (inline) => {
      committer = new HeldCommitter(inline);
      return committer;
    },
  });
  const parts = { store, access: new OpenAccess(), log: silentLog, metrics, turns: turnsOf(clock), settings: DEFAULT_BROKER_SETTINGS };
  const broker = new Broker({ ...parts, clock: gatewayClock(clock, store.boot.gatewayTimeOffsetMs) });
  const gateway = new MqttGateway([{ transport, settings: { ...DEFAULT_MQTT_SETTINGS, connectionsMax: 10_000 } }]);
  await gateway.start(broker.contextFor('mqtt', silentLog));
});

afterEach(async () => {
  committer.isHeld = false;
  committer.release();
  await bench.end();
});

async function connected(clientId: string, over: Partial<ConnectPacket> = {}): Promise<MqttPeer> {
  const peer = new MqttPeer(transport.connect(), over.version ?? 5);
  peer.sends(connect({ clientId, ...KEPT, ...over }));
  await clock.advanceMs(0); // so many at once have their turns one after the other
  await peer.expects({ type: 'connack', reasonCode: 0 });
  return peer;
}

/** From now on the disk says nothing. What is under way waits for it already. */
async function stalls(peer: MqttPeer): Promise<void> {
  committer.isHeld = true;
  peer.sends(subscribe(65_535, { filter: 'first' }));
  await clock.advanceMs(0);
}

async function answers(): Promise<void> {
  committer.isHeld = false;
  committer.release();
  for (let turn = 0; turn < 50; turn += 1) await clock.advanceMs(5); // peers are waited for before a group is closed
}

const waiting = (): { readonly bytes: number; readonly answers: number } => ({
  bytes: store.status().openGroupBytes,
  answers: metric('store.answers.waiting'),
});

function expectBounded(): void {
  expect(waiting().bytes).toBeLessThanOrEqual(GROUP_BYTES_MAX + PACKET_BYTES);
  expect(waiting().answers).toBeLessThanOrEqual(GROUP_WAITERS_MAX + 2);
}

const COUNT = 1_000;
const each = <T>(make: (index: number) => T): T[] => Array.from({ length: COUNT }, (_, index) => make(index));

describe('STORE: while the disk is behind, a link is not read for what would have to wait for it', () => {
  test.each<[what: string, packets: Packet[], answer: string]>([
    ['SUBSCRIBE', each((index) => subscribe(index + 1, { filter: `a/${index}` })), 'suback'],
    ['UNSUBSCRIBE of what there is not', each((index) => unsubscribe(index + 1, 'nothing')), 'unsuback'],
    ['PUBREL of ids that are not open', each((index) => ack('pubrel', index + 1)), 'pubcomp'],
  ])('%s', async (_what, packets, type) => {
    const peer = await connected('pipelining');
    await stalls(peer);
    peer.sends(...packets);
    await clock.advanceSeconds(5);
    expectBounded();
    expect([metric('requests.withheld'), metric('publishers.withheld')]).toEqual([1, 1]);
    await peer.expectsNothing();
    await answers();
    await peer.expects({ type: 'suback', packetId: 65_535 }, ...packets.map((packet) => ({ type, packetId: 'packetId' in packet ? packet.packetId : 0 })));
    expect(metric('publishers.withheld')).toBe(0);
  });

  test('QoS 2 to and fro: PUBREL of what was taken, PUBREC and PUBCOMP of what was sent', async () => {
    const peer = await connected('both-ways');
    await peer.sends(subscribe(1, { filter: 'a' })).expects({ type: 'suback' });
    const packets = Array.from({ length: 60 }, (_, index) => publishBytes(5, 'a', 'x', { qos: 2, packetId: index + 1 }));
    peer.sends(...packets);
    for (let turn = 0; turn < 10; turn += 1) await clock.advanceMs(0);
    const seen = await peer.receives();
    const sent = seen.flatMap((packet) => (packet.type === 'publish' ? [packet.packetId] : []));
    expect(sent).toHaveLength(60);
    await stalls(peer);
    for (let round = 0; round < 20; round += 1) {
      peer.sends(...sent.map((packetId) => ack('pubrec', packetId)), ...Array.from({ length: 60 }, (_, index) => ack('pubrel', index + 1)));
    }
    await clock.advanceSeconds(5);
    expectBounded();
    await answers();
    const answered = await peer.receives();
    expect(new Set(answered.flatMap((packet) => (packet.type === 'pubrel' ? [packet.packetId] : [])))).toEqual(new Set(sent));
    expect(answered.filter(({ type }) => type === 'pubcomp')).toHaveLength(20 * 60);
  });

  test.each([3, 4, 5] as const)('of protocol level %i, whoever it is: many clients with one packet each', async (version) => {
    const peers = await Promise.all(Array.from({ length: 300 }, (_, index) => connected(`client-${index}`, { version, properties: undefined })));
    await stalls(await connected('stored'));
    for (const [index, peer] of peers.entries()) peer.sends(subscribe(7, { filter: `${'long/'.repeat(10)}${index}` }));
    await clock.advanceSeconds(5);
    expectBounded();
    expect(metric('publishers.withheld')).toBeGreaterThan(100);
    await answers();
    for (const peer of peers) await peer.expects({ type: 'suback', packetId: 7 });
  });

  test('what comes behind waits, in order; a client that has gone by then is asked for nothing', async () => {
    const [patient, gone] = [await connected('patient'), await connected('gone')];
    await stalls(patient);
    for (const peer of [patient, gone]) peer.sends(...each((index) => subscribe(index + 1, { filter: `a/${index}` })), { type: 'pingreq' });
    await clock.advanceMs(0);
    await gone.breaks();
    expect(metric('publishers.withheld')).toBe(1);
    await patient.expectsNothing();
    await answers();
    const answered = await patient.receives();
    expect(answered.flatMap((packet) => (packet.type === 'suback' ? [packet.packetId] : []))).toEqual([65_535, ...each((index) => index + 1)]);
    expect(answered.filter(({ type }) => type === 'pingresp')).toHaveLength(1);
    expect(metric('mqtt.internal-errors')).toBe(0);
  });

  test('MQTT-3.1.2-22: its silence says nothing, until its client must have given up', async () => {
    const peer = await connected('watched', { keepAliveSeconds: 10 });
    await stalls(peer);
    peer.sends(...each((index) => subscribe(index + 1, { filter: `a/${index}` })));
    await clock.advanceSeconds(24);
    expect(peer.link.isEnded).toBe(false);
    await clock.advanceSeconds(1);
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x97 });
    expect([metric('mqtt.withheld-timeouts'), metric('publishers.withheld')]).toEqual([1, 0]);
  });
});

describe('STORE: while the disk is behind, a new client waits to be let in', () => {
  /** Fills the open group, so that the next client has to wait. */
  async function full(version: ProtocolVersion = 5): Promise<MqttPeer> {
    const peer = await connected('full', { version });
    await stalls(peer);
    peer.sends(...each((index) => subscribe(index + 1, { filter: `a/${index}` })));
    await clock.advanceMs(0);
    return peer;
  }

  const arrives = (clientId: string, over: Partial<ConnectPacket> = {}): MqttPeer =>
    new MqttPeer(transport.connect(), over.version ?? 5).sends(connect({ clientId, ...KEPT, ...over }));

  test('clean start to and fro under one name, with a will', async () => {
    const peer = await connected('full');
    await stalls(peer);
    const arrivals = Array.from({ length: 500 }, () => arrives('restless', { cleanStart: true, will: will() }));
    await clock.advanceSeconds(5);
    expectBounded();
    expect(metric('connects.withheld')).toBeGreaterThan(300);
    await answers();
    expect(await arrivals.at(-1)?.receives()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
    expect([metric('sessions'), metric('mqtt.connections')]).toEqual([2, 2]);
  });

  test('as soon as the disk answers they are let in, in the order they came', async () => {
    await full();
    const arrivals = Array.from({ length: 200 }, (_, index) => arrives(`late-${index}`));
    await clock.advanceSeconds(5);
    for (const peer of arrivals) await peer.expectsNothing();
    await answers();
    for (const peer of arrivals) await peer.expects({ type: 'connack', reasonCode: 0 });
    expectBounded();
  });

  test.each([
    [5, 0x89],
    [4, 3],
  ] as const)('MQTT %i: after a while it is told that the server is busy, and may come again', async (version, reasonCode) => {
    await full();
    const late = arrives('late', { version });
    await clock.advanceMs(CONNECT_WITHHELD_MS - 1);
    await late.expectsNothing();
    await clock.advanceMs(1);
    await late.expectsEnd({ type: 'connack', reasonCode });
    await answers();
    expect(metric('connects.refused.disk-behind')).toBe(1);
    await arrives('late', { version }).expects({ type: 'connack', reasonCode: 0 });
  });

  test(`only ${CONNECTS_WITHHELD_MAX} may wait: the next is told so at once`, async () => {
    await full();
    for (let count = 0; count < CONNECTS_WITHHELD_MAX; count += 1) arrives(`late-${count}`);
    await clock.advanceMs(0);
    await arrives('one-more').expectsEnd({ type: 'connack', reasonCode: 0x89 });
  });
});
