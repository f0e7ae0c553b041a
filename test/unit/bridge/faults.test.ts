// What a remote can do wrong: each has a state and a counter with a name, and costs its own bridge only.
import { describe, expect, test } from 'vitest';
import type { FailureKind } from '../../../src/bridge/link-state.ts';
import type { MqttUplinkSettings } from '../../../src/bridge/uplinks/mqtt-packets.ts';
import { REASON } from '../../../src/mqtt/packets.ts';
import { type Bridged, bridged, TRANSIENT } from '../../support/bridged.ts';
import { settled } from '../../support/fake-clock.ts';
import type { ScriptedRemote } from '../../support/scripted-remote.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const LET_IN = { isSessionPresent: false, reasonCode: 0 } as const;

function counted({ core }: Bridged, what: string): number | undefined {
  return core.metrics.snapshot()[`bridge:centre.${what}`];
}

function queued({ core }: Bridged): number {
  return core.store.status().queuedMessages;
}

/** Another client of this gateway is served as ever. */
async function restIsServed({ core, local }: Bridged): Promise<void> {
  const other = new TestClient(core.context('mqtt'));
  await other.connect(requestOf('other', TRANSIENT));
  other.subscribe('elsewhere', { qos: 0 });
  local.publish('elsewhere', 'still here');
  await settled();
  expect(other.delivered.map(({ payload }) => payload)).toEqual(['still here']);
  other.session.disconnect({ publishWill: false });
}

interface LinkFault {
  readonly what: string;
  /** As it is when it is dialled first. */
  readonly remote?: Partial<ScriptedRemote>;
  /** What it does then. */
  happens?(made: Bridged): void | Promise<void>;
  readonly uplink?: Partial<MqttUplinkSettings>;
  readonly kind: FailureKind;
  readonly words: string;
}

const LINK_FAULTS: readonly LinkFault[] = [
  {
    what: 'a name that resolves to nothing',
    remote: { failsAt: { stage: 'resolve', reason: 'its name is not known' } },
    kind: 'unresolved',
    words: 'its name is not known',
  },
  { what: 'nothing listens', remote: { failsAt: { stage: 'connect', reason: 'nothing listens there' } }, kind: 'unreachable', words: 'nothing listens there' },
  {
    what: 'an expired certificate',
    remote: { failsAt: { stage: 'secure', reason: 'its certificate has expired' } },
    kind: 'tls-failed',
    words: 'its certificate has expired',
  },
  {
    what: 'no WebSocket',
    remote: { failsAt: { stage: 'upgrade', reason: 'it answers 404 Not Found' } },
    kind: 'upgrade-refused',
    words: 'it answers 404 Not Found',
  },
  { what: 'CONNECT refused', remote: { connack: { ...LET_IN, reasonCode: 0x87 } }, kind: 'refused', words: 'the remote refuses with 0x87 (not authorized)' },
  {
    what: 'CONNECT refused with a reason of its own',
    remote: { connack: { ...LET_IN, reasonCode: 0x8a, properties: { reasonString: 'ask Eve' } } },
    kind: 'refused',
    words: 'the remote refuses with 0x8a (banned): ask Eve',
  },
  {
    what: 'closed before CONNACK',
    remote: { connack: undefined },
    happens: ({ remote }) => remote.hangUp(),
    kind: 'closed',
    words: 'before it answered CONNECT',
  },
  {
    what: 'closed before SUBACK',
    remote: { grantsSubscriptions: false },
    happens: ({ remote }) => remote.hangUp(),
    kind: 'closed',
    words: 'closed by the remote',
  },
  { what: 'closed while connected', happens: ({ remote }) => remote.hangUp(), kind: 'closed', words: 'closed by the remote' },
  {
    what: 'DISCONNECT',
    happens: ({ remote }) => remote.send({ type: 'disconnect', reasonCode: REASON.serverShuttingDown }),
    kind: 'closed',
    words: 'the remote says 0x8b (server shutting down)',
  },
  { what: 'no CONNACK', remote: { connack: undefined }, happens: ({ clock }) => clock.advanceSeconds(20), kind: 'unanswered', words: 'no CONNACK within 20 s' },
  {
    what: 'no SUBACK',
    remote: { grantsSubscriptions: false },
    happens: ({ clock }) => clock.advanceSeconds(20),
    kind: 'unanswered',
    words: 'no SUBACK within 20 s',
  },
  {
    what: 'a message before CONNACK',
    remote: { connack: undefined },
    happens: ({ remote }) => remote.publish('site1/cmd/a', 'x', 1, 1),
    kind: 'violation',
    words: 'publish is the first packet [MQTT-3.2.0-1]',
  },
  {
    what: 'an answer before CONNACK',
    remote: { connack: undefined },
    happens: ({ remote }) => remote.ack('puback', 1),
    kind: 'violation',
    words: 'puback is the first packet [MQTT-3.2.0-1]',
  },
  {
    what: 'a second CONNACK',
    happens: ({ remote }) => remote.send({ type: 'connack', ...LET_IN }),
    kind: 'violation',
    words: 'a second connack [MQTT-3.2.0-2]',
  },
  { what: 'what only clients send', happens: ({ remote }) => remote.send({ type: 'pingreq' }), kind: 'violation', words: 'pingreq' },
  { what: 'bytes that are no packet', happens: ({ remote }) => remote.sendBytes(Buffer.from('ffffffffff', 'hex')), kind: 'violation', words: '' },
  {
    what: 'a session that a clean start must have ended',
    remote: { connack: { ...LET_IN, isSessionPresent: true } },
    uplink: { cleanStart: true },
    kind: 'violation',
    words: 'a clean start must have ended',
  },
];

