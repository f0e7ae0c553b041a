// Clients that flood, ask for too much or play games: each is bounded and named in a counter, and a client that behaves is served meanwhile.
import { describe, expect, test } from 'vitest';
import { POLL_WORK_MAX, RECEIVING_MAX, SUBSCRIPTIONS_PER_SESSION_MAX, TURN_WORK_SHARED_MAX } from '../../../src/model/limits.ts';
import {
  CONNECT_WORK,
  FILTER_WORK,
  PACKET_WORK,
  RETAIN_WORK,
  RETAINED_WORK,
  ROUTE_WORK,
  STORED_WORK,
  workOfBytes,
  workOfRead,
} from '../../../src/model/work.ts';
import { connect, MqttBench, type MqttPeer, publishBytes, quiet, subscribe, will } from '../../support/mqtt.ts';

/** The end of one turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function isServed(peer: MqttPeer): Promise<void> {
  await peer.sends('c000').expects({ type: 'pingresp' });
}

/** What a packet causes is known when the next one comes: it ends the turn. */
function packetsPerTurn(work: number, before = 0): number {
  return 1 + Math.ceil((TURN_WORK_SHARED_MAX - PACKET_WORK - before) / work);
}

async function stage(): Promise<{ bench: MqttBench; honest: MqttPeer; flooder: MqttPeer }> {
  const bench = await MqttBench.start();
  return { bench, honest: await bench.connected({ clientId: 'honest' }), flooder: await bench.connected({ clientId: 'flooder' }) };
}

