// Peers that send more than they should, or read less: each is bounded, and named by a counter, while a client that behaves is served.
import { beforeEach, describe, expect, test } from 'vitest';
import {
  LINK_OUT_UNREAD_BYTES,
  MEMORY_QUEUE_BYTES_MAX,
  MEMORY_QUEUE_MESSAGES_MAX,
  RECEIVE_MAX,
  RECEIVING_MAX,
  TOPIC_LEVELS_MAX,
} from '../../../src/model/limits.ts';
import { MqttBench, type MqttPeer, publishBytes, quiet } from '../../support/mqtt.ts';

/** The link hands on what fills its buffer: so much may come on top of a bound that counts whole buffers. */
const BUFFER_BYTES = 64 * 1024;
const LEVELS_MOST = 65_535;

let bench: MqttBench;
let witness: MqttPeer;

async function begin(broker: Parameters<typeof MqttBench.start>[0] = {}): Promise<void> {
  bench = await MqttBench.start(broker);
  witness = await (await bench.connected({ clientId: 'witness' })).subscribed({ filter: 'witness/#' });
}

beforeEach(() => begin());

async function requireService(): Promise<void> {
  expect(await witness.publishes('witness/x', 'still here').payloads()).toEqual(['still here']);
}

function faults(): number {
  return bench.metric('mqtt.malformed') + bench.metric('mqtt.protocol-errors');
}

describe('topics of very many levels', () => {
  const slashes = '/'.repeat(LEVELS_MOST);
  const deepest = '/'.repeat(TOPIC_LEVELS_MAX - 1);

  test('as many as a topic has room for are refused when they are published, and the trie never sees them', async () => {
    const peer = await bench.connected({ clientId: 'deep' });
    await peer.publishes(slashes, 'x').expectsEnd({ type: 'disconnect', reasonCode: 0x90 });
    expect(faults()).toBe(1);
    await requireService();
  });

  test('one more than the bound, published to: counted as a fault of the peer', async () => {
    const peer = await bench.connected({ clientId: 'deep' });
    await peer.publishes(`${deepest}/`, 'x').expectsEnd({ type: 'disconnect', reasonCode: 0x90 });
    expect(faults()).toBe(1);
    await requireService();
  });

  test('one more than the bound, subscribed to: that filter is refused, and no more', async () => {
    const peer = await bench.connected({ clientId: 'deep' });
    await peer.sends(subscribeOctets(`+${deepest}/+`)).expects({ type: 'suback', reasonCodes: [0x8f] });
    expect(faults()).toBe(0);
    await requireService();
  });

  test('as many as the bound: routed', async () => {
    const peer = await (await bench.connected({ clientId: 'deep' })).subscribed({ filter: `+${'/+'.repeat(TOPIC_LEVELS_MAX - 1)}` });
    expect(await peer.publishes(deepest, 'deep').payloads()).toEqual(['deep']);
  });
});

describe('a client that never reads', () => {
  const payload = Buffer.alloc(4_096, 'x');

  test('QoS 0: the link and one queue in memory hold all there is; what was dropped is counted, the newest is kept', async () => {
    const idle = await (await bench.connected({ clientId: 'idle' })).subscribed({ filter: 'flood/#' });
    const seen = idle.link.receivedBytes;
    const flooder = await bench.connected({ clientId: 'flooder' });
    idle.link.stopsReading();
    for (let index = 0; index < 20_000; index += 1) {
      flooder.publishes('flood/x', payload);
      if (index % 500 === 0) await quiet();
    }
    flooder.publishes('flood/x', 'the last');
    await requireService();
    idle.link.readsAgain();
    const late = await idle.payloads();
    expect(late.at(-1)).toBe('the last');
    expect(idle.link.receivedBytes - seen).toBeLessThanOrEqual(LINK_OUT_UNREAD_BYTES + BUFFER_BYTES + MEMORY_QUEUE_BYTES_MAX);
    expect(late.length).toBeLessThanOrEqual(MEMORY_QUEUE_MESSAGES_MAX);
    expect(late.length + bench.metric('messages.dropped.queue-full')).toBe(20_001);
  });

  test('questions whose answers are left unread are not read on, and lead on once they are read', async () => {
    const idle = await bench.connected({ clientId: 'idle' });
    idle.link.stopsReading();
    const pings = Buffer.alloc(BUFFER_BYTES, Buffer.from('c000', 'hex'));
    const answered = Math.ceil(LINK_OUT_UNREAD_BYTES / BUFFER_BYTES) + 2;
    for (let sent = 0; sent < answered; sent += 1) idle.link.sends(pings);
    idle.publishes('witness/late', 'behind the questions');
    await requireService();
    idle.link.readsAgain();
    for (let turns = 0; turns < 400; turns += 1) await quiet();
    expect(await witness.payloads()).toEqual(['behind the questions']);
  });
});