describe('a connection that fails', () => {
  test.each(LINK_FAULTS)('$what: $kind', async ({ remote: remoteOver, happens, uplink = {}, kind, words }) => {
    const made = await bridged({ remote: remoteOver ?? {}, uplink });
    await happens?.(made);
    await settled();
    expect(made.bridge.status()).toMatchObject({ state: 'waiting', isConnected: false, lastFailure: kind, reason: expect.stringContaining(words) });
    expect(counted(made, `failures.${kind}`)).toBe(1);
    expect(made.bridge.status()).toMatchObject({ retrySeconds: expect.any(Number), failedAddress: 'remote:1883', failures: 1 });
    made.local.publish('readings/a', 'kept', { qos: 1 });
    await restIsServed(made);
    expect(queued(made)).toBe(1);
    Object.assign(made.remote, { connack: LET_IN, grantsSubscriptions: true, failsAt: undefined });
    await made.clock.advanceSeconds(60);
    expect(made.bridge.status()).toMatchObject({ state: 'connected', isConnected: true, failures: 0, lastFailure: kind });
    expect([made.remote.payloads, queued(made)]).toEqual([['kept'], 0]);
  });
});

describe('answers to messages', () => {
  async function twoUnderWay(): Promise<Bridged> {
    const made = await bridged({ remote: { acknowledges: false } });
    made.local.publish('readings/a', '1', { qos: 1 });
    made.local.publish('readings/a', '2', { qos: 1 });
    await settled();
    return made;
  }

  const idOf = ({ remote }: Bridged, payload: string): number => remote.publishes.findLast((each) => each.payload === payload)?.packetId ?? 0;
  const take = ({ remote }: Bridged, ...payloads: string[]): void => {
    for (const payload of payloads) remote.take(payload);
  };
  const ANSWERS: readonly (readonly [string, (made: Bridged) => void | Promise<void>, unexpected: number])[] = [
    ['out of order', (made) => take(made, '2', '1'), 0],
    ['twice', (made) => take(made, '1', '1', '2', '2'), 2],
    ['with the id of no message', (made) => made.remote.ack('puback', 7_001), 1],
    ['PUBREC with the id of no message', (made) => made.remote.ack('pubrec', 7_001), 1],
    ['PUBCOMP with the id of no message', (made) => made.remote.ack('pubcomp', 7_001), 1],
    ['a refusal with the id of no message', (made) => made.remote.ack('puback', 7_001, REASON.notAuthorized), 1],
    [
      'late, on a later connection',
      async (made) => {
        const late = idOf(made, '1');
        await made.clock.advanceSeconds(60);
        await made.clock.advanceSeconds(1);
        made.remote.ack('puback', late);
        await settled();
        made.remote.ack('puback', late);
      },
      1,
    ],
  ];

  test.each(ANSWERS)('%s', async (_, happens, unexpected) => {
    const made = await twoUnderWay();
    await happens(made);
    await settled();
    expect(counted(made, 'answers-unexpected')).toBe(unexpected);
    expect([made.bridge.status().isConnected, counted(made, 'dead-letters')]).toEqual([true, 0]);
    for (const payload of ['1', '2']) if (queued(made) > 0) made.remote.take(payload);
    await settled();
    expect(queued(made)).toBe(0);
    await restIsServed(made);
  });
});