describe('a turn for everybody', () => {
  /** Packets of one turn, where each counts as two. */
  const perTurn = TURN_WORK_SHARED_MAX / 2;
  const pings = 4 * perTurn;
  const answers = (peer: MqttPeer): number => peer.link.receivedBytes;

  test('a client that sends much is handled in pieces; who comes meanwhile does not wait for the rest', async () => {
    const { bench, honest, flooder } = await stage();
    const [before, own] = [answers(flooder), answers(honest)];
    flooder.sends(Buffer.from('c000'.repeat(pings), 'hex'));
    honest.sends('c000');
    await turn();
    expect(answers(honest)).toBe(own + 2);
    expect(answers(flooder) - before).toBeLessThanOrEqual(2 * 2 * perTurn);
    for (let turns = 0; turns < 10; turns += 1) await turn();
    expect(answers(flooder) - before).toBe(2 * pings);
    expect(bench.metric('mqtt.turns.yielded')).toBe(4);
  });

  test('what its messages cause for others counts as well', async () => {
    const { bench, flooder } = await stage();
    for (let i = 0; i < 9; i += 1) await (await bench.connected({ clientId: `r${i}` })).subscribed({ filter: 'a', qosMax: 0 });
    const messages = TURN_WORK_SHARED_MAX / 4;
    flooder.sends(Buffer.concat(Array.from({ length: messages }, () => publishBytes(5, 'a', 'x'))));
    for (let turns = 0; turns < 10; turns += 1) await turn();
    expect(bench.metric('messages.delivered')).toBe(9 * messages);
    expect(bench.metric('mqtt.turns.yielded')).toBe(Math.floor((messages * 11) / TURN_WORK_SHARED_MAX));
  });

  test('so does what it has stored: a flood of retained messages brings as many per turn as their writing allows', async () => {
    const { bench, honest, flooder } = await stage();
    const each = PACKET_WORK + ROUTE_WORK + RETAIN_WORK + RETAINED_WORK + STORED_WORK;
    await honest.subscribed({ filter: 'other', qosMax: 0 });
    const perTurnRetained = packetsPerTurn(each);
    flooder.sends(Buffer.concat(Array.from({ length: 10 * perTurnRetained }, (_, index) => publishBytes(5, `flood/${index}`, 'x', { isRetain: true }))));
    const own = answers(honest);
    honest.sends('c000');
    expect(bench.metric('retained.messages')).toBe(perTurnRetained);
    await turn();
    expect(answers(honest)).toBe(own + 2);
    expect(bench.metric('retained.messages')).toBe(2 * perTurnRetained);
  });

  test('filters count one by one', async () => {
    const { bench, flooder } = await stage();
    const packet = subscribe(1, ...Array.from({ length: 100 }, (_, index) => ({ filter: `a/${index}`, retainHandling: 2 }) as const));
    const perTurnSubscribes = packetsPerTurn(PACKET_WORK + 100 * FILTER_WORK);
    flooder.sends(...Array.from({ length: 3 * perTurnSubscribes }, () => packet));
    await quiet();
    expect(bench.metric('mqtt.turns.yielded')).toBe(3);
  });

  test('topics as long as a topic may be count by their bytes', async () => {
    const { bench, honest, flooder } = await stage();
    await honest.subscribed({ filter: 'other', qosMax: 0 });
    const topic = (index: number): string => `${index}`.padStart(60_000, 'x');
    const each = PACKET_WORK + ROUTE_WORK + workOfBytes(60_000);
    const flood = Buffer.concat(Array.from({ length: 5 }, (_, index) => publishBytes(5, topic(index), 'x')));
    flooder.sends(flood);
    expect(bench.metric('messages.received')).toBe(packetsPerTurn(each, workOfRead(flood.length)));
    for (let turns = 0; turns < 4; turns += 1) await turn();
    expect(bench.metric('messages.received')).toBe(5);
  });

  test('many that nobody knows yet share what one may do: the rest of them wait for their turns, and are counted', async () => {
    const { bench, honest } = await stage();
    const before = answers(honest);
    const strangers = Array.from({ length: 50 }, (_, index) => bench.peer().sends(connect({ clientId: `s${index}` })));
    honest.sends('c000');
    await turn();
    expect(answers(honest)).toBe(before + 2);
    expect(bench.metric('sessions')).toBeLessThan(50);
    expect(bench.metric('mqtt.turns.yielded')).toBeGreaterThanOrEqual(50 - Math.ceil(POLL_WORK_MAX / CONNECT_WORK));
    for (let turns = 0; turns < 50; turns += 1) await quiet();
    for (const stranger of strangers) await stranger.expects({ type: 'connack', reasonCode: 0 });
  });

  test('two of them take turns', async () => {
    const { bench, honest, flooder } = await stage();
    const flood = Buffer.from('c000'.repeat(pings), 'hex');
    const [first, second] = [answers(flooder), answers(honest)];
    flooder.sends(flood);
    honest.sends(flood);
    for (let turns = 0; turns < 4; turns += 1) await turn();
    const done = [answers(flooder) - first, answers(honest) - second];
    expect(Math.abs((done[0] ?? 0) - (done[1] ?? 0))).toBeLessThanOrEqual(2 * perTurn);
    for (let turns = 0; turns < 10; turns += 1) await turn();
    expect([answers(flooder) - first, answers(honest) - second]).toEqual([2 * pings, 2 * pings]);
    expect(bench.metric('mqtt.turns.yielded')).toBe(8);
  });

  test('order and bytes survive a cut in the middle of a packet', async () => {
    const { bench, flooder } = await stage();
    const receiver = await (await bench.connected({ clientId: 'receiver' })).subscribed({ filter: 'a', qosMax: 0 });
    const count = 3 * perTurn + 10;
    const bytes = Buffer.concat(Array.from({ length: count }, (_, index) => publishBytes(5, 'a', `${index}`)));
    for (let at = 0; at < bytes.length; at += 60_001) flooder.sends(bytes.subarray(at, at + 60_001));
    for (let turns = 0; turns < 10; turns += 1) await turn();
    expect(await receiver.payloads()).toEqual(Array.from({ length: count }, (_, index) => `${index}`));
  });

  test('a client that leaves while it waits for its turn is gone', async () => {
    const { bench, honest, flooder } = await stage();
    flooder.sends(Buffer.from('c000'.repeat(pings), 'hex'));
    await flooder.breaks();
    expect(bench.metric('mqtt.connections')).toBe(1);
    await isServed(honest);
  });

  test('waiting for its turn is not silence', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'throttled', keepAliveSeconds: 10 });
    bench.core.access.rate = { take: () => 20_000 };
    bench.core.access.revision += 1;
    peer.publishes('a', 'x').sends('c000');
    await bench.clock.advanceSeconds(19);
    expect(peer.link.isEnded).toBe(false);
    await bench.clock.advanceSeconds(1);
    await peer.expects({ type: 'pingresp' });
    await bench.clock.advanceSeconds(30);
    expect([peer.link.isEnded, bench.metric('mqtt.ended.keep-alive-timeout')]).toEqual([true, 1]);
  });
});

