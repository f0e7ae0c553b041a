import { describe, expect, test } from 'vitest';
import type { AuthenticationVerdict } from '../../../src/access/access.ts';
import { connect, disconnect, MqttBench, type MqttPeer, will } from '../../support/mqtt.ts';

const V4 = { version: 4 } as const;

describe('MQTT 3.1.1 §3.1 CONNECT', () => {
  test.each([
    ['MQTT-3.1.0-1: PINGREQ first', 'c000', ''],
    ['MQTT-3.1.2-1: a wrong Protocol Name', '10 0e 0004 4d515455 04 02 0000 0002 6777', ''],
    ['MQTT-3.1.2-3: the reserved flag', '10 0e 0004 4d515454 04 03 0000 0002 6777', ''],
    ['MQTT-3.1.2-11: Will QoS without a will', '10 0e 0004 4d515454 04 0a 0000 0002 6777', ''],
    ['MQTT-3.1.2-14: Will QoS 3', '10 14 0004 4d515454 04 1e 0000 0002 6777 0001 61 0001 62', ''],
    ['MQTT-3.1.2-22: a password without a user name', '10 11 0004 4d515454 04 42 0000 0002 6777 0001 70', ''],
    ['MQTT-3.1.2-9: a will that is flagged and missing', '10 0e 0004 4d515454 04 06 0000 0002 6777', ''],
    ['MQTT-3.1.2-13: Will QoS without a will', '10 0e 0004 4d515454 04 12 0000 0002 6777', ''],
    ['MQTT-3.1.2-15: Will Retain without a will', '10 0e 0004 4d515454 04 22 0000 0002 6777', ''],
    ['MQTT-3.1.2-18: a user name that is not flagged', '10 11 0004 4d515454 04 02 0000 0002 6777 0001 75', ''],
    ['MQTT-3.1.2-19: a user name that is flagged and missing', '10 0e 0004 4d515454 04 82 0000 0002 6777', ''],
    ['MQTT-3.1.2-20: a password that is not flagged', '10 14 0004 4d515454 04 82 0000 0002 6777 0001 75 0001 70', ''],
    ['MQTT-3.1.2-21: a password that is flagged and missing', '10 11 0004 4d515454 04 c2 0000 0002 6777 0001 75', ''],
    ['MQTT-3.1.3-3: no client id', '10 0a 0004 4d515454 04 02 0000', ''],
    ['MQTT-3.1.3-4: a client id that is not UTF-8', '10 0e 0004 4d515454 04 02 0000 0002 67ff', ''],
    ['MQTT-3.1.3-10: a will topic that is not UTF-8', '10 14 0004 4d515454 04 06 0000 0002 6777 0001 ff 0001 62', ''],
    ['MQTT-3.1.3-11: a user name that is not UTF-8', '10 11 0004 4d515454 04 82 0000 0002 6777 0001 ff', ''],
    ['MQTT-2.2.2-1, -2: reserved flags of the fixed header', '11 0e 0004 4d515454 04 02 0000 0002 6777', ''],
    ['MQTT-1.5.3-2: U+0000 in the client id', '10 0e 0004 4d515454 04 02 0000 0002 6700', ''],
    ['MQTT-3.1.3-8: an empty client id without Clean Session: return code 2', '10 0c 0004 4d515454 04 00 0000 0000', '20 02 00 02'],
  ])('MQTT-3.1.4-1: %s: closed, and no CONNACK but where a return code says it', async (_, hex, answer) => {
    const bench = await MqttBench.start();
    const peer = bench.peer(4).sends(hex);
    await peer.expectsOctets(answer);
    expect(peer.link.isEnded).toBe(true);
  });

  test('MQTT-3.1.0-2: a second CONNECT ends the connection without a word', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw', ...V4 });
    await peer.sends(connect({ clientId: 'gw', ...V4 })).expectsEnd();
  });

  test.each([
    ['bad-credentials', '20 02 00 04'],
    ['banned', '20 02 00 05'],
    ['not-authorized', '20 02 00 05'],
  ] as const)('MQTT-3.2.2-4, -5: %s', async (reason, answer) => {
    const bench = await MqttBench.start();
    const denial: AuthenticationVerdict = { kind: 'deny', reason };
    bench.core.access.authenticate = async () => denial as Exclude<AuthenticationVerdict, { kind: 'skip' }>;
    const peer = bench.peer(4).sends(connect({ ...V4, cleanStart: false }));
    await peer.expectsOctets(answer);
    expect(peer.link.isEnded).toBe(true);
  });

  test('return code 3 when there is no room, and when the gateway itself failed', async () => {
    const bench = await MqttBench.start({ broker: { sessionsMax: 0 } });
    await bench.peer(4).sends(connect(V4)).expectsOctets('20 02 00 03');
    bench.core.access.authenticate = () => Promise.reject(new TypeError('planted'));
    await bench.peer(4).sends(connect(V4)).expectsOctets('20 02 00 03');
  });

  test('MQTT-3.1.3-9: return code 2 for the id of another principal', async () => {
    const bench = await MqttBench.start();
    await bench.connected({ clientId: 'gw', username: 'alice', ...V4 });
    await bench
      .peer(4)
      .sends(connect({ clientId: 'gw', username: 'mallory', ...V4 }))
      .expectsOctets('20 02 00 02');
  });

  test.each([['a'], ['0123456789abcdefghijABC'], ['x'.repeat(1_024)]])(
    'MQTT-3.1.3-2, -5, MQTT-3.1.4-5: client id %s is let in and has a session of its own',
    async (clientId) => {
      const bench = await MqttBench.start();
      await bench.connected({ clientId, ...V4 });
      await bench.connected({ clientId: `${clientId.slice(0, 22)}Z`, ...V4 });
      expect(bench.core.broker.connectedCount).toBe(2);
    },
  );

  test('MQTT-3.1.3-6, -7: an empty id with Clean Session gets a session of its own', async () => {
    const bench = await MqttBench.start();
    const peers = [await bench.connected({ clientId: '', ...V4 }), await bench.connected({ clientId: '', ...V4 })];
    for (const peer of peers) await peer.sends('c000').expects({ type: 'pingresp' });
    expect(bench.core.broker.sessionCount).toBe(2);
  });

  test('MQTT-3.1.4-2: a second connection closes the first, without a word', async () => {
    const bench = await MqttBench.start();
    const first = await bench.connected({ clientId: 'gw', ...V4 });
    const second = await bench.connected({ clientId: 'gw', ...V4 });
    await first.expectsEnd();
    await second.sends('c000').expects({ type: 'pingresp' });
  });

  test('MQTT-3.1.2-24: closed at 1.5 times the keep-alive, and the will goes out', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher', ...V4 })).subscribed({ filter: 'will' });
    const peer = await bench.connected({ clientId: 'gw', keepAliveSeconds: 10, will: will({ qos: 1 }), ...V4 });
    await bench.clock.advanceMs(14_999);
    expect(peer.link.isEnded).toBe(false);
    await bench.clock.advanceMs(1);
    await peer.expectsEnd();
    await watcher.expects({ type: 'publish', payload: 'gone', qos: 1 });
  });

  test.each([
    ['DISCONNECT removes it', (peer: MqttPeer) => peer.sends(disconnect()), []],
    ['a broken link brings it', (peer: MqttPeer) => peer.link.resets(), ['gone']],
    ['a broken rule brings it', (peer: MqttPeer) => peer.sends('f000'), ['gone']],
  ])('MQTT-3.1.2-8, -10, MQTT-3.14.4-3: the will: %s', async (_, leave, payloads) => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher', ...V4 })).subscribed({ filter: 'will' });
    leave(await bench.connected({ clientId: 'gw', will: will(), ...V4 }));
    expect(await watcher.payloads()).toEqual(payloads);
  });

  test.each([
    ['MQTT-3.1.2-16: 0: it is not retained', false, []],
    ['MQTT-3.1.2-17: 1: it is', true, ['gone']],
  ])('Will Retain %s', async (_, isRetain, kept) => {
    const bench = await MqttBench.start();
    await (await bench.connected({ clientId: 'gw', will: will({ isRetain }), ...V4 })).breaks();
    const late = await bench.connected({ clientId: 'late', ...V4 });
    expect(await late.sends('82 09 0001 0004 77696c6c 00').payloads()).toEqual(kept);
  });

  test('MQTT-3.2.0-1: CONNACK has no properties', async () => {
    const bench = await MqttBench.start();
    await bench.peer(4).sends(connect(V4)).expectsOctets('20 02 00 00');
  });
});

