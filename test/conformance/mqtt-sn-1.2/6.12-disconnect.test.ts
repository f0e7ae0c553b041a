import { describe, expect, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import {
  connack,
  connect,
  disconnect,
  pingreq,
  publish,
  regack,
  register,
  suback,
  subscribe,
  willMsg,
  willMsgReq,
  willTopic,
  willTopicReq,
} from '../../support/mqtt-sn-packets.ts';

describe('MQTT-SN 1.2 §6.12 Client’s Disconnect Procedure', () => {
  test.each([
    ['without Duration', disconnect()],
    ['with Duration 0', disconnect(0)],
  ])('DISCONNECT %s is answered; the will is not published', async (_, packet) => {
    const bench = await MqttSnBench.start();
    const watcher = await bench.application();
    watcher.subscribe('w/#');
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
    await sensor.sends(packet).expects(disconnect());
    await bench.clock.advanceSeconds(1_000);
    expect(watcher.payloads).toEqual([]);
    await sensor.sends(pingreq()).expects(disconnect()); // a stranger now
  });

  test('a repeated DISCONNECT is answered again', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(disconnect(), disconnect()).expects(disconnect(), disconnect());
  });

  test.each([
    [false, ['one', 'two']],
    [true, []],
  ])('CleanSession %s: what comes meanwhile is kept: %j', async (isCleanSession, kept) => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected({ isCleanSession });
    await sensor.sends(subscribe('ab', { qos: 1 })).expects(suback(1));
    await sensor.sends(disconnect()).expects(disconnect());
    application.publish('ab', 'one', { qos: 0 });
    application.publish('ab', 'two', { qos: 0 });
    await sensor.expectsNothing();
    await sensor.sends(connect()).expects(connack(), ...kept.map((text) => publish(text, { topicIdType: 'short', topicId: 0x6162 })));
  });

  test('a session that began clean ends with its client', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected({ isCleanSession: true });
    await sensor.sends(register('t/a')).expects(regack(1));
    expect(bench.core.broker.sessionCount).toBe(1);
    await sensor.sends(disconnect()).expects(disconnect());
    expect(bench.core.broker.sessionCount).toBe(0);
    await bench.connected({ isCleanSession: true });
    await bench.clock.advanceSeconds(91);
    expect(bench.core.broker.sessionCount).toBe(0);
  });

  test('a session that did not ends when it is not wanted for long', async () => {
    const bench = await MqttSnBench.start({ settings: { sessionExpirySeconds: 3_600 } });
    const sensor = await bench.connected();
    await sensor.sends(disconnect()).expects(disconnect());
    await bench.clock.advanceSeconds(3_599);
    expect(bench.core.broker.sessionCount).toBe(1);
    await bench.clock.advanceSeconds(1);
    expect(bench.core.broker.sessionCount).toBe(0);
  });

  test('a client over its rate for too long is sent away, and the log says so', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(register('t/a')).expects(regack(1));
    bench.core.access.rate = { take: () => 'abuse' };
    bench.core.access.revision += 1;
    await sensor.sends(publish('x')).expects(disconnect());
    expect(bench.log).toEqual([{ event: 'over its rate for too long: sent away', fields: { clientId: 'sensor', peer: expect.any(String) } }]);
  });

  test('a gateway that stops tells no device: to them a restart is a lost packet', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    bench.core.broker.shutDown();
    await sensor.expectsNothing();
  });
});