describe('clients that ask for too much', () => {
  test.each([
    ['256 MB', 'ff ff ff 7f'],
    ['one byte more than Maximum Packet Size', '81 89 7a'],
  ])('a PUBLISH whose fixed header announces %s is refused by it, and nothing is kept', async (_, length) => {
    const { bench, honest, flooder } = await stage();
    await flooder.sends(`30 ${length}`).expectsEnd({ type: 'disconnect', reasonCode: 0x95 });
    await isServed(honest);
    expect(bench.metric('mqtt.ended.packet-too-large')).toBe(1);
  });

  test('a CONNECT whose fixed header announces 256 MB is closed', async () => {
    const bench = await MqttBench.start();
    await bench.peer().sends('10 ff ff ff 7f').expectsEnd();
    expect(bench.metric('mqtt.refused.packet-too-large')).toBe(1);
  });

  test('a CONNECT that comes drop by drop has the time of any other', async () => {
    const bench = await MqttBench.start();
    const slow = bench.peer();
    for (const octet of ['10', '17', '00', '04']) {
      slow.sends(octet);
      await bench.clock.advanceSeconds(4);
    }
    expect([slow.link.isEnded, bench.metric('mqtt.connect-timeouts'), bench.metric('mqtt.connections')]).toEqual([true, 1, 0]);
  });

  test('10,000 links opened and dropped leave nothing behind', async () => {
    const { bench, honest } = await stage();
    for (let i = 0; i < 10_000; i += 1) bench.peer().link.resets();
    await quiet();
    await isServed(honest);
    expect([bench.metric('mqtt.connections'), bench.clock.pendingTimers < 20]).toEqual([2, true]);
  });

  test('a topic of 32,768 levels: 0x90, counted', async () => {
    const { bench, honest, flooder } = await stage();
    await flooder.publishes('/'.repeat(32_767), 'x').expectsEnd({ type: 'disconnect', reasonCode: 0x90 });
    await isServed(honest);
    expect(bench.metric('mqtt.ended.topic-name-invalid')).toBe(1);
  });

  test('a filter of 32,768 levels: 0x8F in SUBACK for that one; UNSUBSCRIBE finds none', async () => {
    const { flooder } = await stage();
    const deep = `${'+/'.repeat(32_767)}#`;
    await flooder.sends(subscribe(1, { filter: 'a' })).expects({ type: 'suback' });
    await flooder.sends(filterPacket(0x82, 2, deep, true)).expects({ type: 'suback', packetId: 2, reasonCodes: [0x8f] });
    await flooder.sends(filterPacket(0xa2, 3, deep, false)).expects({ type: 'unsuback', packetId: 3, reasonCodes: [0x11] });
    await isServed(flooder);
  });

  test('a filter of 32,768 levels: 0x80 in 3.1.1', async () => {
    const bench = await MqttBench.start();
    const older = await bench.connected({ clientId: 'older', version: 4 });
    const bytes = filterPacket(0x82, 2, `${'+/'.repeat(32_767)}#`, true, '');
    await older.sends(bytes).expects({ type: 'suback', packetId: 2, reasonCodes: [0x80] });
  });

  test('one subscription too many: 0x97, and the ones there stay', async () => {
    const { flooder, honest } = await stage();
    const filters = (from: number, count: number) => Array.from({ length: count }, (_, index) => ({ filter: `f/${from + index}` }));
    await flooder.sends(subscribe(1, ...filters(0, SUBSCRIPTIONS_PER_SESSION_MAX))).receives();
    await flooder
      .sends(subscribe(2, ...filters(SUBSCRIPTIONS_PER_SESSION_MAX, 2), { filter: 'f/0' }))
      .expects({ type: 'suback', reasonCodes: [0x97, 0x97, 2] });
    honest.publishes('f/999', 'x');
    expect(await flooder.payloads()).toEqual(['x']);
  });
});

describe('clients that publish faster than they may', () => {
  async function limited(take: () => number | 'abuse', version: 4 | 5 = 5): Promise<{ bench: MqttBench; peer: MqttPeer; watcher: MqttPeer }> {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: '#' });
    const peer = await bench.connected({ clientId: 'fast', version });
    bench.core.access.rate = { take };
    bench.core.access.revision += 1;
    return { bench, peer, watcher };
  }

  test('are not read for a while; nothing is lost, and order is kept', async () => {
    const waits = [0, 1_000, 0];
    const { bench, peer, watcher } = await limited(() => waits.shift() ?? 0);
    peer.sends(...['1', '2', '3'].map((payload) => publishBytes(5, 'a', payload))).sends(publishBytes(5, 'a', '4'));
    expect(await watcher.payloads()).toEqual(['1', '2']);
    await bench.clock.advanceMs(999);
    await watcher.expectsNothing();
    await bench.clock.advanceMs(1);
    expect(await watcher.payloads()).toEqual(['3', '4']);
  });

  test('one that is over its rate again after its wait waits again', async () => {
    const waits = [1_000];
    const { bench, peer, watcher } = await limited(() => waits.shift() ?? 0);
    peer.publishes('a', '1').publishes('a', '2');
    await bench.clock.advanceMs(500);
    waits.push(1_000);
    await bench.clock.advanceMs(500);
    peer.publishes('a', '3');
    expect(await watcher.payloads()).toEqual(['1', '2']);
    await bench.clock.advanceMs(1_000);
    expect(await watcher.payloads()).toEqual(['3']);
  });

  test.each([
    [5, [{ type: 'disconnect', reasonCode: 0x96 }]],
    [4, []],
  ] as const)('0x96: one that does not mend its ways is sent away and counted (version %i)', async (version, farewell) => {
    const { bench, peer } = await limited(() => 'abuse', version);
    await peer.publishes('a', 'x').expectsEnd(...farewell);
    expect(bench.metric('mqtt.ended.message-rate-too-high')).toBe(1);
  });

  test('0x98: an administrator may end any connection', async () => {
    const { bench, peer, watcher } = await limited(() => 0);
    bench.core.broker.kick((principal) => principal.clientId === 'fast');
    await peer.expectsEnd({ type: 'disconnect', reasonCode: 0x98 });
    await isServed(watcher);
    expect(bench.metric('mqtt.ended.administrative-action')).toBe(1);
  });
});

