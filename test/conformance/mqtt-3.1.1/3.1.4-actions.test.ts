import { describe, expect, test } from 'vitest';
import type { AuthenticationVerdict } from '../../../src/access/access.ts';
import { connect, disconnect, MqttBench, publishBytes, subscribe, will } from '../../support/mqtt.ts';

const V4 = { version: 4 } as const;
const KEPT = { clientId: 'gw', cleanStart: false, ...V4 } as const;

describe('MQTT 3.1.1 §3.1 CONNECT', () => {
  test('MQTT-3.1.2-2, MQTT-3.2.2-5: a level this listener does not speak: return code 1, and the end', async () => {
    const bench = await MqttBench.start({ settings: { versions: [5] } });
    const peer = bench.peer(4).sends(connect(V4));
    await peer.expectsOctets('20 02 00 01');
    expect(peer.link.isEnded).toBe(true);
  });

  test('MQTT-3.2.2-6: no return code says what is wrong: closed without CONNACK', async () => {
    const bench = await MqttBench.start({ settings: { maximumQos: 1 } });
    const peer = bench.peer(4).sends(connect({ ...V4, will: will({ qos: 2 }) }));
    await peer.expectsOctets('');
    expect(peer.link.isEnded).toBe(true);
  });

  test('MQTT-3.1.2-12: no will: nothing goes out when the connection breaks', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher', ...V4 })).subscribed({ filter: '#' });
    await (await bench.connected({ clientId: 'gw', ...V4, will: will() })).sends(disconnect()).expectsEnd();
    await (await bench.connected({ clientId: 'gw', ...V4 })).breaks();
    await watcher.expectsNothing();
  });

  test('MQTT-3.1.3-1: client id, will topic, will message, user name and password are read in that order', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher', ...V4 })).subscribed({ filter: '#' });
    const seen: (string | undefined)[] = [];
    const { authenticate } = bench.core.access;
    bench.core.access.authenticate = (credentials) => {
      seen.push(credentials.clientId, credentials.username, Buffer.from(credentials.password ?? []).toString());
      return authenticate.call(bench.core.access, credentials);
    };
    const peer = bench.peer(4).sends('10 1a 0004 4d515454 04 c6 0000 0002 6777 0001 77 0001 6d 0001 75 0001 70');
    await peer.expectsOctets('20 02 00 00');
    await peer.breaks();
    expect(seen).toEqual(['gw', 'u', 'p']);
    await watcher.expects({ type: 'publish', topic: 'w', payload: 'm' });
  });

  test.each([
    ['0 begins a session', false, false, false],
    ['0 goes on with one', true, false, true],
    ['1 begins a new one', true, true, false],
  ])('MQTT-3.1.4-3, -4: Clean Session %s', async (_, hasSession, cleanStart, isSessionPresent) => {
    const bench = await MqttBench.start();
    if (hasSession) await (await bench.connected(KEPT)).breaks();
    const peer = bench.peer(4).sends(connect({ ...KEPT, cleanStart }));
    await peer.expectsOctets(isSessionPresent ? '20 02 01 00' : '20 02 00 00');
  });

  test('MQTT-3.1.4-5: what came behind a CONNECT that is refused is not processed', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher', ...V4 })).subscribed({ filter: '#' });
    const denial: AuthenticationVerdict = { kind: 'deny', reason: 'bad-credentials' };
    bench.core.access.authenticate = async () => denial as Exclude<AuthenticationVerdict, { kind: 'skip' }>;
    const peer = bench.peer(4).sends(connect(V4), publishBytes(4, 'a', 'x', { isRetain: true }));
    await peer.expectsOctets('20 02 00 04');
    await watcher.expectsNothing();
    expect(bench.metric('retained.messages')).toBe(0);
  });
});

describe('MQTT 3.1.1 §3.14 DISCONNECT', () => {
  test('MQTT-3.14.4-1, -2: the link closes, and what the client sends behind it is thrown away', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher', ...V4 })).subscribed({ filter: '#' });
    const peer = await bench.connected({ clientId: 'gw', ...V4 });
    await peer.sends(disconnect(), publishBytes(4, 'a', 'x')).expectsEnd();
    await watcher.expectsNothing();
  });
});

