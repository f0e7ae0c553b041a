import { describe, expect, test } from 'vitest';
import { MqttSnBench, type Sensor } from '../../support/mqtt-sn.ts';
import { connack, connect, puback, pubcomp, publish, pubrec, pubrel, regack, register } from '../../support/mqtt-sn-packets.ts';
import type { TestClient } from '../../support/test-client.ts';

const CONGESTION = 0x01;
const INVALID_TOPIC_ID = 0x02;
const NOT_SUPPORTED = 0x03;

describe('MQTT-SN 1.2 §6.6 Client’s Publish Procedure', () => {
  /** A sensor that knows topic id 1 as `t/a`, and who listens to it. */
  async function registered(options: Parameters<typeof MqttSnBench.start>[0] = {}): Promise<{ bench: MqttSnBench; sensor: Sensor; listener: TestClient }> {
    const bench = await MqttSnBench.start(options);
    const listener = await bench.application();
    listener.subscribe('#');
    const sensor = await bench.connected();
    await sensor.sends(register('t/a')).expects(regack(1));
    return { bench, sensor, listener };
  }

  test('QoS 0 is not answered', async () => {
    const { sensor, listener } = await registered();
    await sensor.sends(publish('21.5')).expects();
    expect(listener.delivered).toMatchObject([{ topic: 't/a', payload: '21.5', qos: 0, isRetain: false }]);
  });

  test('QoS 1 is answered by PUBACK with its topic id and MsgId', async () => {
    const { sensor, listener } = await registered();
    await sensor.sends(publish('21.5', { qos: 1, msgId: 9 })).expects(puback(9, { topicId: 1 }));
    expect(listener.delivered).toMatchObject([{ payload: '21.5', qos: 1 }]);
  });

  test('QoS 1 nobody has subscribed to is accepted', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(register('t/a')).expects(regack(1));
    await sensor.sends(publish('x', { qos: 1, msgId: 9 })).expects(puback(9));
  });

  test('QoS 2 is answered by PUBREC, PUBREL by PUBCOMP', async () => {
    const { sensor, listener } = await registered();
    await sensor.sends(publish('21.5', { qos: 2, msgId: 9 })).expects(pubrec(9));
    await sensor.sends(pubrel(9)).expects(pubcomp(9));
    expect(listener.delivered).toMatchObject([{ payload: '21.5', qos: 2 }]);
  });

  test('§5.3.10: over its rate a client is answered "congestion" until it has made up for it', async () => {
    const { bench, sensor, listener } = await registered();
    let delayMs = 0;
    bench.core.access.rate = { take: () => delayMs };
    bench.core.access.revision += 1;
    delayMs = 500;
    await sensor.sends(publish('1', { qos: 1, msgId: 1 })).expects(puback(1, { topicId: 1 }));
    delayMs = 0;
    await sensor.sends(publish('2', { qos: 1, msgId: 2 })).expects(puback(2, { topicId: 1, returnCode: CONGESTION }));
    await sensor.sends(publish('3', { qos: 2, msgId: 3 })).expects(puback(3, { topicId: 1, returnCode: CONGESTION }));
    await bench.clock.advanceMs(500);
    await sensor.sends(publish('2', { qos: 1, msgId: 2, isDuplicate: true })).expects(puback(2, { topicId: 1 }));
    expect(listener.payloads).toEqual(['1', '2']);
  });

  test('RETAIN is passed on: the message waits for who subscribes later', async () => {
    const { bench, sensor } = await registered();
    await sensor.sends(publish('21.5', { isRetain: true })).expects();
    const late = await bench.application('late');
    late.subscribe('t/a');
    expect(late.delivered).toMatchObject([{ payload: '21.5', isRetain: true }]);
  });

  test('a message of no octets is a message', async () => {
    const { sensor, listener } = await registered();
    await sensor.sends(publish('', { qos: 1, msgId: 9 })).expects(puback(9));
    expect(listener.payloads).toEqual(['']);
  });

  describe('copies', () => {
    test('a repeated PUBLISH at QoS 1 is acknowledged again', async () => {
      const { sensor } = await registered();
      await sensor.sends(publish('x', { qos: 1, msgId: 9 })).expects(puback(9));
      await sensor.sends(publish('x', { qos: 1, msgId: 9, isDuplicate: true })).expects(puback(9));
    });

    test('a copy that comes while the first waits for the disk shares its answer and is not delivered again', async () => {
      const { sensor, listener } = await registered();
      sensor.sends(publish('x', { qos: 1, msgId: 9 }), publish('x', { qos: 1, msgId: 9, isDuplicate: true }));
      await sensor.expects(puback(9));
      expect(listener.payloads).toEqual(['x']);
    });

    test('QoS 2 is delivered once, however often its PUBLISH comes before PUBREL', async () => {
      const { sensor, listener } = await registered();
      await sensor.sends(publish('x', { qos: 2, msgId: 9 })).expects(pubrec(9));
      await sensor.sends(publish('x', { qos: 2, msgId: 9, isDuplicate: true })).expects(pubrec(9));
      await sensor.sends(pubrel(9)).expects(pubcomp(9));
      expect(listener.payloads).toEqual(['x']);
    });

    test('a copy the network delivers after PUBCOMP is recognised', async () => {
      const { sensor, listener } = await registered();
      await sensor.sends(publish('x', { qos: 2, msgId: 9 })).expects(pubrec(9));
      await sensor.sends(pubrel(9)).expects(pubcomp(9));
      await sensor.sends(publish('x', { qos: 2, msgId: 9 })).expects(pubrec(9));
      expect(listener.payloads).toEqual(['x']);
    });

    test('the same MsgId with other content is another message', async () => {
      const { sensor, listener } = await registered();
      await sensor.sends(publish('x', { qos: 2, msgId: 9 })).expects(pubrec(9));
      await sensor.sends(pubrel(9)).expects(pubcomp(9));
      await sensor.sends(publish('y', { qos: 2, msgId: 9 })).expects(pubrec(9));
      expect(listener.payloads).toEqual(['x', 'y']);
    });

    test('a repeated PUBREL is answered again', async () => {
      const { sensor } = await registered();
      await sensor.sends(publish('x', { qos: 2, msgId: 9 })).expects(pubrec(9));
      await sensor.sends(pubrel(9), pubrel(9)).expects(pubcomp(9), pubcomp(9));
      await sensor.sends(pubrel(9)).expects(pubcomp(9));
    });
  });

  describe('refusals', () => {
    test.each([0, 1, 2] as const)('an unknown topic id at QoS %i: PUBACK "invalid topic id"', async (qos) => {
      const { bench, sensor, listener } = await registered();
      const msgId = qos === 0 ? 0 : 9;
      await sensor.sends(publish('x', { qos, msgId, topicId: 77 })).expects(puback(msgId, { topicId: 77, returnCode: INVALID_TOPIC_ID }));
      expect(listener.payloads).toEqual([]);
      expect(bench.core.metric('mqtt-sn.refused.unknown-topic-id')).toBe(1);
    });

    test('after "invalid topic id" the client registers again and goes on', async () => {
      const { sensor, listener } = await registered();
      await sensor.sends(publish('x', { qos: 1, msgId: 9, topicId: 2 })).expects(puback(9, { topicId: 2, returnCode: INVALID_TOPIC_ID }));
      await sensor.sends(register('t/b', { msgId: 10 })).expects(regack(2, { msgId: 10 }));
      await sensor.sends(publish('x', { qos: 1, msgId: 11, topicId: 2 })).expects(puback(11, { topicId: 2 }));
      expect(listener.payloads).toEqual(['x']);
    });

    test.each([1, 2] as const)('MsgId 0 at QoS %i: PUBACK "not supported" (§5.3.7)', async (qos) => {
      const { sensor } = await registered();
      await sensor.sends(publish('x', { qos, msgId: 0 })).expects(puback(0, { returnCode: NOT_SUPPORTED }));
    });

    test.each([1, 2] as const)('a topic the client may not publish to at QoS %i: PUBACK "not supported"', async (qos) => {
      const { bench, sensor } = await registered();
      bench.core.access.forbids = (action) => action.kind === 'publish';
      bench.core.access.revision += 1;
      await sensor.sends(publish('x', { qos, msgId: 9 })).expects(puback(9, { returnCode: NOT_SUPPORTED }));
    });

    test.each([1, 2] as const)('a store that cannot keep up at QoS %i: PUBACK "congestion"; the same message is welcome later', async (qos) => {
      const { bench, sensor, listener } = await registered();
      bench.core.store.isCongested = true;
      await sensor.sends(publish('x', { qos, msgId: 9 })).expects(puback(9, { returnCode: CONGESTION }));
      expect(bench.core.metric('mqtt-sn.refused.congestion')).toBe(1);
      bench.core.store.isCongested = false;
      await sensor.sends(publish('x', { qos, msgId: 9, isDuplicate: true })).expects(qos === 1 ? puback(9) : pubrec(9));
      expect(listener.payloads).toEqual(['x']);
    });
  });

  describe('acknowledged means on disk', () => {
    test.each([
      [1, puback(9)],
      [2, pubrec(9)],
    ] as const)('QoS %i is answered after the commit', async (qos, answer) => {
      const bench = await MqttSnBench.start({ autoCommit: false });
      const [listener] = await Promise.all([bench.application(), bench.flush()]);
      listener.subscribe('#');
      const sensor = bench.sensor();
      sensor.sends(connect());
      await bench.flush();
      sensor.sends(register('t/a'));
      await bench.flush();
      await sensor.expects(connack(), regack(1));
      await sensor.sends(publish('x', { qos, msgId: 9 })).expects();
      bench.core.store.commit();
      await sensor.expects(answer);
    });

    test('PUBREL is answered after the commit', async () => {
      const bench = await MqttSnBench.start({ autoCommit: false });
      const sensor = bench.sensor();
      sensor.sends(connect());
      await bench.flush();
      sensor.sends(register('t/a'), publish('x', { qos: 2, msgId: 9 }));
      await bench.flush();
      await sensor.expects(connack(), regack(1), pubrec(9));
      await sensor.sends(pubrel(9)).expects();
      bench.core.store.commit();
      await sensor.expects(pubcomp(9));
    });
  });
});
