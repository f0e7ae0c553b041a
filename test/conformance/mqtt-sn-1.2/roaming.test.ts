// A client and its session at another address, or on another transport: the specification leaves it to the client id (§5.3.1).
import { describe, expect, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import { connack, connect, disconnect, pingreq, pingresp, puback, publish, regack, register, suback, subscribe } from '../../support/mqtt-sn-packets.ts';

describe.each([
  ['at another address', false],
  ['on another transport', true],
])('MQTT-SN 1.2: a client %s', (_, isOtherTransport) => {
  const elsewhere = (bench: MqttSnBench) => (isOtherTransport ? bench.sensor(undefined, bench.otherNetwork) : bench.sensor('198.51.100.9:1'));

  test('takes its session along by CONNECT: topic ids, subscriptions, and what was on its way', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const before = await bench.connected();
    await before.sends(register('t/a')).expects(regack(1));
    await before.sends(subscribe('cmd/a')).expects(suback(2));
    application.publish('cmd/a', 'open', { qos: 1 });
    await before.receives('PUBLISH');
    const after = elsewhere(bench);
    after.sends(connect());
    const [accepted, asked] = await after.received();
    expect(accepted).toEqual(connack());
    expect(asked).toMatchObject({ type: 'REGISTER', topicId: 2, topicName: 'cmd/a' });
    after.sends(regack(2, { msgId: asked?.type === 'REGISTER' ? asked.msgId : 0 }));
    const again = await after.receives('PUBLISH');
    expect(again).toMatchObject({ topicId: 2, isDuplicate: true, data: Buffer.from('open') });
    await after.sends(puback(again.msgId, { topicId: 2 }), publish('21.5', { qos: 1, msgId: 5 })).expects(puback(5));
    await before.expectsNothing();
    await before.sends(pingreq()).expects(disconnect());
  });

  test('asleep, it takes along what was kept, by PINGREQ', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const before = await bench.connected();
    await before.sends(subscribe('cmd/a')).expects(suback(1));
    await before.sends(disconnect(600)).expects(disconnect());
    application.publish('cmd/a', 'one', { qos: 0 });
    await elsewhere(bench).sends(pingreq('sensor')).expects(publish('one'), pingresp);
    await before.expectsNothing();
  });

  test('is found there after a kill', async () => {
    const bench = await MqttSnBench.start();
    const before = await bench.connected();
    const after = elsewhere(bench);
    await after.sends(connect()).expects(connack());
    await after.sends(register('t/a')).expects(regack(1));
    await bench.kill();
    await after.sends(publish('21.5', { qos: 1, msgId: 5 })).expects(puback(5));
    await before.sends(pingreq()).expects(disconnect());
  });

  test('another one with an address that reads the same is another client', async () => {
    const bench = await MqttSnBench.start();
    const one = await bench.connected();
    const other = elsewhere(bench);
    await other.sends(connect({ clientId: 'other' })).expects(connack());
    await one.sends(pingreq()).expects(pingresp);
    await other.sends(pingreq()).expects(pingresp);
    expect(bench.core.metric('mqtt-sn.clients')).toBe(2);
  });
});
