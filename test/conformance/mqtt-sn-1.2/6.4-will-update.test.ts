import { describe, expect, test } from 'vitest';
import { MqttSnBench, type Sensor } from '../../support/mqtt-sn.ts';
import {
  connack,
  connect,
  emptyWillTopicUpd,
  willMsg,
  willMsgReq,
  willMsgResp,
  willMsgUpd,
  willTopic,
  willTopicReq,
  willTopicResp,
  willTopicUpd,
} from '../../support/mqtt-sn-packets.ts';
import type { TestClient } from '../../support/test-client.ts';

const NOT_SUPPORTED = 0x03;

describe('MQTT-SN 1.2 §6.4 Procedure for updating the Will data', () => {
  async function withWill(): Promise<{ bench: MqttSnBench; sensor: Sensor; watcher: TestClient }> {
    const bench = await MqttSnBench.start();
    const watcher = await bench.application();
    watcher.subscribe('w/#');
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true }), willTopic('w/a'), willMsg('one')).expects(willTopicReq, willMsgReq, connack());
    return { bench, sensor, watcher };
  }

  async function whatIsPublished(bench: MqttSnBench, watcher: TestClient): Promise<string[]> {
    await bench.clock.advanceSeconds(91);
    return watcher.delivered.map(({ topic, payload, qos }) => `${topic} ${payload} ${qos}`);
  }

  test('WILLTOPICUPD replaces topic and QoS, the message stays', async () => {
    const { bench, sensor, watcher } = await withWill();
    await sensor.sends(willTopicUpd('w/b', { qos: 2 })).expects(willTopicResp());
    expect(await whatIsPublished(bench, watcher)).toEqual(['w/b one 2']);
  });

  test('WILLMSGUPD replaces the message, the topic stays', async () => {
    const { bench, sensor, watcher } = await withWill();
    await sensor.sends(willMsgUpd('two')).expects(willMsgResp());
    expect(await whatIsPublished(bench, watcher)).toEqual(['w/a two 1']);
  });

  test('an empty WILLTOPICUPD deletes topic and message', async () => {
    const { bench, sensor, watcher } = await withWill();
    await sensor.sends(emptyWillTopicUpd).expects(willTopicResp());
    await sensor.sends(willMsgUpd('two')).expects(willMsgResp(NOT_SUPPORTED));
    expect(await whatIsPublished(bench, watcher)).toEqual([]);
  });

  test('a client without a will gets one by WILLTOPICUPD, its message empty until WILLMSGUPD', async () => {
    const bench = await MqttSnBench.start();
    const watcher = await bench.application();
    watcher.subscribe('w/#');
    const sensor = await bench.connected();
    await sensor.sends(willMsgUpd('two')).expects(willMsgResp(NOT_SUPPORTED));
    await sensor.sends(willTopicUpd('w/c', { qos: 0 })).expects(willTopicResp());
    expect(await whatIsPublished(bench, watcher)).toEqual(['w/c  0']);
  });

  test.each([
    ['a wildcard', willTopicUpd('w/#')],
    ['no topic', willTopicUpd('')],
    ['QoS -1', willTopicUpd('w/b', { qos: -1 })],
  ])('%s is refused and changes nothing', async (_, packet) => {
    const { bench, sensor, watcher } = await withWill();
    await sensor.sends(packet).expects(willTopicResp(NOT_SUPPORTED));
    expect(await whatIsPublished(bench, watcher)).toEqual(['w/a one 1']);
  });

  test('a will the store cannot hold is refused', async () => {
    const { bench, sensor, watcher } = await withWill();
    await sensor.sends(willTopicUpd(`w/${'b'.repeat(1_000)}`)).expects(willTopicResp());
    await sensor.sends(willMsgUpd('x'.repeat(65_000))).expects(willMsgResp(NOT_SUPPORTED));
    expect((await whatIsPublished(bench, watcher))[0]).toMatch(/b one 1$/);
  });

  test('answers wait for the disk', async () => {
    const bench = await MqttSnBench.start({ autoCommit: false });
    const sensor = bench.sensor();
    sensor.sends(connect());
    await bench.flush();
    await sensor.expects(connack());
    await sensor.sends(willTopicUpd('w/a')).expects();
    bench.core.store.commit();
    await sensor.expects(willTopicResp());
    await sensor.sends(willMsgUpd('two')).expects();
    bench.core.store.commit();
    await sensor.expects(willMsgResp());
  });
});
