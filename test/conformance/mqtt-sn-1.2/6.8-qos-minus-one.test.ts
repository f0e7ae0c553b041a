import { describe, expect, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import { publish, regack, register, shortId } from '../../support/mqtt-sn-packets.ts';

const SETTINGS = {
  predefinedTopics: [
    { id: 5, topic: 'everybody/five', clientId: '*' },
    { id: 6, topic: 'own/six', clientId: 'sensor' },
  ],
};

describe('MQTT-SN 1.2 §6.8 PUBLISH with QoS Level -1', () => {
  test.each([
    ['a predefined id', '09 0c 61 00 05 00 00 6f 6e', 'everybody/five', false],
    ['a short name', '09 0c 62 61 62 00 00 6f 6e', 'ab', false],
    ['RETAIN', '09 0c 71 00 05 00 00 6f 6e', 'everybody/five', true],
  ])('%s needs no connection; it becomes QoS 0 and is never answered', async (_, hex, topic, isRetain) => {
    const bench = await MqttSnBench.start({ settings: SETTINGS });
    const application = await bench.application();
    application.subscribe('#', { retainAsPublished: true });
    await bench.sensor().sends(hex).expects();
    expect(application.delivered).toMatchObject([{ topic, payload: 'on', qos: 0, isRetain }]);
    expect(bench.core.metric('mqtt-sn.clients')).toBe(0);
  });

  test.each([
    ['an unknown predefined id', publish('x', { qos: -1, topicIdType: 'predefined', topicId: 9 })],
    ['a predefined id of one client', publish('x', { qos: -1, topicIdType: 'predefined', topicId: 6 })],
    ['a normal id', publish('x', { qos: -1, topicId: 1 })],
    ['a short name with a wildcard', publish('x', { qos: -1, topicIdType: 'short', topicId: shortId('a#') })],
  ])('%s is dropped and counted', async (_, packet) => {
    const bench = await MqttSnBench.start({ settings: SETTINGS });
    const application = await bench.application();
    application.subscribe('#');
    await bench.sensor().sends(packet).expects();
    expect(application.payloads).toEqual([]);
    expect(bench.core.metric('mqtt-sn.dropped.qos-minus-one')).toBe(1);
  });

  test('switched off, it is dropped and counted', async () => {
    const bench = await MqttSnBench.start({ settings: { ...SETTINGS, qosMinusOne: false } });
    const application = await bench.application();
    application.subscribe('#');
    await bench
      .sensor()
      .sends(publish('x', { qos: -1, topicIdType: 'predefined', topicId: 5 }))
      .expects();
    expect(application.payloads).toEqual([]);
    expect(bench.core.metric('mqtt-sn.dropped.qos-minus-one')).toBe(1);
  });

  test('access rules see one publisher, NegQoS-Client', async () => {
    const bench = await MqttSnBench.start({ settings: SETTINGS });
    const application = await bench.application();
    application.subscribe('#');
    bench.core.access.forbids = (action, principal) => action.kind === 'publish' && principal.clientId === 'NegQoS-Client';
    await bench
      .sensor()
      .sends(publish('x', { qos: -1, topicIdType: 'predefined', topicId: 5 }))
      .expects();
    expect(application.payloads).toEqual([]);
  });

  test('a connected client publishes under its own name, with its own predefined topics', async () => {
    const bench = await MqttSnBench.start({ settings: SETTINGS });
    const application = await bench.application();
    application.subscribe('#');
    const sensor = await bench.connected();
    await sensor.sends(publish('x', { qos: -1, topicIdType: 'predefined', topicId: 6 })).expects();
    expect(application.delivered).toMatchObject([{ topic: 'own/six', qos: 0 }]);
  });

  test('a connected client may not use a registered id at this level, and is not answered', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    application.subscribe('#');
    const sensor = await bench.connected();
    await sensor.sends(register('t/a')).expects(regack(1));
    await sensor.sends(publish('x', { qos: -1, topicId: 1 })).expects();
    expect(application.payloads).toEqual([]);
  });
});
