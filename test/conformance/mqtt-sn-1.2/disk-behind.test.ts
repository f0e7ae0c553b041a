// §5.3.10 "congestion": the disk is behind, and the device is to try again later.
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
  pubcomp,
  publish,
  pubrec,
  pubrel,
  regack,
  register,
  suback,
  subscribe,
  unsuback,
  unsubscribe,
  willMsg,
  willMsgReq,
  willMsgResp,
  willMsgUpd,
  willTopic,
  willTopicReq,
  willTopicResp,
  willTopicUpd,
} from '../../support/mqtt-sn-packets.ts';

const returnCode = 0x01;

/** A sensor with a will that knows topic id 1 as `t/a`; then the disk stands still. */
async function behind(): Promise<{ bench: MqttSnBench; sensor: Sensor }> {
  const bench = await MqttSnBench.start();
  const sensor = bench.sensor();
  await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
  await sensor.sends(willTopic('wills')).expects(willMsgReq);
  await sensor.sends(willMsg('gone')).expects(connack());
  await sensor.sends(register('t/a')).expects(regack(1));
  bench.core.store.isCongested = true;
  return { bench, sensor };
}

describe('MQTT-SN 1.2 §5.3.10: while the disk is behind', () => {
  test.each<[string, Packet, Packet, Packet]>([
    ['REGISTER', register('t/b'), regack(0, { returnCode }), regack(2)],
    ['SUBSCRIBE', subscribe('t/c'), suback(0, { qos: 0, returnCode }), suback(2)],
    ['WILLTOPICUPD', willTopicUpd('wills/2'), willTopicResp(returnCode), willTopicResp()],
    ['WILLMSGUPD', willMsgUpd('gone again'), willMsgResp(returnCode), willMsgResp()],
    ['PUBLISH', publish('x', { qos: 1, msgId: 9 }), puback(9, { returnCode }), puback(9)],
  ])('%s is answered with "congestion", and done when it is sent again', async (_what, packet, congested, done) => {
    const { bench, sensor } = await behind();
    await sensor.sends(packet).expects(congested);
    expect(bench.core.metric('mqtt-sn.refused.congestion')).toBe(1);
    bench.core.store.isCongested = false;
    await sensor.sends(packet).expects(done);
  });

  test.each<[string, Packet, Packet]>([
    ['UNSUBSCRIBE', unsubscribe('t/a'), unsuback()],
    ['PUBREL', pubrel(7), pubcomp(7)],
    ['DISCONNECT with a duration', disconnect(60), disconnect()],
  ])('%s, whose answer has no return code, is lost, and done when it is sent again', async (_what, packet, done) => {
    const { bench, sensor } = await behind();
    await sensor.sends(packet).expects();
    expect(bench.core.metric('mqtt-sn.dropped.disk-behind')).toBe(1);
    bench.core.store.isCongested = false;
    await sensor.sends(packet).expects(done);
  });

  test('CONNECT is answered with "congestion", and leaves the session there is as it is', async () => {
    const { bench, sensor } = await behind();
    const groups = bench.core.store.status().groupsCommitted;
    const other = bench.sensor('192.0.2.8:49152');
    for (const asking of [other, sensor]) await asking.sends(connect({ isCleanSession: true })).expects(connack(returnCode));
    await sensor.sends(pingreq()).expects(pingresp);
    expect([bench.core.metric('mqtt-sn.refused.connects'), bench.core.store.status().groupsCommitted]).toEqual([2, groups]);
    bench.core.store.isCongested = false;
    await other.sends(connect({ clientId: 'other' })).expects(connack());
  });

  test('a sleeping client that wakes up at another address stays where it was, and asks again', async () => {
    const { bench, sensor } = await behind();
    bench.core.store.isCongested = false;
    await sensor.sends(disconnect(60)).expects(disconnect());
    bench.core.store.isCongested = true;
    const elsewhere = bench.sensor('192.0.2.9:49152');
    await elsewhere.sends(pingreq('sensor')).expects();
    expect(bench.core.metric('mqtt-sn.clients.moved')).toBe(0);
    bench.core.store.isCongested = false;
    await elsewhere.sends(pingreq('sensor')).expects(pingresp);
    expect(bench.core.metric('mqtt-sn.clients.moved')).toBe(1);
  });

  test('PUBREC is heard: what is in flight is little, and who answers is there', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('t/a', { qos: 2 })).expects(suback(1, { qos: 2 }));
    application.publish('t/a', 'x', { qos: 2 });
    const { msgId } = await sensor.receives('PUBLISH');
    bench.core.store.isCongested = true;
    await sensor.sends(pubrec(msgId)).expects();
    bench.core.store.isCongested = false;
    await sensor.expects(pubrel(msgId));
    await sensor.sends(pubcomp(msgId)).expects();
  });
});
