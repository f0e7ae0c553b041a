import { describe, expect, test } from 'vitest';
import { topicName } from '../../../src/model/topic.ts';
import { type Bridged, bridged, deadLetters, OUT } from '../../support/bridged.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import type { ScriptedRemote } from '../../support/scripted-remote.ts';

const queued = ({ core }: Bridged): number => core.store.status().queuedMessages;

describe('topic maps', () => {
  test('out: the remote gets the topic with its prefixes changed, no more than the QoS of the map', async () => {
    const { remote, local } = await bridged({ bridge: { topics: [{ ...OUT, qos: 1, localPrefix: 'plant/' }] } });
    local.publish('plant/readings/a', 'x', { qos: 2, packetId: 1 });
    local.publish('other/readings/a', 'y', { qos: 1 });
    await settled();
    expect(remote.publishes).toEqual([{ topic: 'site1/readings/a', payload: 'x', qos: 1, isDuplicate: false, isRetain: false, packetId: expect.any(Number) }]);
  });

  test('in: subscribed at the remote, published here under the local name', async () => {
    const { remote, local } = await bridged();
    local.subscribe('cmd/#', { qos: 0 });
    remote.publish('site1/cmd/valve', 'open', 1, 7);
    await settled();
    expect(local.delivered.map(({ topic, payload }) => [topic, payload])).toEqual([['cmd/valve', 'open']]);
    expect(remote.acks).toContainEqual(['puback', 7, 0]);
  });

  test('both: what came from the remote does not go back to it', async () => {
    const both = { filter: 'shared/#', direction: 'both', qos: 1, localPrefix: '', remotePrefix: '' } as const;
    const { remote } = await bridged({ bridge: { topics: [both] } });
    remote.publish('shared/a', 'x', 1, 7);
    await settled();
    expect(remote.publishes).toEqual([]);
  });

  test('a filter taken out of the configuration is unsubscribed at the next start', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    const first = await bridged({ core, clock, bridge: { topics: [OUT, { ...OUT, filter: 'old/#' }] } });
    await first.bridge.stop(new AbortController().signal);
    const second = await bridged({ core, clock });
    second.local.publish('old/a', 'x');
    second.local.publish('readings/a', 'y');
    await settled();
    expect(second.remote.publishes.map(({ payload }) => payload)).toEqual(['y']);
  });
});

