import { describe, expect, test } from 'vitest';
import type { Packet } from '../../../gateways/mqtt-sn/packets.ts';
import { MqttSnBench, type Sensor } from '../../support/mqtt-sn.ts';
import {
  connack,
  connect,
  disconnect,
  pingreq,
  pingresp,
  puback,
  publish,
  regack,
  register,
  willMsg,
  willMsgReq,
  willTopic,
  willTopicReq,
} from '../../support/mqtt-sn-packets.ts';
import type { TestClient } from '../../support/test-client.ts';

describe('MQTT-SN 1.2 §6.11 Keep Alive and PING Procedure', () => {
  async function withWill(durationSeconds: number): Promise<{ bench: MqttSnBench; sensor: Sensor; watcher: TestClient }> {
    const bench = await MqttSnBench.start();
    const watcher = await bench.application();
    watcher.subscribe('w/#');
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true, durationSeconds }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
    return { bench, sensor, watcher };
  }

  test.each([
    [1, 1.5],
    [60, 90],
    [61, 67.1],
    [600, 660],
    [65_535, 72_088.5],
  ])('silent for %i s and the tolerance of §7.2, %d s in all: lost, its will is published', async (durationSeconds, patienceSeconds) => {
    const { bench, watcher } = await withWill(durationSeconds);
    await bench.clock.advanceMs(patienceSeconds * 1_000 - 1);
    expect(watcher.payloads).toEqual([]);
    await bench.clock.advanceMs(1);
    expect(watcher.payloads).toEqual(['gone']);
    expect(bench.core.metric('mqtt-sn.clients')).toBe(0);
  });

  test('a lost client is told so by DISCONNECT when it speaks, and connects again', async () => {
    const { bench, sensor } = await withWill(60);
    await bench.clock.advanceSeconds(91);
    await sensor.expectsNothing();
    await sensor.sends(publish('x', { qos: 1, msgId: 1 })).expects(disconnect());
    await sensor.sends(connect()).expects(connack());
  });

  test('a Duration of 0 is no supervision', async () => {
    const { bench, sensor, watcher } = await withWill(0);
    await bench.clock.advanceSeconds(1_000_000);
    expect(watcher.payloads).toEqual([]);
    await sensor.sends(pingreq()).expects(pingresp);
  });

  test.each<[string, Packet]>([
    ['PINGREQ', pingreq()],
    ['PUBLISH', publish('x', { qos: 1, msgId: 1, topicId: 9 })],
    ['a late PUBACK', puback(7)],
    ['REGISTER', register('t/a')],
    ['PINGRESP', pingresp],
  ])('%s counts as a sign of life', async (_, packet) => {
    const { bench, sensor, watcher } = await withWill(60);
    for (let minute = 0; minute < 5; minute += 1) {
      await bench.clock.advanceSeconds(80);
      sensor.sends(packet);
    }
    await bench.clock.advanceSeconds(89);
    expect(watcher.payloads).toEqual([]);
    await bench.clock.advanceSeconds(2);
    expect(watcher.payloads).toEqual(['gone']);
  });

  test('a malformed datagram from its address is no sign of life', async () => {
    const { bench, sensor, watcher } = await withWill(60);
    await bench.clock.advanceSeconds(80);
    sensor.sends('05 16');
    await bench.clock.advanceSeconds(11);
    expect(watcher.payloads).toEqual(['gone']);
  });

  test.each([
    ['without client id', pingreq()],
    ['with its client id, while active', pingreq('sensor')],
  ])('PINGREQ %s is answered by PINGRESP', async (_, packet) => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(packet).expects(pingresp);
  });

  test('one timer per client, however much it says', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    const timers = bench.clock.pendingTimers;
    await sensor.sends(register('t/a')).expects(regack(1));
    for (let index = 0; index < 100; index += 1) sensor.sends(publish('x'));
    await sensor.expectsNothing();
    expect(bench.clock.pendingTimers).toBe(timers);
  });
});
