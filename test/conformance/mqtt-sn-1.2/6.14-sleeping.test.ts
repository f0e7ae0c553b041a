import { describe, expect, test } from 'vitest';
import { topicFilter } from '../../../src/model/topic.ts';
import { MqttSnBench, type MqttSnBenchOptions, type Sensor } from '../../support/mqtt-sn.ts';
import {
  connack,
  connect,
  disconnect,
  pingreq,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  regack,
  suback,
  subscribe,
  willMsg,
  willMsgReq,
  willTopic,
  willTopicReq,
} from '../../support/mqtt-sn-packets.ts';
import { policyOf, type TestClient } from '../../support/test-client.ts';

const CONGESTION = 0x01;
const INVALID_TOPIC_ID = 0x02;
const NEW_ADDRESS = '198.51.100.9:1024';

interface Asleep {
  readonly bench: MqttSnBench;
  readonly sensor: Sensor;
  readonly application: TestClient;
  readonly watcher: TestClient;
}

/** A client with a will and a subscription that has gone to sleep for `seconds`. */
async function asleep(seconds: number, filter = 'cmd/a', options: MqttSnBenchOptions = {}): Promise<Asleep> {
  const bench = await MqttSnBench.start(options);
  const application = await bench.application();
  const watcher = await bench.application('watcher');
  watcher.subscribe('w/#');
  const sensor = bench.sensor();
  await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
  await sensor.sends(subscribe(filter, { qos: 2 })).expects(suback(filter.includes('#') ? 0 : 1, { qos: 2 }));
  await sensor.sends(disconnect(seconds)).expects(disconnect());
  return { bench, sensor, application, watcher };
}

