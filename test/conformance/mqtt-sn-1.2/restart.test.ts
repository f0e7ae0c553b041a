// What MQTT-SN devices are promised over a restart of the gateway: STORE.md, promises 2, 3 and 6. The specification has no clause for it.
import { describe, expect, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
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
  willMsg,
  willMsgReq,
  willTopic,
  willTopicReq,
} from '../../support/mqtt-sn-packets.ts';

type End = (bench: MqttSnBench) => Promise<void>;

describe.each<[string, End]>([
  ['a kill', (bench) => bench.kill()],
  ['an orderly stop', (bench) => bench.restart()],
])('MQTT-SN 1.2 over %s', (_, end) => {
  test('the next PUBLISH with an old topic id from the same address just works', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected({ isCleanSession: true });
    await sensor.sends(register('t/a')).expects(regack(1));
    await end(bench);
    await sensor.expectsNothing();
    const application = await bench.application();
    application.subscribe('t/a');
    await sensor.sends(publish('21.5', { qos: 1, msgId: 5 })).expects(puback(5));
    expect(application.payloads).toEqual(['21.5']);
    await sensor.sends(register('t/b'), register('t/a')).expects(regack(2), regack(1));
  });

  test('an active subscriber gets what comes afterwards, without registering again', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a', { qos: 1 })).expects(suback(1));
    await end(bench);
    const application = await bench.application();
    application.publish('cmd/a', 'open', { qos: 0 });
    await sensor.expects(publish('open'));
    await sensor.sends(pingreq()).expects(pingresp);
  });

  test.each([1, 2] as const)('a delivery at QoS %i that was not answered comes again at once, not after T_RETRY', async (qos) => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a', { qos: 2 })).expects(suback(1, { qos: 2 }));
    const application = await bench.application();
    application.publish('cmd/a', 'open', { qos });
    await sensor.receives('PUBLISH');
    await end(bench);
    const again = await sensor.receives('PUBLISH');
    expect(again).toMatchObject({ qos, isDuplicate: true, topicId: 1, data: Buffer.from('open') });
  });

  test('a sleeping client stays asleep and finds its messages when it wakes up', async () => {
    const bench = await MqttSnBench.start();
    const application = await bench.application();
    const sensor = await bench.connected();
    await sensor.sends(subscribe('cmd/a', { qos: 1 })).expects(suback(1));
    await sensor.sends(disconnect(600)).expects(disconnect());
    application.publish('cmd/a', 'one', { qos: 0 });
    application.publish('cmd/a', 'two', { qos: 1 });
    await end(bench);
    await bench.clock.advanceSeconds(600);
    await sensor.expectsNothing();
    sensor.sends(pingreq('sensor'));
    const [one, two] = await sensor.received();
    expect(one).toEqual(publish('one'));
    expect(two).toMatchObject({ type: 'PUBLISH', qos: 1, data: Buffer.from('two'), topicId: 1 });
    await sensor.sends(puback(two?.type === 'PUBLISH' ? two.msgId : 0)).expects(pingresp);
  });

  test.each([
    ['active', 60, 90],
    ['asleep', 600, 660],
  ])('a client that is %s has a fresh period of %i s; silent beyond it, its will is published', async (state, seconds, patienceSeconds) => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
    if (state === 'asleep') await sensor.sends(disconnect(seconds)).expects(disconnect());
    await bench.clock.advanceSeconds(patienceSeconds - 1);
    await end(bench);
    const watcher = await bench.application();
    watcher.subscribe('w/#');
    await bench.clock.advanceSeconds(patienceSeconds - 1);
    expect(watcher.payloads).toEqual([]);
    await bench.clock.advanceSeconds(1);
    expect(watcher.payloads).toEqual(['gone']);
  });

  test('a message at QoS 2 is not delivered again when its copy comes after the restart', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(register('t/a')).expects(regack(1));
    const before = await bench.application();
    before.subscribe('t/a');
    await sensor.sends(publish('x', { qos: 2, msgId: 5 })).expects(pubrec(5));
    await end(bench);
    const after = await bench.application('after');
    after.subscribe('t/a');
    await sensor.sends(publish('x', { qos: 2, msgId: 5, isDuplicate: true })).expects(pubrec(5));
    await sensor.sends(pubrel(5)).expects(pubcomp(5));
    expect(before.payloads).toEqual(['x']);
    expect(after.payloads).toEqual([]);
  });

  test('a client that had said goodbye is not brought back', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    await sensor.sends(disconnect()).expects(disconnect());
    await end(bench);
    expect(bench.core.metric('mqtt-sn.clients')).toBe(0);
    await sensor.sends(pingreq()).expects(disconnect());
  });

  test('the will of a client that had said goodbye is armed again by its next CONNECT', async () => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(connect({ hasWill: true }), willTopic('w/t'), willMsg('gone')).expects(willTopicReq, willMsgReq, connack());
    await sensor.sends(disconnect()).expects(disconnect());
    await end(bench);
    const watcher = await bench.application();
    watcher.subscribe('w/#');
    await bench.clock.advanceSeconds(120);
    expect(watcher.payloads).toEqual([]);
    await sensor.sends(connect()).expects(connack());
    await bench.clock.advanceSeconds(90);
    expect(watcher.payloads).toEqual(['gone']);
  });

  test('a client that may no longer connect is asked to, and refused', async () => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected();
    bench.forbidConnecting();
    await end(bench);
    await sensor.sends(pingreq()).expects(disconnect());
    await sensor.sends(connect()).expects(connack(0x03));
  });

  test.each(['a', 'z'])('a sleeping client (%s) whose address went to another comes back beside it', async (sleeper) => {
    const bench = await MqttSnBench.start();
    const sensor = await bench.connected({ clientId: sleeper });
    await sensor.sends(disconnect(600)).expects(disconnect());
    await sensor.sends(connect({ clientId: 'm' })).expects(connack());
    await end(bench);
    await sensor.sends(pingreq()).expects(pingresp); // the other one
    await bench.sensor('198.51.100.9:1').sends(pingreq(sleeper)).expects(pingresp);
    expect(bench.core.metric('mqtt-sn.clients')).toBe(2);
  });

  test('many clients are brought back', async () => {
    const bench = await MqttSnBench.start();
    const sensors = Array.from({ length: 600 }, (_, index) => bench.sensor(`192.0.2.7:${index + 1}`));
    for (const [index, sensor] of sensors.entries()) sensor.sends(connect({ clientId: `sensor-${index}` }));
    for (const sensor of sensors) await sensor.expects(connack());
    await end(bench);
    expect(bench.core.metric('mqtt-sn.clients')).toBe(600);
    for (const sensor of sensors.slice(0, 5)) await sensor.sends(pingreq()).expects(pingresp);
  });
});
