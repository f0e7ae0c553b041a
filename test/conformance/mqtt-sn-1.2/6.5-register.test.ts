import { describe, expect, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import { connack, connect, puback, publish, regack, register, suback, subscribe } from '../../support/mqtt-sn-packets.ts';

const NOT_SUPPORTED = 0x03;

describe('MQTT-SN 1.2 §6.5 Topic Name Registration Procedure', () => {
  test('REGISTER is answered by REGACK with the id and its MsgId', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(register('t/temp1', { msgId: 7 })).expects(regack(1, { msgId: 7 }));
    await sensor.sends(register('t/temp2', { msgId: 8 })).expects(regack(2, { msgId: 8 }));
  });

  test('the same name gets the same id', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor
      .sends(register('t/a'), register('t/b', { msgId: 2 }), register('t/a', { msgId: 3 }))
      .expects(regack(1), regack(2, { msgId: 2 }), regack(1, { msgId: 3 }));
  });

  test('a name the client registered comes to it by that id', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('t/#', { qos: 0 })).expects(suback(0, { qos: 0 }));
    await sensor.sends(register('t/a')).expects(regack(1));
    application.publish('t/a', 'x', { qos: 0 });
    await sensor.expects(publish('x'));
  });

  test('ids are per client', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    application.subscribe('#');
    const first = await bench.connected({ clientId: 'first' }, '192.0.2.8:1');
    const second = await bench.connected({ clientId: 'second' }, '192.0.2.9:1');
    await first.sends(register('first/t')).expects(regack(1));
    await second.sends(register('second/t')).expects(regack(1));
    await first.sends(publish('x', { qos: 1, msgId: 1 })).expects(puback(1));
    await second.sends(publish('y', { qos: 1, msgId: 1 })).expects(puback(1));
    expect(application.delivered.map(({ topic, payload }) => `${topic} ${payload}`)).toEqual(['first/t x', 'second/t y']);
  });

  test.each(['t/#', 't/+', '', 'a\0b'])('the name %j is refused with "not supported"', async (name) => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(register(name)).expects(regack(0, { returnCode: NOT_SUPPORTED }));
  });

  test('a client that has all the ids it may have is refused another, and keeps those', async () => {
    const bench = await MqttSnBench.start({ settings: { topicIdsMax: 2 } });
    const sensor = await bench.connected();
    await sensor.sends(register('t/a'), register('t/b')).expects(regack(1), regack(2));
    await sensor.sends(register('t/c')).expects(regack(0, { returnCode: NOT_SUPPORTED }));
    await sensor.sends(register('t/b')).expects(regack(2));
    expect(bench.core.metric('mqtt-sn.refused.topic-ids')).toBe(1);
  });

  test('REGACK waits for the disk', async () => {
    const bench = await MqttSnBench.start({ autoCommit: false });
    const sensor = bench.sensor();
    sensor.sends(connect());
    await bench.flush();
    await sensor.expects(connack());
    await sensor.sends(register('t/a')).expects();
    bench.core.store.commit();
    await sensor.expects(regack(1));
  });
});