describe('a row leaves only after the remote acknowledged it', () => {
  test('QoS 1: at PUBACK', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'x', { qos: 1 });
    await settled();
    expect(queued(made)).toBe(1);
    made.remote.ack('puback', made.remote.publishes[0]?.packetId ?? 0);
    await settled();
    expect(queued(made)).toBe(0);
  });

  test('QoS 2: at PUBCOMP', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'x', { qos: 2, packetId: 1 });
    await settled();
    const packetId = made.remote.publishes[0]?.packetId ?? 0;
    made.remote.ack('pubrec', packetId);
    await settled();
    expect(made.remote.acks).toEqual([['pubrel', packetId, 0]]);
    expect(queued(made)).toBe(1);
    made.remote.ack('pubcomp', packetId);
    await settled();
    expect(queued(made)).toBe(0);
  });

  test('what was in flight when the line broke is sent again with DUP and the same id, before the rest', async () => {
    const { clock, remote, local } = await bridged({ remote: { acknowledges: false } });
    local.publish('readings/a', '1', { qos: 1 });
    await settled();
    remote.hangUp();
    await settled();
    local.publish('readings/a', '2', { qos: 1 });
    remote.acknowledges = true;
    await clock.advanceMs(1_000);
    await settled();
    expect(remote.publishes.map(({ payload, isDuplicate }) => [payload, isDuplicate])).toEqual([
      ['1', false],
      ['1', true],
      ['2', false],
    ]);
    expect(remote.publishes[1]?.packetId).toBe(remote.publishes[0]?.packetId);
  });

  test('QoS 2 seen by the remote before the line broke: only PUBREL comes again', async () => {
    const { clock, remote, local } = await bridged({ remote: { acknowledges: false } });
    local.publish('readings/a', '1', { qos: 2, packetId: 1 });
    await settled();
    const packetId = remote.publishes[0]?.packetId ?? 0;
    remote.ack('pubrec', packetId);
    await settled();
    remote.connack = { isSessionPresent: true, reasonCode: 0 };
    remote.hangUp();
    await clock.advanceMs(1_000);
    await settled();
    expect(remote.publishes.length).toBe(1);
    expect(remote.acks).toEqual([
      ['pubrel', packetId, 0],
      ['pubrel', packetId, 0],
    ]);
  });

  test('QoS 2 over a restart of the gateway: the exchange goes on under its id', async () => {
    const clock = new FakeClock();
    const first = await bridged({ clock, remote: { acknowledges: false } });
    first.local.publish('readings/a', '1', { qos: 2, packetId: 1 });
    await settled();
    const packetId = first.remote.publishes[0]?.packetId;
    const core = startCore({ clock, store: first.core.store.reopened({ wasClean: false }) });
    const second = await bridged({ clock, core });
    expect(second.remote.publishes).toEqual([expect.objectContaining({ payload: '1', isDuplicate: true, packetId, qos: 2 })]);
    await settled();
    expect(queued(second)).toBe(0);
  });

  test('messages wait through an outage, QoS 0 included, in order per QoS', async () => {
    const { clock, remote, local } = await bridged({ remote: { isReachable: false } });
    for (let index = 0; index < 50; index += 1) local.publish('readings/a', String(index), { qos: index % 2 === 0 ? 1 : 0 });
    remote.isReachable = true;
    await clock.advanceSeconds(60);
    for (let turn = 0; turn < 10; turn += 1) await settled();
    const ofQoS = (qos: number) => remote.publishes.filter((publish) => publish.qos === qos).map(({ payload }) => Number(payload));
    expect(ofQoS(1)).toEqual(Array.from({ length: 25 }, (_, index) => index * 2));
    expect(ofQoS(0)).toEqual(Array.from({ length: 25 }, (_, index) => index * 2 + 1));
  });

  test('a full queue refuses: the publisher is told, what was accepted stays', async () => {
    const { local } = await bridged({
      bridge: { queueLimits: { messagesMax: 2, bytesMax: 1_000_000 } },
      remote: { isReachable: false },
    });
    for (const token of [1, 2, 3]) local.publish('readings/a', 'x', { token });
    await settled();
    expect(local.outcomes.map(([, outcome]) => outcome)).toEqual(['accepted', 'accepted', 'quota-exceeded']);
  });
});

describe("the remote's terms", () => {
  test('MQTT-3.3.4-7: never more unanswered than its Receive Maximum', async () => {
    const { remote, local } = await bridged({
      remote: { acknowledges: false, connack: { isSessionPresent: false, reasonCode: 0, properties: { receiveMaximum: 2 } } },
    });
    for (const payload of ['1', '2', '3']) local.publish('readings/a', payload);
    await settled();
    expect(remote.publishes.map(({ payload }) => payload)).toEqual(['1', '2']);
    remote.ack('puback', remote.publishes[0]?.packetId ?? 0);
    await settled();
    expect(remote.publishes.map(({ payload }) => payload)).toEqual(['1', '2', '3']);
  });

  test.each([
    [0, 0],
    [1, 1],
  ] as const)('MQTT-3.2.2-11: Maximum QoS %i is kept, and the row goes when that QoS is done', async (maximumQoS, seen) => {
    const made = await bridged({ remote: { connack: { isSessionPresent: false, reasonCode: 0, properties: { maximumQoS } } } });
    made.local.publish('readings/a', 'x', { qos: 2, packetId: 1 });
    await settled();
    await settled();
    expect(made.remote.publishes.map(({ qos }) => qos)).toEqual([seen]);
    expect(queued(made)).toBe(0);
  });

  test('MQTT-3.2.2-14: no RETAIN where it is not available', async () => {
    const { remote, local } = await bridged({
      remote: { connack: { isSessionPresent: false, reasonCode: 0, properties: { retainAvailable: false } } },
    });
    local.publish('readings/a', 'x', { isRetain: true });
    await settled();
    expect(remote.publishes.map(({ isRetain }) => isRetain)).toEqual([false]);
  });

  test('MQTT-3.2.2-15: a message above its Maximum Packet Size is dropped, counted, and stalls nobody', async () => {
    const made = await bridged({
      remote: { connack: { isSessionPresent: false, reasonCode: 0, properties: { maximumPacketSize: 100 } } },
    });
    made.local.publish('readings/a', 'x'.repeat(200), { qos: 0 });
    made.local.publish('readings/a', 'y'.repeat(200));
    made.local.publish('readings/a', 'small');
    await settled();
    expect(made.remote.publishes.map(({ payload }) => payload)).toEqual(['small']);
    expect(made.core.metric('bridge:centre.dropped.too-large')).toBe(1);
    expect(deadLetters(made)).toEqual([['y'.repeat(200), 'larger than the remote takes']]);
    expect(queued(made)).toBe(1);
  });
});