describe('a remote with little room', () => {
  test('Receive Maximum 1: one message after the other, all of them', async () => {
    const made = await bridged({ remote: { acknowledges: false, connack: { ...LET_IN, properties: { receiveMaximum: 1 } } } });
    for (const payload of ['1', '2', '3']) made.local.publish('readings/a', payload, { qos: 1 });
    for (const payload of ['1', '2', '3']) {
      await settled();
      expect(made.remote.payloads.at(-1)).toBe(payload);
      made.remote.take(payload);
    }
    await settled();
    expect([made.remote.payloads, queued(made), made.bridge.status().state]).toEqual([['1', '2', '3'], 0, 'connected']);
    await restIsServed(made);
  });

  test('Maximum Packet Size 256: what is larger is a dead letter, or dropped at QoS 0, and the rest passes', async () => {
    const made = await bridged({ remote: { connack: { ...LET_IN, properties: { maximumPacketSize: 256 } } } });
    made.local.publish('readings/a', 'x'.repeat(300), { qos: 1 });
    made.local.publish('readings/a', 'x'.repeat(300), { qos: 0 });
    made.local.publish('readings/a', 'small', { qos: 1 });
    await settled();
    expect([made.remote.payloads, counted(made, 'dead-letters'), counted(made, 'dropped.too-large')]).toEqual([['small'], 1, 1]);
    expect(made.bridge.status().state).toBe('connected');
    await restIsServed(made);
  });

  test.each([
    [REASON.notAuthorized, 'not authorized'],
    [REASON.topicNameInvalid, 'topic name invalid'],
  ])('a topic it refuses with code %i (%s): a dead letter, and the rest passes', async (code, _) => {
    const made = await bridged({ remote: { acknowledges: false } });
    for (const payload of ['bad', 'good']) made.local.publish('readings/a', payload, { qos: 1 });
    await settled();
    made.remote.refuse('bad', code);
    made.remote.take('good');
    await settled();
    expect([counted(made, 'dead-letters'), made.bridge.status().state]).toEqual([1, 'connected']);
    await restIsServed(made);
  });

  test('a filter it refuses is counted, and the bridge works without it', async () => {
    const made = await bridged({ remote: { grantsSubscriptions: false } });
    const asked = made.remote.packets.find(({ type }) => type === 'subscribe');
    made.remote.send({ type: 'suback', packetId: asked?.type === 'subscribe' ? asked.packetId : 0, reasonCodes: [REASON.notAuthorized] });
    await settled();
    expect([counted(made, 'filters-refused'), made.bridge.status().state]).toEqual([1, 'connected']);
  });
});