describe('clients that do not finish what they begin', () => {
  test('QoS 2 without PUBREL: 0x93 at the Receive Maximum', async () => {
    const { bench, honest, flooder } = await stage();
    for (let packetId = 1; packetId <= 1_025; packetId += 1) flooder.publishes('a', 'x', { qos: 2, packetId });
    const received = await flooder.receives();
    expect(received.at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x93 });
    expect(bench.metric('mqtt.ended.receive-maximum-exceeded')).toBe(1);
    await isServed(honest);
  });

  test('QoS 2 without PUBREL in 3.1.1, which knows no Receive Maximum: the ids of a session are bounded', async () => {
    const bench = await MqttBench.start();
    const older = await bench.connected({ clientId: 'older', version: 4, cleanStart: false });
    for (let packetId = 1; packetId <= RECEIVING_MAX + 1; packetId += 1) older.publishes('a', 'x', { qos: 2, packetId });
    expect(await older.receives()).toHaveLength(RECEIVING_MAX);
    expect([older.link.isEnded, bench.metric('mqtt.ended.quota-exceeded')]).toEqual([true, 1]);
  });

  test('QoS 2 received without PUBREC: no more than the window is under way', async () => {
    const { bench, honest } = await stage();
    const silent = await (await bench.connected({ clientId: 'silent' })).subscribed({ filter: '#' });
    for (let i = 0; i < 3; i += 1) {
      for (let packetId = 1; packetId <= 500; packetId += 1) honest.publishes('a', 'x', { qos: 1, packetId });
      await honest.receives();
    }
    expect(await silent.payloads()).toHaveLength(1_024);
  });
});

describe('clients that come and go', () => {
  test('a storm of wills: each is published once, and others are served', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'will/+', qosMax: 0 });
    const peers = [];
    for (let index = 0; index < 300; index += 1) peers.push(await bench.connected({ clientId: `c${index}`, will: will({ topic: `will/${index}` }) }));
    for (const peer of peers) peer.link.resets();
    for (let i = 0; i < 50; i += 1) await quiet();
    expect(new Set((await watcher.receives()).map((packet) => packet.type === 'publish' && packet.topic)).size).toBe(300);
    expect([bench.metric('wills.published'), bench.metric('mqtt.connections')]).toEqual([300, 1]);
  });

  test('two clients that take one session from each other: one session, one link, and a count of it', async () => {
    const { bench, honest } = await stage();
    const same = { clientId: 'same', cleanStart: false, properties: { sessionExpirySeconds: 60 } } as const;
    const peers = [];
    for (let round = 0; round < 200; round += 1) peers.push(await bench.connected(same));
    await isServed(honest);
    expect(peers.filter((peer) => !peer.link.isEnded)).toHaveLength(1);
    expect([bench.core.broker.sessionCount, bench.metric('mqtt.connections')]).toEqual([3, 3]);
    expect([bench.metric('sessions.taken-over'), bench.metric('mqtt.ended.session-taken-over')]).toEqual([199, 199]);
  });

  test('all take it at the same moment', async () => {
    const { bench, honest } = await stage();
    const peers = Array.from({ length: 100 }, () => bench.peer().sends(connect({ clientId: 'same', cleanStart: false })));
    for (let i = 0; i < 5; i += 1) await quiet();
    await isServed(honest);
    expect(peers.filter((peer) => !peer.link.isEnded)).toHaveLength(1);
    expect(bench.metric('mqtt.connections')).toBe(3);
  });
});

/** SUBSCRIBE or UNSUBSCRIBE of one filter that `topicFilter` would not take. */
function filterPacket(header: number, packetId: number, filter: string, hasOptions: boolean, properties = '00'): Buffer {
  const name = Buffer.from(filter);
  const head = Buffer.from([packetId >> 8, packetId & 0xff, ...Buffer.from(properties, 'hex'), name.length >> 8, name.length & 0xff]);
  const body = Buffer.concat([head, name, Buffer.from(hasOptions ? [0] : [])]);
  const length = [(body.length & 0x7f) | 0x80, ((body.length >> 7) & 0x7f) | 0x80, body.length >> 14];
  return Buffer.concat([Buffer.from([header, ...length]), body]);
}