describe('MQTT-SN 1.2 §6.14 Support of sleeping clients', () => {
  test('a sleeping client gets its messages when it pings, then PINGRESP', async () => {
    const { bench, sensor, application } = await asleep(60);
    application.publish('cmd/a', 'open', { qos: 0 });
    await bench.clock.advanceSeconds(59);
    await sensor.expectsNothing();
    await sensor.sends(pingreq('sensor')).expects(publish('open'), pingresp);
  });

  test('with nothing buffered PINGRESP follows at once', async () => {
    const { sensor } = await asleep(60);
    await sensor.sends(pingreq('sensor')).expects(pingresp);
    await sensor.sends(pingreq('sensor')).expects(pingresp);
  });

  test('each message gets its whole exchange, one after the other; PINGRESP follows the last answer', async () => {
    const { sensor, application } = await asleep(60);
    application.publish('cmd/a', 'one', { qos: 1 });
    application.publish('cmd/a', 'two', { qos: 2 });
    application.publish('cmd/a', 'three', { qos: 0 });
    sensor.sends(pingreq('sensor'));
    const one = await sensor.receives('PUBLISH');
    expect(one).toMatchObject({ qos: 1, isDuplicate: false, data: Buffer.from('one') });
    sensor.sends(puback(one.msgId));
    const [two, three] = await sensor.received();
    expect([two, three]).toMatchObject([
      { qos: 0, data: Buffer.from('three') },
      { qos: 2, data: Buffer.from('two') },
    ]); // an id of QoS 2 is on disk before it leaves
    const msgId = three?.type === 'PUBLISH' ? three.msgId : 0;
    await sensor.sends(pubrec(msgId)).expects(pubrel(msgId));
    await sensor.sends(pubcomp(msgId)).expects(pingresp);
  });

  test('each wake-up brings greater priorities first, and then PINGRESP; what comes meanwhile waits, however great', async () => {
    const priorities = [{ filter: topicFilter('go'), priority: 7 } as const];
    const { sensor, application } = await asleep(60, '#', { broker: { queue: { ...policyOf({ messagesMax: 100, priorities }), rules: [] } } });
    for (const [topic, payload] of Object.entries({ aa: 'one', go: 'now', bb: 'two' })) application.publish(topic, payload, { qos: 1 });
    sensor.sends(pingreq('sensor'));
    for (const payload of ['now', 'one', 'two']) {
      const { data, msgId } = await sensor.receives('PUBLISH'); // short names need no REGISTER
      expect(Buffer.from(data).toString()).toBe(payload);
      application.publish('go', `after ${payload}`, { qos: 1 });
      sensor.sends(puback(msgId));
    }
    await sensor.expects(pingresp);
    sensor.sends(pingreq('sensor'));
    expect(await sensor.receives('PUBLISH')).toMatchObject({ data: Buffer.from('after now') });
  });

  test('REGISTER comes first where the client knows no id, and PINGRESP after the message it was for', async () => {
    const { sensor, application } = await asleep(60, 'cmd/#');
    application.publish('cmd/a', 'one', { qos: 0 });
    application.publish('cmd/b', 'two', { qos: 1 });
    application.publish('cmd/c', 'three', { qos: 0 });
    sensor.sends(pingreq('sensor'));
    const first = await sensor.receives('REGISTER');
    sensor.sends(regack(1, { msgId: first.msgId }));
    const [one, second] = await sensor.received();
    expect(one).toEqual(publish('one'));
    sensor.sends(regack(2, { msgId: second?.type === 'REGISTER' ? second.msgId : 0 }));
    const [two, third] = await sensor.received();
    expect([two, third]).toMatchObject([
      { type: 'PUBLISH', topicId: 2, data: Buffer.from('two') },
      { type: 'REGISTER', topicName: 'cmd/c' },
    ]);
    await sensor.sends(regack(3, { msgId: third?.type === 'REGISTER' ? third.msgId : 0 })).expects(publish('three', { topicId: 3 }));
    await sensor.sends(puback(two?.type === 'PUBLISH' ? two.msgId : 0)).expects(pingresp);
  });

  test('the last message of a wake-up needs REGISTER: PINGRESP waits for it', async () => {
    const { sensor, application } = await asleep(60, 'cmd/#');
    application.publish('cmd/a', 'one', { qos: 0 });
    sensor.sends(pingreq('sensor'));
    const { msgId } = await sensor.receives('REGISTER');
    await sensor.sends(regack(1, { msgId })).expects(publish('one'), pingresp);
  });

  test('what comes while it is awake waits for the next wake-up', async () => {
    const { sensor, application } = await asleep(60);
    application.publish('cmd/a', 'one', { qos: 1 });
    sensor.sends(pingreq('sensor'));
    const { msgId } = await sensor.receives('PUBLISH');
    application.publish('cmd/a', 'two', { qos: 0 });
    await sensor.sends(puback(msgId)).expects(pingresp);
    await sensor.expectsNothing();
    await sensor.sends(pingreq('sensor')).expects(publish('two'), pingresp);
  });

  test('a repeated PINGREQ while awake starts nothing anew', async () => {
    const { sensor, application } = await asleep(60);
    application.publish('cmd/a', 'one', { qos: 1 });
    sensor.sends(pingreq('sensor'));
    const { msgId } = await sensor.receives('PUBLISH');
    await sensor.sends(pingreq('sensor'), pingreq()).expects();
    await sensor.sends(puback(msgId)).expects(pingresp);
  });

  test('PINGREQ without client id wakes nobody', async () => {
    const { sensor, application } = await asleep(60);
    application.publish('cmd/a', 'one', { qos: 0 });
    await sensor.sends(pingreq()).expects(pingresp);
    await sensor.sends(pingreq('sensor')).expects(publish('one'), pingresp);
  });

  test('going to sleep leaves what was not answered for the wake-up', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a')).expects(suback(1));
    application.publish('cmd/a', 'one', { qos: 1 });
    const first = await sensor.receives('PUBLISH');
    await sensor.sends(disconnect(600)).expects(disconnect());
    await bench.clock.advanceSeconds(300); // no repetition meanwhile
    await sensor.expectsNothing();
    await sensor.sends(pingreq('sensor')).expects({ ...first, isDuplicate: true });
    await sensor.sends(puback(first.msgId)).expects(pingresp);
  });

  test('an answer that comes after it went to sleep counts', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a')).expects(suback(1));
    application.publish('cmd/a', 'one', { qos: 1 });
    const { msgId } = await sensor.receives('PUBLISH');
    await sensor.sends(disconnect(600), puback(msgId)).expects(disconnect()); // the network changed their order
    await sensor.sends(pingreq('sensor')).expects(pingresp);
  });

  test('going to sleep in the middle of a registration leaves it for the wake-up', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a')).expects(suback(1));
    application.publish('cmd/a', 'one', { qos: 1 });
    const { msgId } = await sensor.receives('PUBLISH');
    sensor.sends(puback(msgId, { returnCode: INVALID_TOPIC_ID }));
    await sensor.receives('REGISTER');
    await sensor.sends(disconnect(600)).expects(disconnect());
    for (let wakeUp = 0; wakeUp < 2; wakeUp += 1) {
      sensor.sends(wakeUp === 0 ? pingreq('sensor') : puback(msgId, { returnCode: INVALID_TOPIC_ID }));
      const asked = await sensor.receives('REGISTER');
      sensor.sends(regack(1, { msgId: asked.msgId }));
      await sensor.receives('PUBLISH');
    }
    await sensor.sends(puback(msgId)).expects(pingresp);
  });

  test('going to sleep while awake ends the wake-up without losing a message', async () => {
    const { sensor, application } = await asleep(60, 'cmd/#');
    for (const text of ['one', 'two', 'three']) application.publish('ab', text, { qos: 0 });
    application.publish('cmd/a', 'one', { qos: 1 });
    application.publish('cmd/a', 'two', { qos: 0 });
    sensor.sends(pingreq('sensor'));
    await sensor.receives('REGISTER');
    await sensor.sends(disconnect(120)).expects(disconnect());
    application.publish('cmd/a', 'three', { qos: 0 });
    await sensor.expectsNothing();
    sensor.sends(pingreq('sensor'));
    const { msgId } = await sensor.receives('REGISTER');
    sensor.sends(regack(1, { msgId }));
    const received = await sensor.received();
    expect(received).toMatchObject([{ data: Buffer.from('one') }, { data: Buffer.from('two') }, { data: Buffer.from('three') }]);
    await sensor.sends(puback(received[0]?.type === 'PUBLISH' ? received[0].msgId : 0)).expects(pingresp);
  });

  test('"congestion" while awake ends the wake-up; the rest comes at the next', async () => {
    const { sensor, application } = await asleep(60);
    application.publish('cmd/a', 'one', { qos: 1 });
    application.publish('cmd/a', 'two', { qos: 0 });
    sensor.sends(pingreq('sensor'));
    const [one] = await sensor.received();
    const msgId = one?.type === 'PUBLISH' ? one.msgId : 0;
    await sensor.sends(puback(msgId, { returnCode: CONGESTION })).expects(pingresp);
    application.publish('cmd/a', 'three', { qos: 0 });
    await sensor.expectsNothing();
    sensor.sends(pingreq('sensor'));
    expect(await sensor.received()).toMatchObject([{ data: Buffer.from('one') }, { data: Buffer.from('three') }]);
    await sensor.sends(puback(msgId)).expects(pingresp);
  });

  test('it may publish without connecting, and stays asleep', async () => {
    const { sensor, application } = await asleep(60);
    const listener = application;
    listener.subscribe('cmd/a', { noLocal: true });
    await sensor.sends(publish('21.5', { qos: 1, msgId: 5 })).expects(puback(5));
    expect(listener.payloads).toEqual(['21.5']);
    application.publish('cmd/a', 'x', { qos: 0 });
    await sensor.expectsNothing();
  });

  test('the answer to DISCONNECT with a Duration waits for the disk', async () => {
    const bench = await MqttSnBench.start({ autoCommit: false });
    const sensor = bench.sensor();
    sensor.sends(connect());
    await bench.flush();
    await sensor.expects(connack());
    await sensor.sends(disconnect(60)).expects();
    bench.core.store.commit();
    await sensor.expects(disconnect());
  });

  describe('the sleep timer', () => {
    test.each([
      [60, 90],
      [600, 660],
    ])('asleep for %i s and not heard of for %i s: lost, the will is published', async (seconds, patienceSeconds) => {
      const { bench, sensor, watcher } = await asleep(seconds);
      await bench.clock.advanceSeconds(patienceSeconds - 1);
      expect(watcher.payloads).toEqual([]);
      await bench.clock.advanceSeconds(1);
      expect(watcher.payloads).toEqual(['gone']);
      await sensor.expectsNothing();
      await sensor.sends(pingreq('sensor')).expects(disconnect());
    });

    test('it starts again at each PINGRESP', async () => {
      const { bench, sensor, watcher } = await asleep(60);
      for (let wakeUp = 0; wakeUp < 5; wakeUp += 1) {
        await bench.clock.advanceSeconds(80);
        await sensor.sends(pingreq('sensor')).expects(pingresp);
      }
      await bench.clock.advanceSeconds(89);
      expect(watcher.payloads).toEqual([]);
      await bench.clock.advanceSeconds(1);
      expect(watcher.payloads).toEqual(['gone']);
    });

    test('a new DISCONNECT while asleep changes the Duration', async () => {
      const { bench, sensor, watcher } = await asleep(60);
      await sensor.sends(disconnect(600)).expects(disconnect());
      await bench.clock.advanceSeconds(659);
      expect(watcher.payloads).toEqual([]);
      await bench.clock.advanceSeconds(1);
      expect(watcher.payloads).toEqual(['gone']);
    });

    test('it stands still while the client is awake, however long its answers take', async () => {
      const { bench, sensor, application, watcher } = await asleep(10);
      application.publish('cmd/a', 'one', { qos: 1 });
      sensor.sends(pingreq('sensor'));
      await bench.clock.advanceSeconds(39);
      expect(watcher.payloads).toEqual([]);
      const [first] = await sensor.received();
      await sensor.sends(puback(first?.type === 'PUBLISH' ? first.msgId : 0)).expects(pingresp);
    });

    test('a client that wakes up and does not answer is lost after N_RETRY', async () => {
      const { bench, sensor, application, watcher } = await asleep(3_600);
      application.publish('cmd/a', 'one', { qos: 1 });
      sensor.sends(pingreq('sensor'));
      for (let transmission = 0; transmission < 4; transmission += 1) {
        await sensor.receives('PUBLISH');
        await bench.clock.advanceSeconds(10);
      }
      expect(watcher.payloads).toEqual(['gone']);
      await sensor.expectsNothing();
    });
  });

  describe('leaving sleep', () => {
    test('DISCONNECT without Duration: disconnected, no will', async () => {
      const { bench, sensor, watcher } = await asleep(60);
      await sensor.sends(disconnect()).expects(disconnect());
      await bench.clock.advanceSeconds(1_000);
      expect(watcher.payloads).toEqual([]);
      await sensor.sends(pingreq('sensor')).expects(disconnect());
    });

    test('CONNECT: active; the rest follows CONNACK and no PINGRESP does', async () => {
      const { bench, sensor, application, watcher } = await asleep(60);
      application.publish('cmd/a', 'one', { qos: 0 });
      await sensor.sends(connect()).expects(connack(), publish('one'));
      application.publish('cmd/a', 'two', { qos: 0 });
      await sensor.expects(publish('two'));
      expect(watcher.payloads).toEqual([]);
      await bench.clock.advanceSeconds(90); // of keep-alive
      expect(watcher.payloads).toEqual(['gone']); // the will it had
    });

    test('CONNECT with CleanSession is a wake-up as well: what was kept for it is not thrown away', async () => {
      const { bench, sensor, application, watcher } = await asleep(60);
      application.publish('cmd/a', 'one', { qos: 0 });
      await sensor.sends(connect({ isCleanSession: true })).expects(connack(), publish('one'));
      await bench.clock.advanceSeconds(90);
      expect(watcher.payloads).toEqual(['gone']);
    });

    test('CONNECT with a will replaces it', async () => {
      const { bench, sensor, watcher } = await asleep(60);
      await sensor.sends(connect({ hasWill: true }), willTopic('w/new'), willMsg('new')).expects(willTopicReq, willMsgReq, connack());
      await bench.clock.advanceSeconds(90);
      expect(watcher.payloads).toEqual(['new']);
    });

    test('CONNECT while awake: the exchange under way goes on', async () => {
      const { sensor, application } = await asleep(60);
      application.publish('cmd/a', 'one', { qos: 1 });
      sensor.sends(pingreq('sensor'));
      const first = await sensor.receives('PUBLISH');
      await sensor.sends(connect()).expects(connack(), { ...first, isDuplicate: true });
      await sensor.sends(puback(first.msgId)).expects();
    });
  });

  describe('a client that wakes up at another address', () => {
    test('its PINGREQ names it: it gets its messages there', async () => {
      const { bench, sensor, application, watcher } = await asleep(60, 'cmd/#');
      application.publish('cmd/a', 'one', { qos: 0 });
      const moved = bench.sensor(NEW_ADDRESS);
      moved.sends(pingreq('sensor'), pingreq('sensor'));
      const { msgId } = await moved.receives('REGISTER');
      await moved.sends(regack(1, { msgId })).expects(publish('one'), pingresp);
      await sensor.expectsNothing();
      expect(watcher.payloads).toEqual([]);
      application.publish('cmd/a', 'two', { qos: 0 });
      await bench.clock.advanceSeconds(80);
      await moved.sends(pingreq('sensor')).expects(publish('two'), pingresp);
      await sensor.sends(pingreq()).expects(disconnect());
      expect(bench.core.metric('mqtt-sn.clients.moved')).toBe(1);
      await bench.clock.advanceSeconds(90);
      expect(watcher.payloads).toEqual(['gone']);
    });

    test('while awake, too: what was on its way is sent again there', async () => {
      const { bench, sensor, application } = await asleep(60);
      application.publish('cmd/a', 'one', { qos: 1 });
      sensor.sends(pingreq('sensor'));
      const first = await sensor.receives('PUBLISH');
      const moved = bench.sensor(NEW_ADDRESS);
      await moved.sends(pingreq('sensor')).expects({ ...first, isDuplicate: true });
      await moved.sends(puback(first.msgId)).expects(pingresp);
    });

    test('it is judged there like anyone else', async () => {
      const { bench, sensor } = await asleep(60);
      const { authenticate } = bench.core.access;
      bench.core.access.authenticate = async (credentials) =>
        credentials.peerHost.startsWith('198.51.100.') ? { kind: 'deny', reason: 'not-authorized' } : authenticate(credentials);
      await bench.sensor(NEW_ADDRESS).sends(pingreq('sensor')).expects(disconnect());
      await sensor.sends(pingreq('sensor')).expects(pingresp);
    });

    test('an active client does not move by PINGREQ: it is asked to connect', async () => {
      const bench = await MqttSnBench.start();
      const sensor = await bench.connected();
      await bench.sensor(NEW_ADDRESS).sends(pingreq('sensor')).expects(disconnect());
      await sensor.sends(pingreq()).expects(pingresp);
    });

    test('switched off, it is asked to connect', async () => {
      const { bench, sensor } = await asleep(60, 'cmd/a', { settings: { followsAddress: false } });
      await bench.sensor(NEW_ADDRESS).sends(pingreq('sensor')).expects(disconnect());
      await sensor.sends(pingreq('sensor')).expects(pingresp);
    });

    test('a sleeping client whose address went to another is still found by its id', async () => {
      const { bench, sensor, application, watcher } = await asleep(600);
      await sensor.sends(connect({ clientId: 'other' })).expects(connack());
      expect(watcher.payloads).toEqual([]);
      application.publish('cmd/a', 'one', { qos: 0 });
      await sensor.expectsNothing();
      await bench.sensor(NEW_ADDRESS).sends(pingreq('sensor')).expects(publish('one'), pingresp);
      await sensor.sends(pingreq()).expects(pingresp); // the other one
    });
  });
});
