// STORE 1: 3.x has no negative PUBACK. A message no queue has room for is kept unanswered, and its client not read, until it can be taken.
import { describe, expect, test } from 'vitest';
import type { ConnectRequest } from '../../../src/gateway/gateway.ts';
import { WITHHELD_BYTES_MAX, WITHHELD_SECONDS_MAX } from '../../../src/model/limits.ts';
import { disconnect, MqttBench, type MqttPeer, publishBytes, will } from '../../support/mqtt.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const FULL: Partial<ConnectRequest> = { queue: policyOf({ messagesMax: 1, bytesMax: 100_000_000, whenFull: 'refuse' }), queueQos0: true };
const PINGREQ = 'c000';

interface Parties {
  readonly bench: MqttBench;
  readonly bridge: TestClient;
  /** Takes the oldest message of the bridge's queue: there is room for one more. */
  makesRoom(): Promise<void>;
}

/** A bridge out of reach whose queue holds one message and has one. */
async function full(bench?: MqttBench): Promise<Parties> {
  const made = bench ?? (await MqttBench.start());
  const bridge = new TestClient(made.core.context('bridge:centre'));
  await bridge.connect(requestOf('bridge:centre', FULL));
  bridge.subscribe('up/#');
  const first = await made.application('first');
  first.publish('up/first', 'first');
  let settledCount = 0;
  const makesRoom = async (): Promise<void> => {
    const delivery = bridge.delivered[settledCount];
    settledCount += 1;
    if (delivery?.qos === 2) bridge.session.received(delivery.packetId);
    await made.clock.advanceMs(0);
    bridge.session.settle(delivery?.packetId ?? 0);
    await made.clock.advanceMs(0);
  };
  await made.clock.advanceMs(0);
  return { bench: made, bridge, makesRoom };
}

const isConnected = ({ link }: MqttPeer): boolean => !link.isEnded;

describe.each([3, 4] as const)('MQTT 3.x, protocol level %i: a message a full queue has no room for', (version) => {
  test.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('QoS %i: no %s until there is room; then it is taken without being sent again', async (qos, answer) => {
    const { bench, bridge, makesRoom } = await full();
    const sensor = await bench.connected({ clientId: 'sensor', version });
    await sensor.publishes('up/a', 'kept', { qos, packetId: 7 }).expectsNothing();
    expect([isConnected(sensor), bench.metric('publishers.withheld'), bench.metric('messages.withheld')]).toEqual([true, 1, 1]);
    await makesRoom();
    await sensor.expects({ type: answer, packetId: 7 });
    expect(bridge.payloads).toEqual(['first', 'kept']);
    expect([bench.metric('publishers.withheld'), bench.metric('messages.refused.quota-exceeded')]).toEqual([0, 0]);
  });
});