describe('what the remote does not take', () => {
  test.each([
    ['0x87 not authorized', 0x87],
    ['0x90 topic name invalid', 0x90],
    ['0x99 payload format invalid', 0x99],
  ])('%s: a dead letter at once, and the next message goes on', async (_, reasonCode) => {
    const made = await bridged({ remote: { acknowledges: false }, bridge: { inflightMax: 1 } });
    made.local.publish('readings/a', 'never');
    made.local.publish('readings/a', 'next');
    await settled();
    made.remote.refuse('never', reasonCode);
    await settled();
    expect(made.remote.payloads).toEqual(['never', 'next']);
    expect(deadLetters(made)).toEqual([['never', expect.stringContaining(`0x${reasonCode.toString(16)}`)]]);
    expect(made.core.metric('bridge:centre.dead-letters')).toBe(1);
  });

  test('the status counts what waits and what became a dead letter', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    for (const payload of ['never', 'waits', 'waits too']) made.local.publish('readings/a', payload);
    await settled();
    made.remote.refuse('never', 0x87);
    await settled();
    expect(made.core.broker.waitingFor('bridge:centre')).toEqual({ queuedMessages: 2, deadLetters: 1, lostMessages: 0 });
    expect(made.core.broker.waitingFor('bridge:other')).toEqual({ queuedMessages: 0, deadLetters: 0, lostMessages: 0 });
  });

  test('QoS 2 refused at PUBREC: a dead letter, and its packet id is free', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'never', { qos: 2, packetId: 1 });
    await settled();
    made.remote.ack('pubrec', made.remote.publishes[0]?.packetId ?? 0, 0x87);
    await settled();
    expect(deadLetters(made)).toEqual([['never', expect.stringContaining('0x87')]]);
    expect(queued(made)).toBe(1);
  });

  test('0x97: offered again after 5 s and after 20 s; a dead letter at the third refusal while others are taken', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'poison');
    made.local.publish('readings/b', 'good');
    await settled();
    made.remote.refuse('poison', 0x97);
    made.remote.take('good');
    await settled();
    await made.clock.advanceSeconds(5);
    made.remote.refuse('poison', 0x97);
    await settled();
    await made.clock.advanceSeconds(19);
    expect(made.remote.payloads).toEqual(['poison', 'good', 'poison']);
    await made.clock.advanceSeconds(1);
    made.remote.refuse('poison', 0x97);
    await settled();
    expect(deadLetters(made)).toEqual([['poison', expect.stringContaining('0x97')]]);
  });

  test('a remote that takes nothing is full: whatever it refuses waits, each attempt a minute later at most', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'waits');
    await settled();
    for (let attempt = 0; attempt < 6; attempt += 1) {
      made.remote.refuse('waits', 0x97);
      await settled();
      await made.clock.advanceSeconds(60);
    }
    expect(made.remote.payloads).toEqual(Array(7).fill('waits'));
    expect(deadLetters(made)).toEqual([]);
    made.remote.take('waits');
    await settled();
    expect(queued(made)).toBe(0);
  });

  test('a message without answer: the line is opened anew and it is sent again, with DUP; never answered while others are: a dead letter', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'silent');
    await settled();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      made.local.publish('readings/b', `other ${attempt}`);
      await settled();
      made.remote.take(`other ${attempt}`);
      await settled();
      await made.clock.advanceSeconds(60);
      await made.clock.advanceSeconds(1);
      await settled();
      expect(made.remote.dialCount).toBe(attempt + 1);
    }
    expect(made.remote.publishes.filter(({ payload }) => payload === 'silent').map(({ isDuplicate }) => isDuplicate)).toEqual([false, true, true]);
    expect(deadLetters(made)).toEqual([['silent', expect.stringContaining('never answered')]]);
    expect(made.core.metric('bridge:centre.unanswered')).toBe(3);
  });

  test.each([
    ['DISCONNECT with 0x95', (remote: ScriptedRemote) => remote.send({ type: 'disconnect', reasonCode: 0x95 })],
    ['a closed connection', (remote: ScriptedRemote) => remote.hangUp()],
  ])('answered by %s each time: found by sending one by one, a dead letter, and the others go on', async (_, end) => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'poison');
    made.local.publish('readings/a', 'good 1');
    made.local.publish('readings/a', 'good 2');
    await settled();
    for (let attempt = 0; attempt < 5; attempt += 1) {
      end(made.remote);
      await settled();
      await made.clock.advanceSeconds(30);
      await settled();
    }
    expect(made.remote.payloads).toEqual(['poison', 'good 1', 'good 2', 'poison', 'good 1', 'good 2', 'poison', 'poison', 'poison', 'good 1', 'good 2']);
    expect(deadLetters(made)).toEqual([['poison', expect.stringContaining('ends the connection')]]);
  });

  test('a remote that answers nothing is ill: everything waits, though the line is opened anew each time', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'waits');
    await settled();
    for (let attempt = 0; attempt < 8; attempt += 1) {
      await made.clock.advanceSeconds(60);
      await made.clock.advanceSeconds(30);
      await settled();
    }
    expect(made.remote.dialCount).toBeGreaterThan(5);
    expect(deadLetters(made)).toEqual([]);
    made.remote.take('waits');
    await settled();
    expect(queued(made)).toBe(0);
  });

  test('a line the bridge itself ends each time, for a full queue on this side, is no answer', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'waits');
    await settled();
    made.core.store.isCongested = true;
    for (let attempt = 0; attempt < 8; attempt += 1) {
      made.remote.publish('site1/cmd/valve', 'open', 1, 7);
      await settled();
      await made.clock.advanceSeconds(30);
      await settled();
    }
    expect(made.remote.dialCount).toBe(9);
    expect(deadLetters(made)).toEqual([]);
  });

  test('dead letters survive a restart; nothing of them is sent again', async () => {
    const clock = new FakeClock();
    const first = await bridged({ clock, remote: { acknowledges: false } });
    first.local.publish('readings/a', 'never');
    await settled();
    first.remote.refuse('never', 0x87);
    await settled();
    const core = startCore({ clock, store: first.core.store.reopened({ wasClean: false }) });
    const second = await bridged({ clock, core });
    expect(deadLetters(second)).toEqual([['never', expect.stringContaining('0x87')]]);
    expect(second.remote.publishes).toEqual([]);
  });
});

