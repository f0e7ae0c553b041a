import { describe, expect, test } from 'vitest';
import { SUBSCRIPTIONS_PER_SESSION_MAX } from '../../../src/model/limits.ts';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import { connack, connect, named, publish, regack, suback, subscribe, unsuback, unsubscribe } from '../../support/mqtt-sn-packets.ts';

const CONGESTION = 0x01;
const NOT_SUPPORTED = 0x03;

describe('MQTT-SN 1.2 §6.9 Client’s Topic Subscribe/Un-subscribe Procedure', () => {
  test.each([0, 1, 2] as const)('SUBACK brings the id of the name and the granted QoS %i; PUBLISH comes with that id', async (qos) => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a', { qos, msgId: 4 })).expects(suback(1, { qos, msgId: 4 }));
    application.publish('cmd/a', 'x', { qos: 2 });
    expect(await sensor.receives('PUBLISH')).toMatchObject({ topicIdType: 'normal', topicId: 1, qos });
  });

  test.each(['cmd/#', 'cmd/+', '#'])('SUBSCRIBE to %s: SUBACK brings topic id 0, ids come later by REGISTER', async (filter) => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe(filter)).expects(suback(0));
    application.publish('cmd/a', 'x', { qos: 0 });
    const { msgId } = await sensor.receives('REGISTER');
    await sensor.sends(regack(1, { msgId })).expects(publish('x'));
  });

  test('a name of two octets is a name: it gets an id', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(subscribe(named('ab'))).expects(suback(1));
  });

  test('subscribing again replaces: one copy, at the new QoS', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a', { qos: 1 }), subscribe('cmd/a', { qos: 0, msgId: 2 })).expects(suback(1), suback(1, { qos: 0, msgId: 2 }));
    application.publish('cmd/a', 'x', { qos: 2 });
    await sensor.expects(publish('x'));
  });

  test('retained messages follow SUBACK, again at each SUBSCRIBE but not for its copy', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    application.publish('cmd/a', 'kept', { qos: 0, isRetain: true });
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a', { qos: 0 })).expects(suback(1, { qos: 0 }), publish('kept', { isRetain: true }));
    await sensor.sends(subscribe('cmd/a', { qos: 0, isDuplicate: true })).expects(suback(1, { qos: 0 }));
    await sensor.sends(subscribe('cmd/a', { qos: 0, msgId: 2 })).expects(suback(1, { qos: 0, msgId: 2 }), publish('kept', { isRetain: true }));
  });

  test.each(['a#', 'a/#/b', 'a/b+', ''])('the filter %j is refused with "not supported"', async (filter) => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    if (filter === '') return sensor.sends('05 12 00 00 03').expects(); // without a topic it is no SUBSCRIBE at all
    return sensor.sends(subscribe(filter)).expects(suback(0, { qos: 0, returnCode: NOT_SUPPORTED }));
  });

  test('QoS -1 is refused with "not supported"', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a', { qos: -1 })).expects(suback(0, { qos: 0, returnCode: NOT_SUPPORTED }));
  });

  test('what the client may not hear is refused with "not supported"', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    bench.core.access.forbids = (action) => action.kind === 'subscribe' && action.filter === 'secret';
    await sensor.sends(subscribe('secret')).expects(suback(0, { qos: 0, returnCode: NOT_SUPPORTED }));
    await sensor.sends(subscribe('open')).expects(suback(1));
  });

  test('one subscription more than a session may have is answered with "congestion"', async () => {
    const bench = await MqttSnBench.start({ settings: { topicIdsMax: 2_000 } });
    const sensor = await bench.connected();
    for (let index = 0; index < SUBSCRIPTIONS_PER_SESSION_MAX; index += 1) sensor.sends(subscribe(`cmd/${index}/#`));
    expect((await sensor.received()).length).toBe(SUBSCRIPTIONS_PER_SESSION_MAX);
    await sensor.sends(subscribe('one/more/#')).expects(suback(0, { qos: 0, returnCode: CONGESTION }));
  });

  test('a name for which the client has no room is refused with "not supported"', async () => {
    const bench = await MqttSnBench.start({ settings: { topicIdsMax: 1 } });
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a')).expects(suback(1));
    await sensor.sends(subscribe('cmd/b')).expects(suback(0, { qos: 0, returnCode: NOT_SUPPORTED }));
  });

  test('UNSUBSCRIBE is always answered, whatever there was', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a')).expects(suback(1));
    await sensor.sends(unsubscribe('cmd/a', 2)).expects(unsuback(2));
    await sensor.sends(unsubscribe('cmd/a', 3)).expects(unsuback(3));
    await sensor.sends(unsubscribe('a#', 4)).expects(unsuback(4));
    application.publish('cmd/a', 'x');
    await sensor.expectsNothing();
  });

  test('SUBACK and UNSUBACK wait for the disk, and messages wait for SUBACK', async () => {
    const bench = await MqttSnBench.start({ autoCommit: false });
    const [application] = await Promise.all([bench.application(), bench.flush()]);
    application.publish('cmd/a', 'kept', { qos: 0, isRetain: true });
    const sensor = bench.sensor();
    sensor.sends(connect());
    await bench.flush();
    await sensor.expects(connack());
    await sensor.sends(subscribe('cmd/a', { qos: 0 })).expects();
    bench.core.store.commit();
    await sensor.expects(suback(1, { qos: 0 }), publish('kept', { isRetain: true }));
    await sensor.sends(unsubscribe('cmd/a')).expects();
    bench.core.store.commit();
    await sensor.expects(unsuback());
  });
});
