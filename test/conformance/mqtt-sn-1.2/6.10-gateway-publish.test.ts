import { describe, expect, test } from 'vitest';
import { MqttSnBench, type MqttSnBenchOptions, type Sensor } from '../../support/mqtt-sn.ts';
import { puback, pubcomp, publish, pubrec, pubrel, regack, suback, subscribe } from '../../support/mqtt-sn-packets.ts';
import type { TestClient } from '../../support/test-client.ts';

const CONGESTION = 0x01;
const INVALID_TOPIC_ID = 0x02;
const NOT_SUPPORTED = 0x03;
const T_RETRY_SECONDS = 10;

interface Started {
  readonly bench: MqttSnBench;
  readonly sensor: Sensor;
  readonly application: TestClient;
}

/** A client that has subscribed to `filter` at QoS 2, and who publishes to it. */
async function subscribed(filter: string, options: MqttSnBenchOptions = {}): Promise<Started> {
  const bench = await MqttSnBench.start(options);
  const application = await bench.application();
  const sensor = await bench.connected({ durationSeconds: 3_600 });
  await sensor.sends(subscribe(filter, { qos: 2 })).expects(suback(filter.includes('#') ? 0 : 1, { qos: 2 }));
  return { bench, sensor, application };
}

describe('MQTT-SN 1.2 §6.10 Gateway’s Publish Procedure', () => {
  test('QoS 0 has MsgId 0 and waits for no answer', async () => {
    const { sensor, application } = await subscribed('cmd/a');
    application.publish('cmd/a', 'one', { qos: 0 });
    application.publish('cmd/a', 'two', { qos: 0 });
    await sensor.expects(publish('one'), publish('two'));
  });

  test('QoS 1: the next message waits for PUBACK', async () => {
    const { sensor, application } = await subscribed('cmd/a');
    application.publish('cmd/a', 'one', { qos: 1 });
    application.publish('cmd/a', 'two', { qos: 1 });
    const first = await sensor.receives('PUBLISH');
    expect(first).toMatchObject({ qos: 1, isDuplicate: false, data: Buffer.from('one') });
    sensor.sends(puback(first.msgId));
    expect(await sensor.receives('PUBLISH')).toMatchObject({ qos: 1, data: Buffer.from('two') });
  });

  test('QoS 2: PUBREC is answered by PUBREL, the next message waits for PUBCOMP', async () => {
    const { sensor, application } = await subscribed('cmd/a');
    application.publish('cmd/a', 'one', { qos: 2 });
    application.publish('cmd/a', 'two', { qos: 2 });
    const { msgId, qos } = await sensor.receives('PUBLISH');
    expect(qos).toBe(2);
    await sensor.sends(pubrec(msgId)).expects(pubrel(msgId));
    await sensor.sends(pubrec(msgId)).expects(pubrel(msgId)); // PUBREL was lost
    sensor.sends(pubcomp(msgId));
    expect(await sensor.receives('PUBLISH')).toMatchObject({ data: Buffer.from('two') });
    await sensor.sends(pubcomp(msgId)).expects(); // a late copy
    await sensor.sends(pubrec(msgId)).expects(pubrel(msgId)); // another: the client may have lost our PUBREL, too
  });

  test('the window is a setting', async () => {
    const { sensor, application } = await subscribed('cmd/a', { settings: { inflightMax: 3 } });
    for (const text of ['one', 'two', 'three', 'four']) application.publish('cmd/a', text, { qos: 1 });
    const received = await sensor.received();
    expect(received).toMatchObject([{ data: Buffer.from('one') }, { data: Buffer.from('two') }, { data: Buffer.from('three') }]);
  });

  test('PUBACK to a message at QoS 2, and PUBREC to one at QoS 1, settle nothing', async () => {
    const { bench, sensor, application } = await subscribed('cmd/a');
    application.publish('cmd/a', 'two', { qos: 2 });
    const exactlyOnce = await sensor.receives('PUBLISH');
    await sensor.sends(puback(exactlyOnce.msgId)).expects();
    await bench.clock.advanceSeconds(T_RETRY_SECONDS);
    await sensor.expects({ ...exactlyOnce, isDuplicate: true });
    await sensor.sends(pubrec(exactlyOnce.msgId)).expects(pubrel(exactlyOnce.msgId));
    await sensor.sends(pubcomp(exactlyOnce.msgId)).expects();
    application.publish('cmd/a', 'one', { qos: 1 });
    const { msgId } = await sensor.receives('PUBLISH');
    await sensor.sends(pubrec(msgId)).expects();
    await sensor.sends(puback(msgId)).expects();
  });

  test('a message larger than the link carries is refused for good and blocks nothing', async () => {
    const { bench, sensor, application } = await subscribed('cmd/a');
    application.publish('cmd/a', 'x'.repeat(2_000), { qos: 1 });
    application.publish('cmd/a', 'x'.repeat(2_000), { qos: 0 });
    application.publish('cmd/a', 'small', { qos: 0 });
    await sensor.expects(publish('small'));
    expect(bench.core.metric('mqtt-sn.dropped.undeliverable')).toBe(2);
  });

  describe('REGISTER before the first PUBLISH', () => {
    test('the message waits for REGACK, also one that came from another client and is in no queue', async () => {
      const { bench, sensor } = await subscribed('cmd/#', { settings: { predefinedTopics: [{ id: 5, topic: 'cmd/a', clientId: 'other' }] } });
      const other = await bench.connected({ clientId: 'other' }, '192.0.2.8:1');
      await other.sends(publish('from afar', { topicIdType: 'predefined', topicId: 5 })).expects();
      const { msgId } = await sensor.receives('REGISTER');
      await sensor.sends(regack(1, { msgId })).expects(publish('from afar'));
    });

    test('one is outstanding at a time; what follows waits, and order is kept', async () => {
      const { sensor, application } = await subscribed('cmd/#');
      application.publish('cmd/a', 'one', { qos: 0 });
      application.publish('cmd/b', 'two', { qos: 0 });
      application.publish('cmd/a', 'three', { qos: 0 });
      const first = await sensor.receives('REGISTER');
      expect(first).toMatchObject({ topicId: 1, topicName: 'cmd/a' });
      sensor.sends(regack(1, { msgId: first.msgId }));
      const [message, second] = await sensor.received();
      expect(message).toEqual(publish('one'));
      expect(second).toMatchObject({ type: 'REGISTER', topicId: 2, topicName: 'cmd/b' });
      const msgId = second?.type === 'REGISTER' ? second.msgId : 0;
      await sensor.sends(regack(2, { msgId })).expects(publish('two', { topicId: 2 }), publish('three'));
    });

    test('the id is on disk before the client hears of it', async () => {
      const bench = await MqttSnBench.start({ autoCommit: false });
      const [application] = await Promise.all([bench.application(), bench.flush()]);
      const sensor = bench.sensor();
      sensor.sends('0c 04 04 01 00 3c 73 65 6e 73 6f 72');
      await bench.flush();
      sensor.sends(subscribe('cmd/#', { qos: 0 }));
      await bench.flush();
      await sensor.received();
      application.publish('cmd/a', 'one', { qos: 0 });
      await sensor.expectsNothing();
      bench.core.store.commit();
      await sensor.receives('REGISTER');
    });

    test('REGACK with another MsgId is a late copy', async () => {
      const { sensor, application } = await subscribed('cmd/#');
      application.publish('cmd/a', 'one', { qos: 0 });
      const { msgId } = await sensor.receives('REGISTER');
      await sensor.sends(regack(1, { msgId: msgId ^ 1 })).expects();
      await sensor.sends(regack(1, { msgId }), regack(1, { msgId })).expects(publish('one'));
    });

    test.each([
      ['invalid topic id', INVALID_TOPIC_ID],
      ['not supported', NOT_SUPPORTED],
      ['a reserved code', 0x80],
    ])('REGACK "%s": that message is dropped, the next goes on', async (_, returnCode) => {
      const { bench, sensor, application } = await subscribed('cmd/#');
      application.publish('cmd/a', 'one', { qos: 1 });
      application.publish('cmd/b', 'two', { qos: 1 });
      const { msgId } = await sensor.receives('REGISTER');
      sensor.sends(regack(1, { msgId, returnCode }));
      expect(await sensor.receives('REGISTER')).toMatchObject({ topicName: 'cmd/b' });
      expect(bench.core.metric('mqtt-sn.dropped.undeliverable')).toBe(1);
    });

    test('REGACK "congestion": asked again after T_WAIT, and nothing else before', async () => {
      const { bench, sensor, application } = await subscribed('cmd/#');
      application.publish('cmd/a', 'one', { qos: 1 });
      const { msgId } = await sensor.receives('REGISTER');
      await sensor.sends(regack(1, { msgId, returnCode: CONGESTION })).expects();
      application.publish('cmd/b', 'two', { qos: 0 });
      await bench.clock.advanceSeconds(300);
      await sensor.expectsNothing();
      await bench.clock.advanceSeconds(2);
      const again = await sensor.receives('REGISTER');
      expect(again).toMatchObject({ topicId: 1, topicName: 'cmd/a' });
      sensor.sends(regack(1, { msgId: again.msgId }));
      expect(await sensor.received()).toMatchObject([
        { type: 'PUBLISH', data: Buffer.from('one') },
        { type: 'REGISTER', topicName: 'cmd/b' },
      ]);
    });

    test('a client that has all the ids it may have gets no more topics, but those it has', async () => {
      const { bench, sensor, application } = await subscribed('cmd/#', { settings: { topicIdsMax: 1 } });
      application.publish('cmd/a', 'one', { qos: 0 });
      const { msgId } = await sensor.receives('REGISTER');
      await sensor.sends(regack(1, { msgId })).expects(publish('one'));
      application.publish('cmd/b', 'two', { qos: 1 });
      application.publish('cmd/c', 'three', { qos: 0 });
      application.publish('cmd/a', 'four', { qos: 0 });
      await sensor.expects(publish('four'));
      expect(bench.core.metric('mqtt-sn.refused.topic-ids')).toBe(2);
      expect(bench.core.metric('mqtt-sn.dropped.undeliverable')).toBe(2);
    });
  });

  describe('PUBACK that refuses', () => {
    test('"invalid topic id": the id is registered again, then the message sent again', async () => {
      const { sensor, application } = await subscribed('cmd/a');
      application.publish('cmd/a', 'one', { qos: 1 });
      const first = await sensor.receives('PUBLISH');
      sensor.sends(puback(first.msgId, { topicId: 1, returnCode: INVALID_TOPIC_ID }));
      const asked = await sensor.receives('REGISTER');
      expect(asked).toMatchObject({ topicId: 1, topicName: 'cmd/a' });
      await sensor.sends(regack(1, { msgId: asked.msgId })).expects({ ...first, isDuplicate: true });
      await sensor.sends(puback(first.msgId)).expects();
    });

    test('"invalid topic id" again and again: after three registrations the message is dropped', async () => {
      const { bench, sensor, application } = await subscribed('cmd/a');
      application.publish('cmd/a', 'one', { qos: 1 });
      const { msgId } = await sensor.receives('PUBLISH');
      for (let registration = 1; registration <= 3; registration += 1) {
        sensor.sends(puback(msgId, { returnCode: INVALID_TOPIC_ID }));
        const asked = await sensor.receives('REGISTER');
        sensor.sends(regack(1, { msgId: asked.msgId }));
        await sensor.receives('PUBLISH');
      }
      await sensor.sends(puback(msgId, { returnCode: INVALID_TOPIC_ID })).expects();
      expect(bench.core.metric('mqtt-sn.dropped.undeliverable')).toBe(1);
    });

    test('a copy of "invalid topic id" that the network made changes nothing', async () => {
      const { sensor, application } = await subscribed('cmd/a');
      application.publish('cmd/a', 'one', { qos: 1 });
      const first = await sensor.receives('PUBLISH');
      const refusal = puback(first.msgId, { returnCode: INVALID_TOPIC_ID });
      sensor.sends(refusal, refusal);
      const asked = await sensor.receives('REGISTER');
      await sensor.sends(refusal).expects();
      await sensor.sends(regack(1, { msgId: asked.msgId })).expects({ ...first, isDuplicate: true });
    });

    test('"congestion": the message is sent again after T_WAIT', async () => {
      const { bench, sensor, application } = await subscribed('cmd/a');
      application.publish('cmd/a', 'one', { qos: 1 });
      const { msgId } = await sensor.receives('PUBLISH');
      await sensor.sends(puback(msgId, { returnCode: CONGESTION })).expects();
      application.publish('cmd/a', 'two', { qos: 0 });
      await bench.clock.advanceSeconds(300);
      await sensor.expectsNothing();
      await bench.clock.advanceSeconds(2);
      const [again, next] = await sensor.received();
      expect(again).toMatchObject({ data: Buffer.from('one'), isDuplicate: true });
      expect(next).toEqual(publish('two'));
    });

    test('"not supported": the message is dropped', async () => {
      const { bench, sensor, application } = await subscribed('cmd/a');
      application.publish('cmd/a', 'one', { qos: 2 });
      application.publish('cmd/a', 'two', { qos: 2 });
      const { msgId } = await sensor.receives('PUBLISH');
      sensor.sends(puback(msgId, { returnCode: NOT_SUPPORTED }));
      expect(await sensor.receives('PUBLISH')).toMatchObject({ data: Buffer.from('two') });
      expect(bench.core.metric('mqtt-sn.dropped.undeliverable')).toBe(1);
    });
  });
});