describe('inbound exactly once', () => {
  test('a second copy of an open QoS 2 id is answered and not passed on; PUBCOMP follows PUBREL', async () => {
    const { remote, local } = await bridged({ remote: { acknowledges: false } });
    local.subscribe('cmd/#', { qos: 0 });
    remote.publish('site1/cmd/valve', 'open', 2, 7);
    await settled();
    remote.publish('site1/cmd/valve', 'open', 2, 7);
    await settled();
    remote.ack('pubrel', 7);
    await settled();
    expect(local.payloads).toEqual(['open']);
    expect(remote.acks).toEqual([
      ['pubrec', 7, 0],
      ['pubrec', 7, 0],
      ['pubcomp', 7, 0],
    ]);
  });

  test('a local queue that refuses: no PUBACK, so that the remote keeps the message; the line is opened anew', async () => {
    const { clock, core, remote } = await bridged();
    core.store.isCongested = true;
    remote.publish('site1/cmd/valve', 'open', 1, 7);
    await settled();
    expect(remote.acks).toEqual([]);
    core.store.isCongested = false;
    await clock.advanceMs(1_000);
    expect(remote.dialCount).toBe(2);
  });
});

describe('the line', () => {
  test('attempts wait longer each time, up to the cap, and start over after a success', async () => {
    const { clock, remote } = await bridged({ remote: { isReachable: false } });
    expect(remote.dialCount).toBe(1);
    await clock.advanceMs(1_000);
    expect(remote.dialCount).toBe(2);
    await clock.advanceMs(1_999);
    expect(remote.dialCount).toBe(2);
    await clock.advanceMs(1);
    expect(remote.dialCount).toBe(3);
    remote.isReachable = true;
    await clock.advanceMs(4_000);
    expect(remote.connects.length).toBe(1);
    remote.hangUp();
    await settled();
    await clock.advanceMs(1_000);
    expect(remote.connects.length).toBe(2);
  });

  test.each([
    ['CONNACK', { connack: undefined }],
    ['SUBACK', { grantsSubscriptions: false }],
  ])('a remote that never sends %s is given up after 20 s', async (_, over) => {
    const { clock, remote } = await bridged({ remote: over });
    await clock.advanceMs(20_000);
    await clock.advanceMs(1_000);
    expect(remote.dialCount).toBe(2);
  });

  test('MQTT-3.1.2-20: a silent line is pinged, and given up when that stays unanswered', async () => {
    const { clock, remote } = await bridged();
    await clock.advanceSeconds(45);
    expect(remote.packets.filter(({ type }) => type === 'pingreq').length).toBe(1);
    const mute = await bridged();
    mute.remote.onPacket = () => {};
    await mute.clock.advanceSeconds(45);
    await mute.clock.advanceSeconds(45);
    await mute.clock.advanceSeconds(1);
    expect(mute.remote.dialCount).toBe(2);
  });

  test('the bridge bit: told to 3.1.1, left out after a refusal with return code 1', async () => {
    const { clock, remote } = await bridged({
      uplink: { version: 4 },
      remote: { connack: { isSessionPresent: false, reasonCode: 1 } },
    });
    expect(remote.connects.map(({ isBridge }) => isBridge)).toEqual([true]);
    remote.connack = { isSessionPresent: false, reasonCode: 0 };
    await clock.advanceMs(1_000);
    expect(remote.connects.map(({ isBridge }) => isBridge)).toEqual([true, false]);
  });

  test('status: 1 while connected, 0 otherwise, retained here; at the remote by publish and by will', async () => {
    const statusTopic = topicName('$SYS/broker/connection/gw/state');
    const { core, remote, bridge } = await bridged({ uplink: { statusTopic } });
    const here = () => Buffer.from(core.store.retained.get(statusTopic)?.payload ?? []).toString();
    expect(here()).toBe('1');
    expect(remote.connects[0]?.will).toMatchObject({ topic: statusTopic, isRetain: true });
    expect(remote.publishes[0]).toMatchObject({ topic: statusTopic, payload: '1', isRetain: true });
    remote.hangUp();
    await settled();
    expect(here()).toBe('0');
    await bridge.stop(new AbortController().signal);
    expect(here()).toBe('0');
  });

  test('new credentials and the former ones are tried by turns until the remote has taken the new', async () => {
    const formerCredentials = { username: 'edge', password: Buffer.from('old') };
    const uplink = { username: 'edge', password: Buffer.from('new'), formerCredentials };
    const { clock, remote } = await bridged({ uplink, remote: { connack: undefined } });
    for (const reasonCode of [0x86, 0, 0x87, 0x86, 0, 0x86]) {
      remote.send({ type: 'connack', isSessionPresent: false, reasonCode });
      await settled();
      remote.hangUp();
      const { dialCount } = remote;
      while (remote.dialCount === dialCount) await clock.advanceSeconds(1);
      await settled();
    }
    expect(remote.connects.map(({ password }) => password?.toString())).toEqual(['new', 'old', 'new', 'old', 'new', 'new', 'new']);
  });

  test('stop says goodbye and loses nothing', async () => {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', 'x');
    await settled();
    await made.bridge.stop(new AbortController().signal);
    expect(made.remote.packets.at(-1)?.type).toBe('disconnect');
    expect(queued(made)).toBe(1);
  });
});
