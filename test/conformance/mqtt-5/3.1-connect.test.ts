import { describe, expect, test } from 'vitest';
import { connect, disconnect, MqttBench, publishBytes, subscribe, will } from '../../support/mqtt.ts';

const PINGREQ = 'c000';
const CONNECT_HEX = '10 0f 0004 4d515454 05 02 0000 00 0002 6777'; // MQTT 5.0, Clean Start, no keep-alive, no properties, "gw"

describe('MQTT 5 §3.1 CONNECT', () => {
  test.each([
    ['PUBLISH', publishBytes(5, 'a', 'x')],
    ['PINGREQ', PINGREQ],
    ['SUBSCRIBE', subscribe(1, { filter: '#' })],
    ['DISCONNECT', disconnect()],
    ['AUTH', 'f000'],
    ['a CONNACK', '2003000000'],
    ['HTTP', Buffer.from(`GET / HTTP/1.1\r\nHost: postern\r\nUser-Agent: ${'x'.repeat(80)}\r\n\r\n`)],
  ])('MQTT-3.1.0-1: %s before CONNECT closes without an answer', async (_, first) => {
    const bench = await MqttBench.start();
    await bench.peer().sends(first).expectsEnd();
    expect(bench.metric('mqtt.connections')).toBe(0);
  });

  test('MQTT-3.1.0-2: a second CONNECT is a protocol error, and the will goes out', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'will' });
    const peer = await bench.connected({ clientId: 'gw', will: will() });
    await peer.sends(CONNECT_HEX).expectsEnd({ type: 'disconnect', reasonCode: 0x82 });
    await watcher.expects({ type: 'publish', payload: 'gone' });
  });

  test.each([
    ['nothing', ''],
    ['half a CONNECT', CONNECT_HEX.slice(0, 20)],
  ])('a link on which %s arrives is closed after the connect time-out, not before', async (_, hex) => {
    const bench = await MqttBench.start({ settings: { connectTimeoutMs: 5_000 } });
    const peer = bench.peer().sends(hex);
    await bench.clock.advanceMs(4_999);
    expect(peer.link.isEnded).toBe(false);
    await bench.clock.advanceMs(1);
    await peer.expectsEnd();
    expect(bench.metric('mqtt.connect-timeouts')).toBe(1);
    expect(bench.log.lines).toEqual([{ level: 'warn', event: 'no CONNECT in time: closing', peer: 'memory#1', listener: 'mqtt.tcp', clientId: undefined }]);
  });

  test('the connect time-out ends with CONNECT', async () => {
    const bench = await MqttBench.start({ settings: { connectTimeoutMs: 5_000 } });
    const peer = await bench.connected({ clientId: 'gw' });
    await bench.clock.advanceSeconds(3_600);
    await peer.sends(PINGREQ).expects({ type: 'pingresp' });
  });

  test.each([
    ['MQTT-3.1.2-1: a wrong Protocol Name closes without an answer', '10 0f 0004 4d515455 05 02 0000 00 0002 6777', ''],
    ['MQTT-3.1.2-2: version 6 is told 0x84', '10 0f 0004 4d515454 06 02 0000 00 0002 6777', '20 03 00 84 00'],
    ['MQTT-3.1.2-2: version 2 is told 0x84', '10 0f 0004 4d515454 02 02 0000 00 0002 6777', '20 03 00 84 00'],
    ['MQTT-3.1.2-3: a reserved Connect Flag is malformed', '10 0f 0004 4d515454 05 03 0000 00 0002 6777', '20 03 00 81 00'],
    ['MQTT-3.1.2-11: Will QoS without a will', '10 0f 0004 4d515454 05 0a 0000 00 0002 6777', '20 03 00 81 00'],
    ['MQTT-3.1.2-12: Will QoS 3', '10 16 0004 4d515454 05 1e 0000 00 0002 6777 00 0001 61 0001 62', '20 03 00 81 00'],
    ['MQTT-3.1.2-13: Will Retain without a will', '10 0f 0004 4d515454 05 22 0000 00 0002 6777', '20 03 00 81 00'],
    ['MQTT-3.1.2-9: a will that is flagged and missing', '10 0f 0004 4d515454 05 06 0000 00 0002 6777', '20 03 00 81 00'],
    ['MQTT-3.1.2-17: a user name that is flagged and missing', '10 0f 0004 4d515454 05 82 0000 00 0002 6777', ''],
    ['MQTT-3.1.2-16: a user name that is not flagged', '10 12 0004 4d515454 05 02 0000 00 0002 6777 0001 75', '20 03 00 81 00'],
    ['MQTT-3.1.2-19: a password that is flagged and missing', '10 0f 0004 4d515454 05 42 0000 00 0002 6777', ''],
    ['MQTT-3.1.2-18: a password that is not flagged', '10 15 0004 4d515454 05 82 0000 00 0002 6777 0001 75 0001 70', '20 03 00 81 00'],
    ['MQTT-3.1.3-3: no client id', '10 0b 0004 4d515454 05 02 0000 00', '20 03 00 85 00'],
    ['MQTT-3.1.3-4: a client id that is not UTF-8', '10 0f 0004 4d515454 05 02 0000 00 0002 67ff', '20 03 00 85 00'],
    ['MQTT-3.1.3-11: a will topic that is not UTF-8', '10 16 0004 4d515454 05 06 0000 00 0002 6777 00 0001 ff 0001 62', '20 03 00 81 00'],
    ['MQTT-3.1.3-12: a user name that is not UTF-8', '10 12 0004 4d515454 05 82 0000 00 0002 6777 0001 ff', ''],
    ['MQTT-3.1.4-1: a Receive Maximum of 0 is a protocol error', '10 12 0004 4d515454 05 02 0000 03 210000 0002 6777', '20 03 00 82 00'],
  ])('%s', async (_, hex, answer) => {
    const bench = await MqttBench.start();
    const peer = bench.peer().sends(hex);
    await peer.expectsOctets(answer);
    expect(peer.link.isEnded).toBe(true);
    expect(bench.core.broker.sessionCount).toBe(0);
  });

  test('a CONNECT above 256 KiB is refused before it is kept', async () => {
    const bench = await MqttBench.start();
    await bench.peer().sends('10 81 80 10').expectsEnd(); // Remaining Length 262,145
    expect(bench.metric('mqtt.protocol-errors')).toBe(1);
  });

  test('MQTT-4.12.0-1: an authentication method is refused with 0x8C', async () => {
    const bench = await MqttBench.start();
    await bench
      .peer()
      .sends(connect({ properties: { authenticationMethod: 'SCRAM' } }))
      .expectsEnd({ type: 'connack', reasonCode: 0x8c, isSessionPresent: false });
  });

  test('MQTT-4.12.0-7: AUTH without a method is a protocol error', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw' });
    await peer.sends('f000').expectsEnd({ type: 'disconnect', reasonCode: 0x82 });
  });
});