describe('MQTT 3.1.1 §3.1.2.4 Clean Session', () => {
  test('MQTT-3.1.2-4, -5, MQTT-3.2.2-2, MQTT-4.1.0-1: 0 resumes, with QoS 1 and 2 that came meanwhile', async () => {
    const bench = await MqttBench.start();
    const kept = { clientId: 'gw', cleanStart: false, ...V4 };
    await (await (await bench.connected(kept)).subscribed({ filter: 'a' })).breaks();
    const sender = await bench.connected({ clientId: 'sender', ...V4 });
    await sender.publishes('a', '0').publishes('a', '1', { qos: 1 }).publishes('a', '2', { qos: 2 }).receives();
    await bench.clock.advanceSeconds(86_400);
    const again = bench.peer(4).sends(connect(kept));
    await again.expects({ type: 'connack', isSessionPresent: true }, { payload: '1', qos: 1 }, { payload: '2', qos: 2 });
  });

  test('MQTT-3.1.2-6, MQTT-3.1.4-4, MQTT-3.2.2-1, -3: 1 drops what was kept, before and after; MQTT-3.1.2-7: retained messages stay', async () => {
    const bench = await MqttBench.start();
    const kept = { clientId: 'gw', cleanStart: false, ...V4 };
    const first = await (await bench.connected(kept)).subscribed({ filter: 'a' });
    await first.publishes('r', 'kept', { isRetain: true }).breaks();
    await (await bench.connected({ ...kept, cleanStart: true })).breaks();
    await bench.peer(4).sends(connect(kept)).expectsOctets('20 02 00 00');
    const reader = await bench.connected({ clientId: 'reader', ...V4 });
    expect(await reader.sends('82 06 0001 0001 72 00').payloads()).toEqual(['kept']);
  });

  test('a session without Clean Session is kept no longer than the longest expiry granted', async () => {
    const bench = await MqttBench.start({ settings: { sessionExpiryMaxSeconds: 60 } });
    const kept = { clientId: 'gw', cleanStart: false, ...V4 };
    await (await bench.connected(kept)).breaks();
    await bench.clock.advanceSeconds(61);
    await bench.peer(4).sends(connect(kept)).expectsOctets('20 02 00 00');
  });
});