describe('MQTT 3.1.1: a client that is withheld', () => {
  test('what it sends behind the message waits, in order, and each waits for its own room (MQTT-4.6.0-2)', async () => {
    const { bench, bridge, makesRoom } = await full();
    const sensor = await bench.connected({ clientId: 'sensor', version: 4 });
    sensor.sends(
      publishBytes(4, 'down', '0', { qos: 1, packetId: 1 }),
      ...['1', '2', '3'].map((payload, at) => publishBytes(4, 'up/a', payload, { qos: 1, packetId: at + 2 })),
      PINGREQ,
    );
    await sensor.expects({ type: 'puback', packetId: 1 });
    await makesRoom();
    await sensor.expects({ type: 'puback', packetId: 2 });
    await makesRoom();
    await sensor.expects({ type: 'puback', packetId: 3 });
    await makesRoom();
    await sensor.expects({ type: 'puback', packetId: 4 }, { type: 'pingresp' });
    expect(bridge.payloads).toEqual(['first', '1', '2', '3']);
  });

  test('MQTT-3.1.2-24: is not silent while it is not read; afterwards its keep-alive counts again', async () => {
    const { bench, makesRoom } = await full();
    const sensor = await bench.connected({ clientId: 'sensor', version: 4, keepAliveSeconds: 10 });
    sensor.publishes('up/a', 'kept', { qos: 1 });
    await bench.clock.advanceSeconds(24);
    expect(isConnected(sensor)).toBe(true);
    await makesRoom();
    await sensor.expects({ type: 'puback' });
    await bench.clock.advanceSeconds(31);
    await sensor.expectsEnd();
    expect(bench.metric('mqtt.withheld-timeouts')).toBe(0);
  });

  test.each([
    [10, 25, 'two and a half keep-alives: its PINGREQ found no answer'],
    [0, WITHHELD_SECONDS_MAX, 'no keep-alive was agreed on'],
    [3_600, WITHHELD_SECONDS_MAX, 'a link that is not read does not tell that its peer has gone'],
  ])('keep-alive %i s: is given up after %i s (%s)', async (keepAliveSeconds, seconds) => {
    const { bench, bridge, makesRoom } = await full();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'wills' });
    const sensor = await bench.connected({ clientId: 'sensor', version: 4, keepAliveSeconds, will: will({ topic: 'wills' }) });
    await sensor.publishes('up/a', 'kept', { qos: 1 }).expectsNothing();
    await bench.clock.advanceSeconds(seconds - 1);
    expect(isConnected(sensor)).toBe(true);
    await bench.clock.advanceSeconds(1);
    await sensor.expectsEnd();
    expect(await watcher.payloads()).toEqual(['gone']);
    await makesRoom();
    expect(bridge.payloads).toEqual(['first']);
    expect([bench.metric('publishers.withheld'), bench.metric('mqtt.withheld-timeouts')]).toEqual([0, 1]);
  });

  test('gets its own deliveries meanwhile, and costs no other client anything', async () => {
    const { bench } = await full();
    const sensor = await (await bench.connected({ clientId: 'sensor', version: 4 })).subscribed({ filter: 'down' });
    const other = await bench.connected({ clientId: 'other', version: 4 });
    await sensor.publishes('up/a', 'kept', { qos: 1 }).expectsNothing();
    other.publishes('down', 'x');
    expect(await sensor.payloads()).toEqual(['x']);
  });

  test('MQTT 5 beside it is told 0x97', async () => {
    const { bench } = await full();
    const modern = await bench.connected({ clientId: 'modern' });
    await modern.publishes('up/a', 'x', { qos: 1, packetId: 3 }).expects({ type: 'puback', packetId: 3, reasonCode: 0x97 });
    expect(bench.metric('messages.refused.quota-exceeded')).toBe(1);
  });

  test('MQTT-3.1.2-8: its link breaks: its will is published, the message was never its gateway’s', async () => {
    const { bench, bridge, makesRoom } = await full();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'wills' });
    const sensor = await bench.connected({ clientId: 'sensor', version: 4, will: will({ topic: 'wills' }) });
    await sensor.publishes('up/a', 'kept', { qos: 1 }).expectsNothing();
    await sensor.breaks();
    expect(await watcher.payloads()).toEqual(['gone']);
    await makesRoom();
    expect(bridge.payloads).toEqual(['first']);
    expect(bench.metric('publishers.withheld')).toBe(0);
  });

  test('a DISCONNECT behind the message is heard behind it: no will', async () => {
    const { bench, bridge, makesRoom } = await full();
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'wills' });
    const sensor = await bench.connected({ clientId: 'sensor', version: 4, will: will({ topic: 'wills' }) });
    await sensor.publishes('up/a', 'kept', { qos: 1 }).sends(disconnect()).expectsNothing();
    await makesRoom();
    expect(bridge.payloads).toEqual(['first', 'kept']);
    expect([sensor.link.isEnded, await watcher.payloads()]).toEqual([true, []]);
  });

  test.each([1, 2] as const)('MQTT-4.4.0-1: it comes back and sends it again at QoS %i: the second link is withheld, once it is taken', async (qos) => {
    const { bench, bridge, makesRoom } = await full();
    const facts = { clientId: 'sensor', version: 4, cleanStart: false } as const;
    const before = await bench.connected(facts);
    await before.publishes('up/a', 'kept', { qos, packetId: 7 }).expectsNothing();
    const after = await bench.connected(facts);
    await before.expectsEnd();
    await after.publishes('up/a', 'kept', { qos, packetId: 7, isDuplicate: true }).expectsNothing();
    await makesRoom();
    await after.expects({ type: qos === 1 ? 'puback' : 'pubrec', packetId: 7 });
    await makesRoom();
    expect(bridge.payloads).toEqual(['first', 'kept']);
  });

  test('may be kicked, and its will goes out', async () => {
    const { bench } = await full();
    const sensor = await bench.connected({ clientId: 'sensor', version: 4 });
    await sensor.publishes('up/a', 'kept', { qos: 1 }).expectsNothing();
    bench.core.broker.kick(({ clientId }) => clientId === 'sensor');
    await sensor.expectsEnd();
    expect(bench.metric('publishers.withheld')).toBe(0);
  });

  test('what it may do is judged when the message is taken', async () => {
    const { bench, bridge, makesRoom } = await full();
    const sensor = await bench.connected({ clientId: 'sensor', version: 4 });
    await sensor.publishes('up/a', 'kept', { qos: 1 }).expectsNothing();
    bench.core.access.forbids = (action) => action.kind === 'publish';
    bench.core.access.revision += 1;
    await makesRoom();
    await sensor.expects({ type: 'puback' }); // MQTT-3.3.5-2 of 3.1.1
    expect([bridge.payloads, bench.metric('messages.denied')]).toEqual([['first'], 1]);
  });

  test('QoS 0 is held back for nobody', async () => {
    const { bench, bridge } = await full();
    bridge.session.pause('upstream');
    const sensor = await bench.connected({ clientId: 'sensor', version: 4 });
    await sensor.publishes('up/a', 'lost').sends(PINGREQ).expects({ type: 'pingresp' });
    expect(bench.metric('messages.dropped.queue-full')).toBe(1);
  });

  test('the gateway stops: nothing is tried any more', async () => {
    const { bench, bridge, makesRoom } = await full();
    const sensor = await bench.connected({ clientId: 'sensor', version: 4 });
    await sensor.publishes('up/a', 'kept', { qos: 1 }).expectsNothing();
    bench.core.broker.shutDown();
    await makesRoom();
    await sensor.expectsEnd();
    expect(bridge.payloads).toEqual(['first']);
  });
});