describe('MQTT 5 §3.1.3.1 Client Identifier', () => {
  test('MQTT-3.1.3-6, MQTT-3.1.3-7, MQTT-3.2.2-16: an empty one is replaced by a unique one, which CONNACK tells', async () => {
    const bench = await MqttBench.start();
    const assigned = new Set<string>();
    for (let i = 0; i < 3; i += 1) {
      const [connack] = await bench
        .peer()
        .sends(connect({ clientId: '' }))
        .receives();
      if (connack?.type === 'connack') assigned.add(connack.properties?.assignedClientIdentifier ?? '');
    }
    expect(assigned.size).toBe(3);
    expect([...assigned].every((id) => /^[0-9a-zA-Z-]{1,65}$/.test(id))).toBe(true);
  });

  test.each([
    ['one character', 'a'],
    ['23 characters', '0123456789abcdefghijABC'],
    ['1,024 bytes', 'x'.repeat(1_024)],
    ['other characters', 'gerät/#1'],
  ])('MQTT-3.1.3-5: %s is taken as it is', async (_, clientId) => {
    const bench = await MqttBench.start();
    const [connack] = await bench.peer().sends(connect({ clientId })).receives();
    expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
    expect(connack).not.toHaveProperty('properties.assignedClientIdentifier', expect.anything());
  });

  test('MQTT-3.1.3-8: more than 1,024 bytes are refused with 0x85', async () => {
    const bench = await MqttBench.start();
    await bench
      .peer()
      .sends(connect({ clientId: 'x'.repeat(1_025) }))
      .expectsEnd({ type: 'connack', reasonCode: 0x85 });
  });

  test('MQTT-3.1.3-2: an id that has a session of another principal is refused with 0x85, and its owner stays', async () => {
    const bench = await MqttBench.start();
    const owner = await bench.connected({ clientId: 'gw', username: 'alice', cleanStart: false });
    await bench
      .peer()
      .sends(connect({ clientId: 'gw', username: 'mallory' }))
      .expectsEnd({ type: 'connack', reasonCode: 0x85 });
    await owner.sends(PINGREQ).expects({ type: 'pingresp' });
  });
});