describe('bridges of MQTT 3.1 and 3.1.1 (version byte with its top bit set)', () => {
  const BRIDGE = '10 0e 0004 4d515454 84 00 0000 0002 6777';

  test('are let in; they get no message back that is theirs, and RETAIN as it was published', async () => {
    const bench = await MqttBench.start();
    const bridge = bench.peer(4).sends(BRIDGE);
    await bridge.expects({ type: 'connack', reasonCode: 0 });
    const sender = await bench.connected({ clientId: 'sender', ...V4 });
    await bridge.sends('82 06 0001 0001 23 00').expects({ type: 'suback' });
    bridge.publishes('a', 'own');
    sender.publishes('a', 'other', { isRetain: true });
    await bridge.expects({ type: 'publish', payload: 'other', isRetain: true });
  });

  test('are told return code 1 where the setting forbids them: they try again without the bit', async () => {
    const bench = await MqttBench.start({ settings: { allowBridgeBit: false } });
    const bridge = bench.peer(4).sends(BRIDGE);
    await bridge.expectsOctets('20 02 00 01');
    expect(bridge.link.isEnded).toBe(true);
  });

  test('5.0 has no such bit', async () => {
    const bench = await MqttBench.start();
    await bench.peer(5).sends('10 0f 0004 4d515454 85 00 0000 00 0002 6777').expectsOctets('20 03 00 84 00');
  });
});
