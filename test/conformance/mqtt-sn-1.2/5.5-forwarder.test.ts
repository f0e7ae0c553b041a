// Clients behind forwarders (§5.5): to everybody else they are clients like any other.
import { describe, expect, test } from 'vitest';
import { MqttSnBench, Sensor } from '../../support/mqtt-sn.ts';
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
  shortId,
  suback,
  subscribe,
  willMsg,
  willMsgReq,
  willTopic,
  willTopicReq,
} from '../../support/mqtt-sn-packets.ts';

describe('MQTT-SN 1.2 §5.5 Forwarder Encapsulation', () => {
  test('octet by octet: Length covers the header alone, and the answer goes to the node that asked', async () => {
    const bench = await MqttSnBench.start();
    const peer = bench.network.peer('192.0.2.9', 1884);
    bench.sensor('192.0.2.9:1884').sends('05 fe 00 0a31 0c 04 04 01 00 3c 73 65 6e 73 6f 72');
    await bench.flush();
    expect(peer.take()).toEqual([Buffer.from('05fe000a31030500', 'hex')]);
  });

  test('nodes of one forwarder are different clients, and so is the forwarder itself', async () => {
    const bench = await MqttSnBench.start();
    const forwarder = bench.forwarder();
    const [a, b] = [new Sensor(forwarder.node('0a31')), new Sensor(forwarder.node('0a32'))];
    await a.sends(connect({ clientId: 'a' })).expects(connack());
    await b.sends(connect({ clientId: 'b' })).expects(connack());
    await a.sends(register('t/a'), register('t/b', { msgId: 2 })).expects(regack(1), regack(2, { msgId: 2 }));
    await b.sends(subscribe('t/b')).expects(suback(1));
    await a.sends(publish('21.5', { topicId: 2 })).expects();
    await b.expects(publish('21.5'));
    await new Sensor(forwarder.node('0a33')).sends(pingreq()).expects(disconnect());
    expect(bench.core.metric('mqtt-sn.clients')).toBe(2);
  });

  test.each([
    ['of one octet', ['11']],
    ['without octets', ['']],
    ['of 252 octets, as many as Length can tell', ['ab'.repeat(252)]],
    ['behind a forwarder behind a forwarder', ['0a31', '77', '0102030405060708']],
  ])('a wireless node id %s', async (_, nodes) => {
    const bench = await MqttSnBench.start();
    const node = new Sensor(bench.forwarder().node(...nodes));
    await node.sends(connect()).expects(connack());
    await node.sends(pingreq()).expects(pingresp);
  });

  test.each([
    ['an encapsulation of nothing', '05 fe 00 0a 31'],
    ['a header of two octets', '02 fe 02 16'],
    ['a header longer than the datagram', '20 fe 00 0a 31 02 16'],
    ['five forwarders in a row', '03 fe 00 03 fe 00 03 fe 00 03 fe 00 03 fe 00 02 16'],
    ['a Length within that lies', '05 fe 00 0a 31 07 16'],
  ])('%s is malformed: counted, logged and not answered', async (_, hex) => {
    const bench = await MqttSnBench.start();
    await bench.sensor().sends(hex).expects();
    expect(bench.core.metric('mqtt-sn.dropped.malformed')).toBe(1);
    expect(bench.log).toMatchObject([{ event: 'malformed datagram', fields: { clause: expect.stringMatching(/^§5/) } }]);
  });

  test('QoS −1 passes a forwarder', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    application.subscribe('T1');
    await new Sensor(bench.forwarder().node('0a31')).sends(publish('x', { qos: -1, topicIdType: 'short', topicId: shortId('T1') })).expects();
    expect(application.payloads).toEqual(['x']);
  });

  test('a will handshake, sleep and a wake-up pass it, and the node may wake up behind another one', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const node = new Sensor(bench.forwarder().node('0a31'));
    await node.sends(connect({ hasWill: true })).expects(willTopicReq);
    await node.sends(willTopic('w/t')).expects(willMsgReq);
    await node.sends(willMsg('gone')).expects(connack());
    await node.sends(subscribe('cmd/a')).expects(suback(1));
    await node.sends(disconnect(600)).expects(disconnect());
    application.publish('cmd/a', 'one', { qos: 0 });
    await node.expects();
    await node.sends(pingreq('sensor')).expects(publish('one'), pingresp);
    application.publish('cmd/a', 'two', { qos: 0 });
    await new Sensor(bench.forwarder('192.0.2.10:1884').node('01')).sends(pingreq('sensor')).expects(publish('two'), pingresp);
    expect(bench.core.metric('mqtt-sn.clients.moved')).toBe(1);
  });

  test('after a kill the gateway knows what stands behind the forwarder', async () => {
    const bench = await MqttSnBench.start();
    const forwarder = bench.forwarder();
    const [awake, asleep] = [new Sensor(forwarder.node('0a31')), new Sensor(forwarder.node('0a32', '01'))];
    await awake.sends(connect({ clientId: 'awake' })).expects(connack());
    await awake.sends(register('t/a')).expects(regack(1));
    await asleep.sends(connect({ clientId: 'asleep' })).expects(connack());
    await asleep.sends(subscribe('t/a')).expects(suback(1));
    await asleep.sends(disconnect(600)).expects(disconnect());
    await bench.kill();
    await awake.sends(publish('21.5', { qos: 1, msgId: 5 })).expects(puback(5));
    asleep.sends(pingreq('asleep'));
    expect(await asleep.received()).toMatchObject([{ type: 'PUBLISH', qos: 1, topicId: 1 }]);
  });

  test('a message that reaches a client of its own may be too large for one behind a forwarder', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const node = new Sensor(bench.forwarder().node('0a31'));
    await node.sends(connect()).expects(connack());
    await node.sends(subscribe('cmd/a')).expects(suback(1));
    const largest = 'x'.repeat(1_024 - 5 - 9);
    application.publish('cmd/a', largest, { qos: 0 });
    await node.expects(publish(largest));
    application.publish('cmd/a', `${largest}x`, { qos: 0 });
    await node.expects();
    expect(bench.core.metric('mqtt-sn.dropped.undeliverable')).toBe(1);
  });

  test('where forwarders are not wanted, what they send is dropped and counted', async () => {
    const bench = await MqttSnBench.start({ settings: { forwarders: false } });
    await new Sensor(bench.forwarder().node('0a31')).sends(connect()).expects();
    expect(bench.core.metric('mqtt-sn.dropped.forwarded')).toBe(1);
  });
});
