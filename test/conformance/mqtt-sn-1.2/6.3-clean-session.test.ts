import { describe, expect, test } from 'vitest';
import type { Packet } from '../../../gateways/mqtt-sn/packets.ts';
import { MqttSnBench, type Sensor } from '../../support/mqtt-sn.ts';
import {
  connack,
  connect,
  disconnect,
  emptyWillTopic,
  puback,
  publish,
  regack,
  suback,
  subscribe,
  willMsg,
  willMsgReq,
  willTopic,
  willTopicReq,
} from '../../support/mqtt-sn-packets.ts';
import type { TestClient } from '../../support/test-client.ts';

const NEW_WILL = [willTopic('w/new'), willMsg('new')] as const;

describe('MQTT-SN 1.2 §6.3 Clean session', () => {
  /** A client with a subscription and a will, which has gone and come back. */
  async function returned(flags: { isCleanSession: boolean; hasWill: boolean }, ...answers: Packet[]): Promise<Returned> {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    application.subscribe('w/#');
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true }), willTopic('w/old'), willMsg('old')).expects(willTopicReq, willMsgReq, connack());
    await sensor.sends(subscribe('cmd/a')).expects(suback(1));
    await sensor.sends(disconnect()).expects(disconnect());
    sensor.sends(connect(flags), ...answers);
    return { bench, sensor, application };
  }

  test.each<[string, { isCleanSession: boolean; hasWill: boolean }, readonly Packet[], readonly Packet[], boolean, string[]]>([
    [
      '1, Will 1: both are deleted, a new will is asked for',
      { isCleanSession: true, hasWill: true },
      NEW_WILL,
      [willTopicReq, willMsgReq, connack()],
      false,
      ['new'],
    ],
    ['1, Will 0: both are deleted', { isCleanSession: true, hasWill: false }, [], [connack()], false, []],
    ['0, Will 1: a new will replaces the old one', { isCleanSession: false, hasWill: true }, NEW_WILL, [willTopicReq, willMsgReq, connack()], true, ['new']],
    ['0, Will 0: all is kept', { isCleanSession: false, hasWill: false }, [], [connack()], true, ['old']],
    ['0, Will 1, empty WILLTOPIC: only the will is deleted', { isCleanSession: false, hasWill: true }, [emptyWillTopic], [willTopicReq, connack()], true, []],
  ])('CleanSession %s', async (_, flags, answers, expected, isSubscribed, wills) => {
    const { bench, sensor, application } = await returned(flags, ...answers);
    await sensor.expects(...expected);
    application.publish('cmd/a', 'open');
    expect((await sensor.received()).map((packet) => packet.type)).toEqual(isSubscribed ? ['REGISTER'] : []);
    await bench.clock.advanceSeconds(91); // lost: its will is published
    expect(application.payloads).toEqual(wills);
  });

  test('topic ids of a client that begins clean are forgotten', async () => {
    const { sensor } = await returned({ isCleanSession: true, hasWill: false });
    await sensor.expects(connack());
    await sensor.sends(publish('x', { qos: 1, msgId: 3, topicId: 1 })).expects(puback(3, { returnCode: 0x02 }));
  });

  test('topic ids of a client that does not are told it again before they are used towards it', async () => {
    const { sensor, application } = await returned({ isCleanSession: false, hasWill: false });
    await sensor.expects(connack());
    application.publish('cmd/a', 'open', { qos: 0 });
    const { msgId, topicId, topicName } = await sensor.receives('REGISTER');
    expect([topicId, topicName]).toEqual([1, 'cmd/a']);
    await sensor.sends(regack(1, { msgId })).expects(publish('open'));
    application.publish('cmd/a', 'shut', { qos: 0 });
    await sensor.expects(publish('shut'));
  });

  test('a client that still uses a topic id is not told it again', async () => {
    const { sensor, application } = await returned({ isCleanSession: false, hasWill: false });
    await sensor.expects(connack());
    await sensor.sends(publish('x', { topicId: 1 })).expects(publish('x')); // by its own subscription
    application.publish('cmd/a', 'open', { qos: 0 });
    await sensor.expects(publish('open'));
  });
});

interface Returned {
  readonly bench: MqttSnBench;
  readonly sensor: Sensor;
  readonly application: TestClient;
}