describe('many publishers withheld', () => {
  /** So many clients with one message each, all of them withheld. */
  async function crowd(count: number): Promise<Parties> {
    const parties = await full();
    for (let index = 0; index < count; index += 1) {
      (await parties.bench.connected({ clientId: `sensor-${index}`, version: 4 })).publishes('up/a', String(index), { qos: 1 });
    }
    expect(parties.bench.metric('publishers.withheld')).toBe(count);
    return parties;
  }

  const payloadsOf = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

  test('each room goes to the one that waits longest', async () => {
    const { bench, bridge, makesRoom } = await crowd(40);
    for (let index = 0; index < 40; index += 1) await makesRoom();
    expect(bridge.payloads).toEqual(['first', ...payloadsOf(40)]);
    expect(bench.metric('publishers.withheld')).toBe(0);
  });

  test('more than are tried in one turn: each has its own', async () => {
    const { bench, bridge, makesRoom } = await crowd(200);
    for (let index = 0; index < 200; index += 1) await makesRoom();
    expect(bridge.payloads.slice(1).sort((a, b) => Number(a) - Number(b))).toEqual(payloadsOf(200));
    expect(bench.metric('publishers.withheld')).toBe(0);
  });

  test('those that wait for a full queue do not keep the room of another from who waits for that', async () => {
    const { bench } = await crowd(200);
    const other = new TestClient(bench.core.context('bridge:other'));
    await other.connect(requestOf('bridge:other', FULL));
    other.subscribe('other/#');
    (await bench.application('second')).publish('other/first', 'first');
    const late = await bench.connected({ clientId: 'late', version: 4 });
    await late.publishes('other/a', 'kept', { qos: 1 }).expectsNothing();
    other.session.settle(other.delivered[0]?.packetId ?? 0);
    await bench.clock.advanceSeconds(1);
    await late.expects({ type: 'puback' });
    expect(bench.metric('publishers.withheld')).toBe(200);
  });

  test.each([1, 2] as const)(
    'MQTT-4.8.0-2: beyond the bytes kept for all of them the next is not acknowledged at QoS %i; the connection closes, counted',
    async (qos) => {
      const bench = await MqttBench.start();
      await full(bench);
      const big = Buffer.alloc(1_900_000);
      const withheld = Math.floor(WITHHELD_BYTES_MAX / (big.length + 4));
      const sensors: MqttPeer[] = [];
      for (let index = 0; index <= withheld; index += 1) {
        const sensor = await bench.connected({ clientId: `sensor-${index}`, version: 4 });
        sensors.push(sensor.publishes('up/a', big, { qos }));
      }
      expect(sensors.map(isConnected)).toEqual([...Array.from({ length: withheld }, () => true), false]);
      expect([bench.metric('publishers.withheld'), bench.metric('messages.refused.quota-exceeded')]).toEqual([withheld, 1]);
      expect(bench.metric('mqtt.ended.quota-exceeded')).toBe(1);
    },
  );
});

