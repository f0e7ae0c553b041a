import { describe, expect, test } from 'vitest';
import { MqttSnBench, type MqttSnBenchOptions, type Sensor } from '../../support/mqtt-sn.ts';
import { disconnect, pingreq, pingresp, pubcomp, pubrec, pubrel, regack, suback, subscribe } from '../../support/mqtt-sn-packets.ts';
import type { TestClient } from '../../support/test-client.ts';

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

describe('MQTT-SN 1.2 §6.13 Retransmission, by the gateway', () => {
  test('PUBLISH is repeated with DUP after T_RETRY, N_RETRY times; then the client is lost', async () => {
    const { bench, sensor, application } = await subscribed('cmd/a');
    application.publish('cmd/a', 'one', { qos: 1 });
    const first = await sensor.receives('PUBLISH');
    for (let repetition = 1; repetition <= 3; repetition += 1) {
      await bench.clock.advanceSeconds(T_RETRY_SECONDS - 1);
      await sensor.expectsNothing();
      await bench.clock.advanceSeconds(1);
      await sensor.expects({ ...first, isDuplicate: true });
    }
    await bench.clock.advanceSeconds(T_RETRY_SECONDS);
    await sensor.expectsNothing();
    await sensor.sends(pingreq()).expects(disconnect());
    expect(bench.core.metric('mqtt-sn.clients.lost')).toBe(1);
    expect(bench.core.metric('mqtt-sn.requests.retransmitted')).toBe(3);
  });

  test('what was not answered comes again when the client is back', async () => {
    const { bench, sensor, application } = await subscribed('cmd/a');
    application.publish('cmd/a', 'one', { qos: 1 });
    await sensor.receives('PUBLISH');
    await bench.clock.advanceSeconds(40);
    await sensor.received();
    sensor.sends('0c 04 00 01 00 3c 73 65 6e 73 6f 72');
    const [connack, asked] = await sensor.received();
    expect(connack?.type).toBe('CONNACK');
    const msgId = asked?.type === 'REGISTER' ? asked.msgId : 0;
    sensor.sends(regack(1, { msgId }));
    expect(await sensor.receives('PUBLISH')).toMatchObject({ data: Buffer.from('one'), isDuplicate: true });
  });

  test('PUBREL is repeated unchanged', async () => {
    const { bench, sensor, application } = await subscribed('cmd/a');
    application.publish('cmd/a', 'one', { qos: 2 });
    const { msgId } = await sensor.receives('PUBLISH');
    await bench.clock.advanceSeconds(T_RETRY_SECONDS - 1);
    await sensor.sends(pubrec(msgId)).expects(pubrel(msgId));
    await bench.clock.advanceSeconds(T_RETRY_SECONDS);
    await sensor.expects(pubrel(msgId));
    await sensor.sends(pubcomp(msgId)).expects();
    await bench.clock.advanceSeconds(60);
    await sensor.expectsNothing();
  });

  test('REGISTER is repeated unchanged, N_RETRY times; then the client is lost', async () => {
    const { bench, sensor, application } = await subscribed('cmd/#');
    application.publish('cmd/a', 'one', { qos: 0 });
    const first = await sensor.receives('REGISTER');
    for (let repetition = 1; repetition <= 3; repetition += 1) {
      await bench.clock.advanceSeconds(T_RETRY_SECONDS);
      await sensor.expects(first);
    }
    await bench.clock.advanceSeconds(T_RETRY_SECONDS);
    await sensor.sends(pingreq()).expects(disconnect());
  });

  test.each([
    ['WILLTOPICREQ', []],
    ['WILLMSGREQ', ['07 07 20 77 2f 74 31']],
  ])('%s is repeated N_RETRY times; then the handshake is forgotten', async (type, answers) => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    sensor.sends('0c 04 08 01 00 3c 73 65 6e 73 6f 72', ...answers);
    await sensor.received();
    for (let repetition = 1; repetition <= 3; repetition += 1) {
      await bench.clock.advanceSeconds(T_RETRY_SECONDS);
      expect(await sensor.received()).toEqual([{ type }]);
    }
    await bench.clock.advanceSeconds(60);
    await sensor.expectsNothing();
    await sensor.sends(pingreq()).expects(disconnect());
  });

  test('T_RETRY and N_RETRY are settings', async () => {
    const { bench, sensor, application } = await subscribed('cmd/a', { settings: { retrySeconds: 2, retries: 1 } });
    application.publish('cmd/a', 'one', { qos: 1 });
    await sensor.receives('PUBLISH');
    await bench.clock.advanceSeconds(2);
    await sensor.receives('PUBLISH');
    await sensor.sends(pingreq()).expects(pingresp);
    await bench.clock.advanceSeconds(2);
    await sensor.sends(pingreq()).expects(disconnect());
  });
});
