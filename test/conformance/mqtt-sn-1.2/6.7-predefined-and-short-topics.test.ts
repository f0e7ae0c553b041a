import { describe, expect, test } from 'vitest';
import { MqttSnBench, type Sensor } from '../../support/mqtt-sn.ts';
import { predefined, puback, publish, regack, register, short, shortId, suback, subscribe, unsuback, unsubscribe } from '../../support/mqtt-sn-packets.ts';
import type { TestClient } from '../../support/test-client.ts';

const INVALID_TOPIC_ID = 0x02;
const NOT_SUPPORTED = 0x03;
const SETTINGS = {
  predefinedTopics: [
    { id: 1, topic: 'everybody/one', clientId: '*' },
    { id: 2, topic: 'everybody/two', clientId: '*' },
    { id: 2, topic: 'own/two', clientId: 'special' },
    { id: 3, topic: 'own/three', clientId: 'special' },
  ],
};

describe('MQTT-SN 1.2 §6.7 Pre-defined topic ids and short topic names', () => {
  async function started(clientId: string): Promise<{ bench: MqttSnBench; sensor: Sensor; application: TestClient }> {
    const bench = await MqttSnBench.start({ settings: SETTINGS });
    const application = await bench.application();
    application.subscribe('#');
    return { bench, sensor: await bench.connected({ clientId }), application };
  }

  test.each([
    ['any', 1, 'everybody/one'],
    ['any', 2, 'everybody/two'],
    ['special', 1, 'everybody/one'],
    ['special', 2, 'own/two'],
    ['special', 3, 'own/three'],
  ])('client %s publishes to predefined id %i: %s', async (clientId, topicId, topic) => {
    const { sensor, application } = await started(clientId);
    await sensor.sends(publish('x', { qos: 1, msgId: 5, topicIdType: 'predefined', topicId })).expects(puback(5, { topicId }));
    expect(application.delivered).toMatchObject([{ topic }]);
  });

  test('a predefined id of another client is an invalid one', async () => {
    const { sensor } = await started('any');
    const topicId = 3;
    await sensor.sends(publish('x', { qos: 1, msgId: 5, topicIdType: 'predefined', topicId })).expects(puback(5, { topicId, returnCode: INVALID_TOPIC_ID }));
    await sensor.sends(subscribe(predefined(3))).expects(suback(0, { qos: 0, returnCode: INVALID_TOPIC_ID }));
  });

  test('predefined and registered ids are different number spaces', async () => {
    const { sensor, application } = await started('any');
    await sensor.sends(register('t/a')).expects(regack(1));
    await sensor.sends(publish('x', { topicIdType: 'predefined', topicId: 1 }), publish('y', { topicId: 1 })).expects();
    expect(application.delivered.map(({ topic }) => topic)).toEqual(['everybody/one', 't/a']);
  });

  test('SUBSCRIBE to a predefined id: SUBACK repeats it, PUBLISH comes with it', async () => {
    const { sensor, application } = await started('any');
    await sensor.sends(subscribe(predefined(2))).expects(suback(2));
    application.publish('everybody/two', 'x', { qos: 0 });
    await sensor.expects(publish('x', { topicIdType: 'predefined', topicId: 2 }));
    await sensor.sends(unsubscribe(predefined(2), 6)).expects(unsuback(6));
    application.publish('everybody/two', 'y', { qos: 0 });
    await sensor.expectsNothing();
  });

  test('an id the client knows as another topic is not used towards it', async () => {
    const { sensor, application } = await started('special');
    await sensor.sends(subscribe('everybody/#')).expects(suback(0));
    application.publish('everybody/one', 'x', { qos: 0 });
    await sensor.expects(publish('x', { topicIdType: 'predefined', topicId: 1 }));
    application.publish('everybody/two', 'x', { qos: 0 });
    expect(await sensor.receives('REGISTER')).toMatchObject({ topicName: 'everybody/two' });
  });

  test('a client that doubts a predefined id is told a registered one', async () => {
    const { sensor, application } = await started('any');
    await sensor.sends(subscribe('everybody/#')).expects(suback(0));
    application.publish('everybody/one', 'x', { qos: 1 });
    const { msgId } = await sensor.receives('PUBLISH');
    sensor.sends(puback(msgId, { topicId: 1, returnCode: INVALID_TOPIC_ID }));
    const asked = await sensor.receives('REGISTER');
    expect(asked).toMatchObject({ topicName: 'everybody/one', topicId: 1 });
    await sensor.sends(regack(1, { msgId: asked.msgId })).expects(publish('x', { qos: 1, msgId, topicIdType: 'normal', topicId: 1, isDuplicate: true }));
  });

  test('a short name needs no registration in either direction', async () => {
    const { sensor, application } = await started('any');
    const topicId = shortId('ab');
    await sensor.sends(subscribe(short('ab'))).expects(suback(0));
    application.publish('ab', 'down', { qos: 0 });
    await sensor.expects(publish('down', { topicIdType: 'short', topicId }));
    await sensor.sends(unsubscribe(short('ab'))).expects(unsuback());
    await sensor.sends(publish('up', { qos: 1, msgId: 5, topicIdType: 'short', topicId })).expects(puback(5, { topicId }));
    expect(application.delivered).toMatchObject([
      { topic: 'ab', payload: 'down' },
      { topic: 'ab', payload: 'up' },
    ]);
  });

  test.each(['a#', '+/', '/#'])('the short name %s has a wildcard: "not supported"', async (name) => {
    const { sensor } = await started('any');
    const topicId = shortId(name);
    await sensor.sends(publish('x', { qos: 1, msgId: 5, topicIdType: 'short', topicId })).expects(puback(5, { topicId, returnCode: NOT_SUPPORTED }));
    await sensor.sends(subscribe(short(name))).expects(suback(0, { qos: 0, returnCode: NOT_SUPPORTED }));
  });

  test('a topic of one octet is no short name: it is registered', async () => {
    const { sensor, application } = await started('any');
    await sensor.sends(subscribe('#')).expects(suback(0));
    application.publish('a', 'x', { qos: 0 });
    expect(await sensor.receives('REGISTER')).toMatchObject({ topicName: 'a' });
  });
});