describe('a store that is behind', () => {
  test.each([1, 2] as const)('QoS %i is taken as soon as it has caught up', async (qos) => {
    const bench = await MqttBench.start();
    const sensor = await bench.connected({ clientId: 'sensor', version: 4, cleanStart: false });
    bench.core.store.isCongested = true;
    await sensor.publishes('a', 'kept', { qos, packetId: 7 }).expectsNothing();
    bench.core.store.isCongested = false;
    await bench.clock.advanceMs(0);
    await sensor.expects({ type: qos === 1 ? 'puback' : 'pubrec', packetId: 7 });
  });
});

describe('a full $delayed queue', () => {
  test('takes the message once another has come due', async () => {
    const bench = await MqttBench.start({ broker: { delayedLimits: { messagesMax: 1, bytesMax: 1_000 } } });
    const watcher = await (await bench.connected({ clientId: 'watcher' })).subscribed({ filter: 'a' });
    const sensor = await bench.connected({ clientId: 'sensor', version: 4 });
    await sensor.publishes('$delayed/10/a', '1', { qos: 1, packetId: 1 }).expects({ type: 'puback', packetId: 1 });
    await sensor.publishes('$delayed/10/a', '2', { qos: 1, packetId: 2 }).expectsNothing();
    await bench.clock.advanceSeconds(10);
    await sensor.expects({ type: 'puback', packetId: 2 });
    await bench.clock.advanceSeconds(10);
    expect(await watcher.payloads()).toEqual(['1', '2']);
  });
});

describe('a will of a withheld client', () => {
  test('is not held back by the queue that withheld its publisher', async () => {
    const { bench, bridge, makesRoom } = await full();
    const sensor = await bench.connected({ clientId: 'sensor', version: 4, will: will({ topic: 'up/will', qos: 1 }) });
    await sensor.publishes('up/a', 'kept', { qos: 1 }).expectsNothing();
    await sensor.breaks();
    await makesRoom();
    expect(bridge.payloads).toEqual(['first', 'gone']);
  });
});

describe('what the log says of a client that is withheld', () => {
  const NO_ROOM = 'no room for a message: its client is not read until there is';

  test.each<[string, () => Promise<MqttBench>, topic: string, full: string]>([
    ['the queue of a bridge', async () => (await full()).bench, 'up/a', 'bridge:centre'],
    ['that of delayed messages', () => MqttBench.start({ broker: { delayedLimits: { messagesMax: 0, bytesMax: 0 } } }), '$delayed/5/a', '$delayed'],
    ['the disk', () => MqttBench.start(), 'a', 'the disk is behind'],
  ])('names what is full: %s', async (what, started, topic, name) => {
    const bench = await started();
    const sensor = await bench.connected({ clientId: 'sensor', version: 4 });
    if (what === 'the disk') bench.core.store.isCongested = true;
    await sensor.publishes(topic, 'kept', { qos: 1 }).expectsNothing();
    expect(bench.log.lines).toContainEqual({ level: 'warn', event: NO_ROOM, peer: sensorPeer(bench), clientId: 'sensor', full: name });
  });
});

const sensorPeer = ({ log }: MqttBench): unknown => log.lines.find(({ clientId }) => clientId === 'sensor')?.['peer'];
