// One link's troubles are its own: bad bytes, slow readers, links that go at the wrong moment, and a core that fails.
import { describe, expect, test } from 'vitest';
import { ack, connect, disconnect, MqttBench, type MqttPeer, publishBytes, quiet, subscribe, will } from '../../support/mqtt.ts';

async function stage(): Promise<{ bench: MqttBench; sender: MqttPeer; receiver: MqttPeer }> {
  const bench = await MqttBench.start();
  const receiver = await (await bench.connected({ clientId: 'receiver' })).subscribed({ filter: '#' });
  return { bench, sender: await bench.connected({ clientId: 'sender' }), receiver };
}

describe('MQTT 5 §4.13 Handling errors', () => {
  test.each([
    ['a packet type of the server', '20 03 00 00 00', 0x82],
    ['packet type 0', '00 00', 0x81],
    ['MQTT-2.1.3-1: reserved flags', 'c1 00', 0x81],
    ['PUBACK with packet id 0', '40 02 0000', 0x82],
    ['a PUBACK too short', '40 01 00', 0x81],
  ])('MQTT-4.13.1-1, MQTT-3.14.4-2: %s: DISCONNECT with the code, then the end', async (_, hex, reasonCode) => {
    const { bench, sender, receiver } = await stage();
    await sender.sends(hex).expectsEnd({ type: 'disconnect', reasonCode });
    await receiver.sends('c000').expects({ type: 'pingresp' });
    expect(bench.metric('mqtt.malformed') + bench.metric('mqtt.protocol-errors')).toBe(1);
    expect(bench.metric('mqtt.connections')).toBe(1);
  });

  test('the log names who sent it, as far as that is known: listener and peer, and the client once it is in', async () => {
    const bench = await MqttBench.start();
    await bench.peer().sends('ff 00').expectsEnd();
    await (await bench.connected({ clientId: 'sensor' })).sends('40 01 00').expectsEnd({ type: 'disconnect' });
    const lines = bench.log.lines.filter(({ event }) => event === 'bad input');
    expect(lines).toMatchObject([
      { peer: 'memory#1', listener: 'mqtt.tcp', clientId: undefined },
      { peer: 'memory#2', listener: 'mqtt.tcp', clientId: 'sensor' },
    ]);
  });

  test('a second CONNECT is logged under the name of the first', async () => {
    const bench = await MqttBench.start();
    const peer = bench.peer();
    await peer.sends(connect({ clientId: 'sensor' })).receives();
    await peer.sends(connect({ clientId: 'other' })).expectsEnd({ type: 'disconnect', reasonCode: 0x82 });
    expect(bench.log.lines.find(({ event }) => event === 'bad input')).toMatchObject({ clientId: 'sensor' });
  });

  test.each([
    ['16030100f8010000f40303', 'tls', 'TLS on a port without', 'the port of mqtt.tls'],
    [Buffer.from('GET /mqtt HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'), 'http', 'HTTP', 'mqtt.ws'],
    [Buffer.from('POST / HTTP/1.1\r\n\r\n'), 'http', 'HTTP', 'mqtt.ws'],
    [Buffer.from('OPTIONS * HTTP/1.1\r\n\r\n'), 'http', 'HTTP', 'mqtt.ws'],
    [Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'), 'ssh', 'SSH', 'not this port'],
    [Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 4000 1883\r\n'), 'proxy', 'a PROXY header', 'proxyProtocol'],
    ['0d0a0d0a000d0a515549540a2111000c', 'proxy', 'a PROXY header', 'proxyProtocol'],
  ])('%s is called by its name, %s', async (bytes, counter, protocol, advice) => {
    const bench = await MqttBench.start();
    await bench.peer().sends(bytes).expectsEnd();
    expect(bench.log.lines).toEqual([expect.objectContaining({ level: 'warn', event: 'no MQTT', listener: 'mqtt.tcp', protocol })]);
    expect(bench.log.lines[0]?.['advice']).toContain(advice);
    expect([bench.metric(`mqtt.strangers.${counter}`), bench.metric('mqtt.malformed') + bench.metric('mqtt.protocol-errors')]).toEqual([1, 1]);
  });

  test('a client of MQTT that sends such octets later has broken the protocol, and no more', async () => {
    const bench = await MqttBench.start();
    const sensor = await bench.connected({ clientId: 'sensor' });
    await sensor.sends('16030100f8010000f40303').expectsEnd({ type: 'disconnect' });
    expect(bench.log.lines.map(({ event }) => event)).toContain('bad input');
    expect(bench.metric('mqtt.strangers.tls')).toBe(0);
  });

  test('MQTT-3.12.4-1: PINGREQ is answered by PINGRESP', async () => {
    const { sender } = await stage();
    await sender.sends('c0 00').expectsOctets('d0 00');
  });

  test('MQTT-1.5.5-1: a Remaining Length of five bytes: the end, without a word', async () => {
    const { sender } = await stage();
    await sender.sends('c0 80 80 80 80 01').expectsEnd();
  });

  test('a core that fails while it handles a packet costs that link alone; 0x83, and it is counted', async () => {
    const { bench, sender, receiver } = await stage();
    bench.core.access.forbids = (action) => {
      if (action.kind === 'publish' && action.topic.startsWith('bad')) throw new TypeError('planted');
      return false;
    };
    await sender.publishes('bad', 'x').expectsEnd({ type: 'disconnect', reasonCode: 0x83 });
    await receiver.sends('c000').expects({ type: 'pingresp' });
    expect(bench.metric('mqtt.internal-errors')).toBe(1);
  });

  test.each([
    ['by itself', (peer: MqttPeer) => peer.link.resets()],
    ['by a broken rule', (peer: MqttPeer) => peer.sends('f000')],
    ['by silence', async (_: MqttPeer, bench: MqttBench) => bench.clock.advanceSeconds(15)],
  ])('a core that fails at the will of a connection that ends %s: the link is gone, the others are served', async (_, leave) => {
    const { bench, receiver } = await stage();
    const peer = await bench.connected({ clientId: 'gw', keepAliveSeconds: 10, will: will() });
    bench.core.access.forbids = (action) => {
      if (action.kind === 'publish' && action.topic.startsWith('will')) throw new TypeError('planted');
      return false;
    };
    await leave(peer, bench);
    await peer.receives();
    expect([peer.link.isEnded, bench.metric('mqtt.connections'), bench.metric('mqtt.internal-errors')]).toEqual([true, 2, 1]);
    await receiver.sends('c000').expects({ type: 'pingresp' });
  });
});

describe('a link that goes at the wrong moment', () => {
  async function whileJudged(): Promise<{ bench: MqttBench; peer: MqttPeer; admit: () => void }> {
    const bench = await MqttBench.start();
    const admissions: (() => void)[] = [];
    const { authenticate } = bench.core.access;
    bench.core.access.authenticate = async (credentials) => {
      await new Promise<void>((resolve) => admissions.push(resolve));
      return authenticate.call(bench.core.access, credentials);
    };
    const peer = bench.peer().sends(connect({ clientId: 'gw', properties: { sessionExpirySeconds: 60 } }), publishBytes(5, 'a', 'x'));
    const admit = (): void => {
      for (const resolve of admissions) resolve();
    };
    return { bench, peer, admit };
  }

  test.each([
    ['breaks', (peer: MqttPeer) => peer.link.resets()],
    ['is closed by its peer', (peer: MqttPeer) => peer.link.ends()],
  ])('it %s while its CONNECT is judged: a session without a link, and no connection is left', async (_, leave) => {
    const { bench, peer, admit } = await whileJudged();
    leave(peer);
    await quiet();
    admit();
    await quiet();
    expect([bench.metric('mqtt.connections'), bench.core.broker.connectedCount, bench.core.broker.sessionCount]).toEqual([0, 0, 1]);
  });

  test('the connect time-out comes while its CONNECT is judged', async () => {
    const { bench, peer, admit } = await whileJudged();
    await bench.clock.advanceSeconds(20);
    admit();
    await peer.expectsEnd();
    expect([bench.metric('mqtt.connections'), bench.core.broker.connectedCount]).toEqual([0, 0]);
  });

  test('its peer sends on while its CONNECT is judged: nothing is read, and nothing is lost', async () => {
    const { bench, peer, admit } = await whileJudged();
    await peer.expectsNothing();
    const chunk = Buffer.from('c000'.repeat(30_000), 'hex');
    for (let i = 0; i < 40; i += 1) peer.sends(chunk); // more than a packet and a read
    admit();
    for (let turns = 0; turns < 900; turns += 1) await quiet();
    expect(bench.metric('mqtt.protocol-errors')).toBe(0);
    expect(await peer.receives()).toHaveLength(1 + 40 * 30_000);
  });

  test('its session is taken over while answers of it wait for the disk', async () => {
    const bench = await MqttBench.start({ autoCommit: false });
    const kept = connect({ clientId: 'gw', cleanStart: false, properties: { sessionExpirySeconds: 60 } });
    const first = bench.peer().sends(kept);
    await quiet();
    bench.core.store.commit();
    await first.expects({ type: 'connack' });
    first.sends(subscribe(1, { filter: 'a' }), publishBytes(5, 'a', 'x', { qos: 2, packetId: 3 }), ack('pubrel', 3));
    const second = bench.peer().sends(kept);
    await quiet();
    bench.core.store.commit();
    await first.expectsEnd({ type: 'disconnect', reasonCode: 0x8e });
    await quiet();
    bench.core.store.commit();
    await second.expects({ type: 'connack', isSessionPresent: true }, { type: 'publish', payload: 'x' });
  });

  test('it breaks in the middle of a packet', async () => {
    const { bench, sender, receiver } = await stage();
    await sender.sends(publishBytes(5, 'a', 'x'.repeat(100)).subarray(0, 50)).breaks();
    await receiver.expectsNothing();
    expect(bench.metric('mqtt.connections')).toBe(1);
  });

  test('bytes, drains and ends that come after the goodbye change nothing', async () => {
    const { sender, receiver } = await stage();
    await sender.sends(disconnect()).expectsEnd();
    sender.sends('c000', 'ffff').link.ends();
    sender.link.resets();
    await sender.expectsNothing();
    await receiver.expectsNothing();
  });
});

describe('a slow reader', () => {
  const payload = Buffer.alloc(50_000, 'x');

  test('stops its own deliveries: QoS 1 waits in its queue, and comes in order once it reads again', async () => {
    const bench = await MqttBench.start();
    const slow = await (await bench.connected({ clientId: 'slow', properties: { sessionExpirySeconds: 60 } })).subscribed({ filter: 'a' });
    const sender = await bench.connected({ clientId: 'sender' });
    slow.link.stopsReading();
    for (let i = 1; i <= 60; i += 1) {
      sender.publishes('a', Buffer.concat([Buffer.from([i]), payload]), { qos: 1, packetId: i });
      await sender.expects({ type: 'puback', reasonCode: 0 });
    }
    expect(bench.metric('messages.delivered')).toBeLessThan(12); // 256 KiB and what was under way
    slow.link.readsAgain();
    const received = await slow.payloads();
    expect(received.map((text) => text.charCodeAt(0))).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
  });

  test('QoS 0 for it is bounded in memory: the oldest go, counted; others are not held up', async () => {
    const bench = await MqttBench.start({ broker: { memoryQueueLimits: { messagesMax: 1_000, bytesMax: 500_000 } } });
    const [slow, fast] = [await bench.connected({ clientId: 'slow' }), await bench.connected({ clientId: 'fast' })];
    await slow.subscribed({ filter: 'a' });
    await fast.subscribed({ filter: 'a' });
    const sender = await bench.connected({ clientId: 'sender' });
    slow.link.stopsReading();
    for (let i = 1; i <= 60; i += 1) {
      sender.publishes('a', Buffer.concat([Buffer.from([i]), payload]));
      await quiet();
    }
    expect(await fast.payloads()).toHaveLength(60);
    const dropped = bench.metric('messages.dropped.queue-full');
    slow.link.readsAgain();
    const numbers = (await slow.payloads()).map((text) => text.charCodeAt(0));
    expect(numbers).toHaveLength(60 - dropped);
    expect([dropped > 20, numbers.at(-1)]).toEqual([true, 60]);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  test('a peer that asks without reading is no longer read', async () => {
    const { bench, sender } = await stage();
    sender.link.stopsReading();
    const pings = Buffer.from('c000'.repeat(30_000), 'hex');
    for (let i = 0; i < 40; i += 1) {
      sender.sends(pings);
      await quiet();
    }
    const answered = (): number => sender.link.received.length / 2;
    expect(answered()).toBeLessThan(1_200_000 / 2);
    sender.link.readsAgain();
    for (let i = 0; i < 900; i += 1) await quiet();
    expect(answered()).toBeGreaterThanOrEqual(1_200_000);
    expect(bench.metric('mqtt.malformed')).toBe(0);
  });
});

describe('one write per turn', () => {
  test('what one read brings is answered in one write', async () => {
    const { sender } = await stage();
    await sender.receives();
    const before = sender.link.writes;
    const acknowledged = Array.from({ length: 50 }, (_, index) => publishBytes(5, 'nobody', 'x', { qos: 1, packetId: index + 1 }));
    sender.sends(...acknowledged, 'c000');
    expect(await sender.receives()).toHaveLength(51);
    expect(sender.link.writes - before).toBe(1);
  });

  test('a fan-out of many messages reaches each subscriber in one write', async () => {
    const { bench, sender, receiver } = await stage();
    const other = await (await bench.connected({ clientId: 'other' })).subscribed({ filter: 'a' });
    const before = [receiver.link.writes, other.link.writes];
    sender.sends(...Array.from({ length: 50 }, () => publishBytes(5, 'a', 'x')));
    expect([(await receiver.payloads()).length, (await other.payloads()).length]).toEqual([50, 50]);
    expect([receiver.link.writes, other.link.writes]).toEqual(before.map((count) => count + 1));
  });
});