test('a remote that loses our session again and again is counted, and what was under way goes out anew', async () => {
  const made = await bridged({ remote: { acknowledges: false, connack: { ...LET_IN, isSessionPresent: true } } });
  made.local.publish('readings/a', '1', { qos: 1 });
  await settled();
  expect(counted(made, 'sessions-lost')).toBe(0);
  for (const isSessionPresent of [false, true, false]) {
    made.remote.connack = { ...LET_IN, isSessionPresent };
    made.remote.hangUp();
    await made.clock.advanceSeconds(30);
    await settled();
  }
  expect(counted(made, 'sessions-lost')).toBe(2);
  made.remote.take('1');
  await settled();
  expect(queued(made)).toBe(0);
});

test('100,000 retained messages at once are taken one read after the other, and others are served in between', async () => {
  const READ = 5_000;
  const made = await bridged();
  const topics = Array.from({ length: 100_000 }, (_, index) => `site1/cmd/${index % 1_000}`);
  for (let from = 0; from < topics.length; from += READ) {
    made.remote.floodRetained(topics.slice(from, from + READ), (index) => ((from + index) % 65_535) + 1);
    await settled();
    if (from % (4 * READ) === 0) await restIsServed(made);
  }
  expect([counted(made, 'received'), made.bridge.status().state, made.remote.acks.length]).toEqual([100_000, 'connected', 100_000]);
});

describe('MQTT 5 §3.3.2.3.4 topic aliases', () => {
  test('towards a remote that takes them: the name goes once, on each connection', async () => {
    const made = await bridged({ uplink: { topicAliasMax: 8 }, remote: { connack: { ...LET_IN, properties: { topicAliasMaximum: 4 } } } });
    for (const payload of ['1', '2']) made.local.publish('readings/boiler', payload, { qos: 1 });
    await settled();
    made.remote.hangUp();
    await made.clock.advanceSeconds(1);
    made.local.publish('readings/boiler', '3', { qos: 1 });
    await settled();
    expect(made.remote.publishes.map(({ topic }) => topic)).toEqual(['site1/readings/boiler', '', 'site1/readings/boiler']);
  });

  test('a remote that takes none gets names', async () => {
    const made = await bridged({ uplink: { topicAliasMax: 8 } });
    for (const payload of ['1', '2']) made.local.publish('readings/boiler', payload, { qos: 1 });
    await settled();
    expect(made.remote.publishes.map(({ topic }) => topic)).toEqual(['site1/readings/boiler', 'site1/readings/boiler']);
  });

  /** PUBLISH at QoS 0 with an alias; `topic` may be empty. */
  function aliased(alias: number, topic: string): Buffer {
    const name = Buffer.from(topic);
    const body = Buffer.concat([Buffer.from([name.length >> 8, name.length & 0xff]), name, Buffer.from([3, 0x23, alias >> 8, alias & 0xff]), Buffer.from('x')]);
    return Buffer.concat([Buffer.from([0x30, body.length]), body]);
  }

  test('those of the remote stand for the names it gave them, on this connection', async () => {
    const made = await bridged({ uplink: { topicAliasMax: 8 } });
    made.local.subscribe('cmd/#', { qos: 0 });
    made.remote.sendBytes(aliased(1, 'site1/cmd/a'));
    made.remote.sendBytes(aliased(1, ''));
    await settled();
    expect(made.remote.connects.at(-1)).toMatchObject({ properties: { topicAliasMaximum: 8 } });
    expect(made.local.delivered.map(({ topic }) => topic)).toEqual(['cmd/a', 'cmd/a']);
    made.remote.hangUp();
    await made.clock.advanceSeconds(1);
    made.remote.sendBytes(aliased(1, ''));
    await settled();
    expect(made.bridge.status()).toMatchObject({ lastFailure: 'violation', reason: expect.stringContaining('topic alias 1 was never set') });
  });

  test('MQTT-3.1.2-26: one above what we take ends the connection', async () => {
    const made = await bridged({ uplink: { topicAliasMax: 8 } });
    made.remote.sendBytes(aliased(9, 'site1/cmd/a'));
    await settled();
    expect(made.bridge.status()).toMatchObject({ lastFailure: 'violation', reason: expect.stringContaining('topic alias 9 is above 8') });
  });
});