describe('MQTT 3.1.1 §4.1 Session state', () => {
  test('MQTT-4.1.0-1, -2: a session lasts as long as its connection, however long and whatever Clean Session says', async () => {
    const bench = await MqttBench.start({ settings: { sessionExpiryMaxSeconds: 60 } });
    const clean = await (await bench.connected({ clientId: 'clean', ...V4 })).subscribed({ filter: 'a' });
    const kept = await (await bench.connected(KEPT)).subscribed({ filter: 'a' });
    const sender = await bench.connected({ clientId: 'sender', ...V4 });
    await bench.clock.advanceSeconds(86_400);
    sender.publishes('a', 'x');
    await clean.expects({ type: 'publish', payload: 'x' });
    await kept.expects({ type: 'publish', payload: 'x' });
  });
});

describe('MQTT 3.1.1 §4.6 Message ordering', () => {
  test.each([
    ['MQTT-4.6.0-2: PUBACK', 1, 'puback'],
    ['MQTT-4.6.0-3: PUBREC', 2, 'pubrec'],
  ] as const)('%s in the order of the PUBLISH', async (_, qos, type) => {
    const bench = await MqttBench.start();
    const sender = await bench.connected({ clientId: 'sender', ...V4 });
    for (const packetId of [9, 3, 7]) sender.publishes('a', 'x', { qos, packetId });
    await sender.expects({ type, packetId: 9 }, { type, packetId: 3 }, { type, packetId: 7 });
  });

  test('MQTT-4.6.0-4: PUBREL in the order of the PUBREC; MQTT-4.6.0-1: what comes again comes in the order it was sent', async () => {
    const bench = await MqttBench.start();
    const receiver = await (await bench.connected({ ...KEPT, clientId: 'receiver' })).subscribed({ filter: '#' });
    const sender = await bench.connected({ clientId: 'sender', ...V4 });
    for (const packetId of [1, 2, 3, 4]) sender.publishes('a', `${packetId}`, { qos: 2, packetId });
    const ids = (await receiver.receives()).map((packet) => ('packetId' in packet ? packet.packetId : 0));
    const [first = 0, second = 0, ...rest] = ids;
    await receiver.sends(`50 02 ${hex(second)} 50 02 ${hex(first)}`).expects({ type: 'pubrel', packetId: second }, { type: 'pubrel', packetId: first });
    await receiver.breaks();
    const again = await bench
      .peer(4)
      .sends(connect({ ...KEPT, clientId: 'receiver' }))
      .receives();
    const repeated = again.flatMap((packet) => (packet.type === 'publish' ? [packet.packetId] : []));
    expect(repeated).toEqual(rest);
  });
});

describe('MQTT 3.1.1 §7 Conformance', () => {
  test('MQTT-7.0.0-2: nothing beyond the standard is needed: connect, subscribe, publish, leave, each in its plainest form', async () => {
    const bench = await MqttBench.start();
    const peer = bench.peer(4).sends('10 0e 0004 4d515454 04 02 0000 0002 6777');
    await peer.expectsOctets('20 02 00 00');
    await peer.sends(subscribe(1, { filter: 'a', qosMax: 0 })).expectsOctets('90 03 0001 00');
    await peer.sends('30 04 0001 61 78').expectsOctets('30 04 0001 61 78');
    await peer.sends('e0 00').expectsEnd();
  });

  test.each([
    ['in one piece', 1_000],
    ['octet by octet', 1],
  ])('MQTT-7.1.1-1: the transport is a stream of octets, read the same %s', async (_, size) => {
    const bench = await MqttBench.start();
    const octets = Buffer.from('100e00044d515454040200000002677782060001000161003004000161 78c000'.replaceAll(' ', ''), 'hex');
    const peer = bench.peer(4);
    for (let at = 0; at < octets.length; at += size) peer.sends(octets.subarray(at, at + size));
    const types = (await peer.receives()).map(({ type }) => type);
    expect(types.toSorted()).toEqual(['connack', 'pingresp', 'publish', 'suback']);
  });
});

function hex(packetId: number): string {
  return packetId.toString(16).padStart(4, '0');
}