describe('MQTT 5 §3.1.4 CONNECT Actions', () => {
  test('MQTT-3.1.4-3: a second connection takes the session over; the first is told 0x8E and closed', async () => {
    const bench = await MqttBench.start();
    const first = await bench.connected({ clientId: 'gw' });
    const second = await bench.connected({ clientId: 'gw' });
    await first.expectsEnd({ type: 'disconnect', reasonCode: 0x8e });
    await second.sends(PINGREQ).expects({ type: 'pingresp' });
    expect(bench.metric('mqtt.connections')).toBe(1);
  });

  test('two CONNECTs of one id at the same time: one of them is served', async () => {
    const bench = await MqttBench.start();
    const [a, b] = [bench.peer(), bench.peer()];
    a.sends(connect({ clientId: 'gw' }));
    b.sends(connect({ clientId: 'gw' }));
    await b.expects({ type: 'connack', reasonCode: 0 });
    await a.receives();
    expect(a.link.isEnded).toBe(true);
    await b.sends(PINGREQ).expects({ type: 'pingresp' });
  });

  test('packets behind CONNECT in the same read are answered after CONNACK, in order', async () => {
    const bench = await MqttBench.start();
    const peer = bench.peer().sends(connect({ clientId: 'gw' }), subscribe(1, { filter: 'a' }), publishBytes(5, 'a', 'x', { qos: 1, packetId: 7 }), PINGREQ);
    const received = await peer.receives();
    expect(received[0]).toMatchObject({ type: 'connack', reasonCode: 0 });
    expect(received.map(({ type }) => type).sort()).toEqual(['connack', 'pingresp', 'puback', 'publish', 'suback']);
    expect(received.findIndex(({ type }) => type === 'suback')).toBeLessThan(received.findIndex(({ type }) => type === 'publish'));
  });

  test('MQTT-3.1.3-1: client id, will, user name and password are read in that order', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'w' });
    const users: (string | undefined)[] = [];
    const { authenticate } = bench.core.access;
    bench.core.access.authenticate = (credentials) => {
      users.push(credentials.clientId, credentials.username, Buffer.from(credentials.password ?? []).toString());
      return authenticate.call(bench.core.access, credentials);
    };
    const peer = bench.peer().sends('10 1c 0004 4d515454 05 c6 0000 00 0002 6777 00 0001 77 0001 6d 0001 75 0001 70');
    await peer.expects({ type: 'connack', reasonCode: 0 });
    await peer.breaks();
    expect(users).toEqual(['gw', 'u', 'p']);
    await watcher.expects({ type: 'publish', topic: 'w', payload: 'm' });
  });

  test('MQTT-3.1.4-6, MQTT-3.14.0-1: what came behind a CONNECT that is refused is thrown away', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: '#' });
    await bench
      .peer()
      .sends(connect({ clientId: 'x'.repeat(2_000) }), publishBytes(5, 'a', 'x'))
      .expectsEnd({ type: 'connack', reasonCode: 0x85 });
    await watcher.expectsNothing();
  });

  test('a CONNECT, one message and DISCONNECT in one read, and the peer hangs up: the message is routed', async () => {
    const bench = await MqttBench.start();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: '#' });
    const peer = bench.peer().sends(connect({ clientId: 'gw' }), publishBytes(5, 'a', 'x'), disconnect());
    await peer.expectsEnd({ type: 'connack', reasonCode: 0 });
    await watcher.expects({ type: 'publish', topic: 'a', payload: 'x' });
  });
});