describe('QoS 2 without PUBREL', () => {
  test('MQTT-3.3.4-9: 5.0 is told 0x93 at the first above the Receive Maximum', async () => {
    const peer = await bench.connected({ clientId: 'flooder' });
    for (let packetId = 1; packetId <= RECEIVE_MAX; packetId += 1) peer.publishes('a', 'x', { qos: 2, packetId });
    expect((await peer.receives()).filter(({ type }) => type === 'pubrec')).toHaveLength(RECEIVE_MAX);
    await peer.publishes('a', 'x', { qos: 2, packetId: RECEIVE_MAX + 1 }).expectsEnd({ type: 'disconnect', reasonCode: 0x93 });
    expect(faults()).toBe(1);
    await requireService();
  });

  test('3.1.1 was told no maximum and has no code: the one above the bound ends the connection unanswered, and is counted', async () => {
    const peer = await bench.connected({ version: 4, clientId: 'flooder' });
    for (let packetId = 1; packetId <= RECEIVING_MAX + 1; packetId += 1) peer.publishes('a', 'x', { qos: 2, packetId });
    expect((await peer.receives()).filter(({ type }) => type === 'pubrec')).toHaveLength(RECEIVING_MAX);
    expect([peer.link.isEnded, bench.metric('messages.refused.quota-exceeded')]).toEqual([true, 1]);
    await requireService();
  });
});

describe('a flood of retained messages', () => {
  const retainedLimits = { messagesMax: 100, bytesMax: 50_000 };
  beforeEach(() => begin({ broker: { retainedLimits } }));

  test.each([
    ['their number', 'x', retainedLimits.messagesMax],
    ['their bytes', 'x'.repeat(1_000), 49],
  ])('is bounded by %s; what is refused is counted', async (_, payload, kept) => {
    const flooder = await bench.connected({ clientId: 'flooder' });
    for (let index = 0; index < 300; index += 1) {
      flooder.publishes(`flood/${index}`, payload, { qos: 1, packetId: index + 1, isRetain: true });
    }
    expect(await flooder.receives()).toHaveLength(300);
    expect([bench.metric('retained.messages'), bench.metric('retained.refused')]).toEqual([kept, 300 - kept]);
    await requireService();
  });

  test('an empty one still takes the place of one that is there', async () => {
    const flooder = await bench.connected({ clientId: 'flooder' });
    for (let index = 0; index < 101; index += 1) flooder.publishes(`flood/${index}`, 'x', { isRetain: true });
    flooder.publishes('flood/0', '', { isRetain: true });
    flooder.publishes('flood/100', 'now there is room', { isRetain: true });
    await quiet();
    expect([bench.metric('retained.messages'), bench.metric('retained.refused')]).toEqual([100, 1]);
  });
});

/** A SUBSCRIBE no packet could be built for, as its filter is refused. */
function subscribeOctets(filter: string): Buffer {
  const asPublish = publishBytes(4, filter, '\u0000', { qos: 0 });
  const body = Buffer.concat([Buffer.from([0, 1, 0]), asPublish.subarray(3)]);
  return Buffer.concat([Buffer.from([0x82, (body.length & 0x7f) | 0x80, body.length >> 7]), body]);
}
