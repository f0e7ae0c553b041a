import { describe, expect, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import {
  connack,
  connect,
  disconnect,
  emptyWillTopic,
  pingreq,
  pingresp,
  puback,
  publish,
  regack,
  register,
  subscribe,
  willMsg,
  willMsgReq,
  willTopic,
  willTopicReq,
} from '../../support/mqtt-sn-packets.ts';

const CONGESTION = 0x01;
const NOT_SUPPORTED = 0x03;

describe('MQTT-SN 1.2 §6.2 Client’s Connection Setup', () => {
  test('without a will CONNACK follows at once', async () => {
    const bench = await MqttSnBench.start();
    await bench.sensor().sends(connect()).expects(connack());
    expect(bench.core.metric('mqtt-sn.clients')).toBe(1);
  });

  test('with a will CONNACK comes after topic and message were asked for', async () => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
    await sensor.sends(willTopic('w/t')).expects(willMsgReq);
    await sensor.sends(willMsg('gone')).expects(connack());
  });

  test('CONNACK waits for the disk: until then a restart would know nothing of the client', async () => {
    const bench = await MqttSnBench.start({ autoCommit: false });
    const sensor = bench.sensor();
    await sensor.sends(connect()).expects();
    bench.core.store.commit();
    await sensor.expectsNothing(); // the session is there, the address and keep-alive are not
    bench.core.store.commit();
    await sensor.expects(connack());
  });

  test.each([
    ['another ProtocolId (§5.3.8)', connect({ protocolId: 2 })],
    ['an empty client id (§5.3.1)', connect({ clientId: '' })],
    ['NUL in the client id', connect({ clientId: 'a\0b' })],
  ])('%s is refused with "not supported"', async (_, packet) => {
    const bench = await MqttSnBench.start();
    await bench.sensor().sends(packet).expects(connack(NOT_SUPPORTED));
    expect(bench.core.metric('mqtt-sn.clients')).toBe(0);
  });

  test('a client id longer than the 23 characters of §5.3.1 is accepted, as other gateways do', async () => {
    const bench = await MqttSnBench.start();
    await bench
      .sensor()
      .sends(connect({ clientId: 'x'.repeat(64) }))
      .expects(connack());
  });

  test('one client more than the gateway may have is told "congestion", one it has is not', async () => {
    const bench = await MqttSnBench.start({ settings: { clientsMax: 1 } });
    await bench.connected({ clientId: 'first' });
    await bench
      .sensor('192.0.2.8:1')
      .sends(connect({ clientId: 'second' }))
      .expects(connack(CONGESTION));
    await bench
      .sensor('192.0.2.9:1')
      .sends(connect({ clientId: 'first' }))
      .expects(connack());
  });

  test.each([
    ['not-authorized', NOT_SUPPORTED],
    ['banned', NOT_SUPPORTED],
    ['bad-credentials', NOT_SUPPORTED],
  ] as const)('a client that is %s gets return code %i', async (reason, returnCode) => {
    const bench = await MqttSnBench.start();
    bench.core.access.authenticate = async () => ({ kind: 'deny', reason });
    await bench.sensor().sends(connect()).expects(connack(returnCode));
  });

  test('a failing will handshake is refused and leaves no client', async () => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
    await sensor.sends(willTopic('w/#')).expects(connack(NOT_SUPPORTED));
    await sensor.sends(willMsg('gone')).expects();
    expect(bench.core.metric('mqtt-sn.clients')).toBe(0);
  });

  test('a will at QoS -1 is refused', async () => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
    await sensor.sends(willTopic('w/t', { qos: -1 })).expects(connack(NOT_SUPPORTED));
  });

  test('WILLMSG before WILLTOPIC is dropped; the handshake goes on', async () => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
    await sensor.sends(willMsg('gone')).expects();
    await sensor.sends(willTopic('w/t')).expects(willMsgReq);
  });

  test('other packets in the middle of the handshake are dropped, and not taken for a client we forgot', async () => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
    await sensor.sends(publish('x', { qos: 1, msgId: 1 }), pingreq()).expects();
    await sensor.sends(willTopic('w/t')).expects(willMsgReq);
  });

  test('DISCONNECT in the middle of the handshake ends it', async () => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
    await sensor.sends(disconnect()).expects(disconnect());
    await bench.clock.advanceSeconds(60);
    await sensor.expectsNothing();
  });

  describe('copies and losses', () => {
    test('a repeated CONNECT is answered by CONNACK again', async () => {
      const bench = await MqttSnBench.start();
      const sensor = await bench.connected({ isCleanSession: true });
      await sensor.sends(connect({ isCleanSession: true })).expects(connack());
      await sensor.sends(pingreq()).expects(pingresp);
    });

    test('a copy of CONNECT while the first is judged gets no answer of its own', async () => {
      const bench = await MqttSnBench.start();
      await bench.sensor().sends(connect(), connect()).expects(connack());
    });

    test('a repeated CONNECT with a will begins the handshake again', async () => {
      const bench = await MqttSnBench.start();
      const sensor = bench.sensor();
      await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
      await sensor.sends(connect({ hasWill: true })).expects(willTopicReq);
      await sensor.sends(willTopic('w/t')).expects(willMsgReq);
      await sensor.sends(willTopic('w/t')).expects(willMsgReq);
      await sensor.sends(willMsg('gone')).expects(connack());
    });

    test('after CONNACK as well; and one without a will is no copy of one with it', async () => {
      const bench = await MqttSnBench.start();
      const watcher = await bench.application();
      watcher.subscribe('w/#');
      const sensor = bench.sensor();
      const first = connect({ hasWill: true, isCleanSession: true });
      await sensor.sends(first, willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
      await sensor.sends(first).expects(willTopicReq);
      await sensor.sends(willTopic('w/t'), willMsg('gone')).expects(willMsgReq, connack());
      await sensor.sends(connect({ isCleanSession: true })).expects(connack());
      await bench.clock.advanceSeconds(89);
      await sensor.sends(first).expects(willTopicReq);
      await bench.clock.advanceSeconds(2);
      expect(watcher.payloads).toEqual([]);
    });

    test('a repeated WILLMSG is answered by CONNACK again', async () => {
      const bench = await MqttSnBench.start();
      const sensor = bench.sensor();
      await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
      await sensor.sends(willMsg('gone')).expects(connack());
    });

    test('CONNECT of a client that has worked since is a new connection', async () => {
      const bench = await MqttSnBench.start();
      const sensor = await bench.connected({ isCleanSession: true });
      await sensor.sends(register('t/1')).expects(regack(1));
      await sensor.sends(connect({ isCleanSession: true })).expects(connack());
      await sensor.sends(publish('x', { qos: 1, msgId: 2, topicId: 1 })).expects(puback(2, { returnCode: 0x02 }));
    });
  });

  describe('addresses', () => {
    test('the same client id at a new address takes the session over; the old address is a stranger', async () => {
      const bench = await MqttSnBench.start();
      const old = await bench.connected();
      await old.sends(register('t/1')).expects(regack(1));
      const moved = await bench.connected({}, '192.0.2.8:49152');
      await moved.sends(publish('x', { qos: 1, msgId: 2, topicId: 1 })).expects(puback(2));
      await old.sends(pingreq()).expects(disconnect());
      expect(bench.core.metric('mqtt-sn.clients')).toBe(1);
    });

    test('taking over does not publish the will: the client is there', async () => {
      const bench = await MqttSnBench.start();
      const watcher = await bench.application();
      watcher.subscribe('w/#');
      const sensor = bench.sensor();
      await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
      await bench.connected({}, '192.0.2.8:49152');
      await bench.connected({ isCleanSession: true }, '192.0.2.9:49152');
      expect(watcher.payloads).toEqual([]);
    });

    test('a refused CONNECT of another leaves the client its will', async () => {
      const bench = await MqttSnBench.start();
      const watcher = await bench.application();
      watcher.subscribe('w/#');
      const sensor = bench.sensor();
      await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
      bench.core.access.authenticate = async () => ({ kind: 'deny', reason: 'banned' });
      await bench.sensor('192.0.2.8:1').sends(connect()).expects(connack(NOT_SUPPORTED));
      expect([...bench.core.store.sessions.values()].find(({ clientId }) => clientId === 'sensor')?.facts.will).toBeDefined();
      await bench.clock.advanceSeconds(91);
      await sensor.expectsNothing();
      expect(watcher.payloads).toEqual(['gone']);
    });

    test('nor is its will lost when it falls silent while another CONNECT is judged', async () => {
      const bench = await MqttSnBench.start();
      const watcher = await bench.application();
      watcher.subscribe('w/#');
      const sensor = bench.sensor();
      await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
      bench.core.access.authenticate = () => new Promise(() => {}); // its source of identity does not answer
      await bench.sensor('192.0.2.8:1').sends(connect()).expects();
      await bench.clock.advanceSeconds(91);
      expect(watcher.payloads).toEqual(['gone']);
    });

    test('another client id at the same address is another client: the first is lost', async () => {
      const bench = await MqttSnBench.start();
      const watcher = await bench.application();
      watcher.subscribe('w/#');
      const sensor = bench.sensor();
      await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
      await sensor.sends(connect({ clientId: 'other' })).expects(connack());
      expect(watcher.payloads).toEqual(['gone']);
      expect(bench.core.metric('mqtt-sn.clients')).toBe(1);
    });
  });

  describe('a device the gateway does not know', () => {
    test.each([
      ['PINGREQ', pingreq()],
      ['PINGREQ with a client id', pingreq('sensor')],
      ['PUBLISH at QoS 0', publish('x')],
      ['PUBLISH at QoS 1', publish('x', { qos: 1, msgId: 1 })],
      ['PUBLISH at QoS 2', publish('x', { qos: 2, msgId: 1 })],
      ['REGISTER', register('t/1')],
      ['SUBSCRIBE', subscribe('t/1')],
      ['DISCONNECT', disconnect()],
    ])('%s is answered by DISCONNECT, so that it connects again', async (_, packet) => {
      const bench = await MqttSnBench.start();
      await bench.sensor().sends(packet).expects(disconnect());
    });

    test.each([
      ['PUBACK', puback(1)],
      ['REGACK', regack(1)],
      ['PINGRESP', pingresp],
      ['WILLTOPIC', willTopic('w/t')],
      ['WILLMSG', willMsg('gone')],
      ['an empty WILLTOPIC', emptyWillTopic],
      ['DISCONNECT with a duration: an answer would let it sleep in peace', disconnect(60)],
    ])('%s is not answered', async (_, packet) => {
      const bench = await MqttSnBench.start();
      await bench.sensor().sends(packet).expects();
      expect(bench.core.metric('mqtt-sn.dropped.unexpected')).toBe(1);
    });
  });
});
