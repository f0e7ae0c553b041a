// The class of a topic decides when a publisher is answered, whichever door it came through: no protocol knows of it.
import { describe, expect, test } from 'vitest';
import { DEFAULT_BROKER_SETTINGS } from '../../../src/broker/broker.ts';
import { DURABILITY_CLASSES, type DurabilityClass } from '../../../src/model/durability.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import type { ProtocolVersion } from '../../../src/mqtt/packets.ts';
import { bridged } from '../../support/bridged.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { connect, MqttBench } from '../../support/mqtt.ts';
import { MqttSnBench } from '../../support/mqtt-sn.ts';
import { connect as connectSn, puback, publish, pubrec, register } from '../../support/mqtt-sn-packets.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const classes = DURABILITY_CLASSES.map((name) => ({ topics: [topicFilter(`${name}/#`)], class: name }));
const BROKER = { durability: { ...DEFAULT_BROKER_SETTINGS.durability, classes } };
const isEarly = (name: DurabilityClass): boolean => name === 'lazy' || name === 'ram';

describe.each(DURABILITY_CLASSES)('%s', (name) => {
  describe.each([4, 5] satisfies ProtocolVersion[])('MQTT, protocol version %i', (version) => {
    test.each([
      [1, 'puback'],
      [2, 'pubrec'],
    ] as const)('QoS %i', async (qos, type) => {
      const bench = await MqttBench.start({ autoCommit: false, broker: BROKER });
      const kept = version === 5 ? { properties: { sessionExpirySeconds: 10_000 } } : {};
      const client = bench.peer(version).sends(connect({ clientId: 'client', version, cleanStart: false, ...kept }));
      await client.expectsNothing();
      bench.core.store.commit();
      await client.expects({ type: 'connack' });
      client.sends(version === 5 ? '82 07 0001 00 0001 23 01' : '82 06 0001 0001 23 01');
      await client.expectsNothing();
      bench.core.store.commit();
      await client.expects({ type: 'suback' });
      client.publishes(`${name}/t`, 'x', { qos, packetId: 3 });
      const answer = { type, packetId: 3 };
      await client.expects(...(isEarly(name) ? [answer] : []), { type: 'publish' });
      bench.core.store.commit();
      await client.expects(...(isEarly(name) ? [] : [answer]));
    });
  });

  test.each([
    [1, puback(9)],
    [2, pubrec(9)],
  ] as const)('MQTT-SN, QoS %i', async (qos, answer) => {
    const bench = await MqttSnBench.start({ autoCommit: false, broker: BROKER });
    const [listener] = await Promise.all([bench.application(), bench.flush()]);
    listener.subscribe('#');
    const sensor = bench.sensor();
    sensor.sends(connectSn());
    await bench.flush();
    sensor.sends(register(`${name}/t`));
    await bench.flush();
    await sensor.received();
    sensor.sends(publish('x', { qos, msgId: 9 }));
    await sensor.expects(...(isEarly(name) ? [answer] : []));
    bench.core.store.commit();
    await sensor.expects(...(isEarly(name) ? [] : [answer]));
  });

  test('what a bridge brings', async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock, autoCommit: false });
    const core = startCore({ clock, store, settings: BROKER });
    const topics = [{ filter: topicFilter('#'), direction: 'in', qos: 1, localPrefix: '', remotePrefix: '' }] as const;
    const making = bridged({ clock, core, bridge: { topics } });
    const panel = new TestClient(core.context('mqtt'));
    const connecting = panel.connect(requestOf('panel'));
    for (let turn = 0; turn < 8; turn += 1) {
      await settled();
      store.commit();
    }
    const { remote } = await making;
    await connecting;
    panel.subscribe('#', { qos: 1 });
    store.commit();
    remote.publish(`${name}/t`, 'x', 1, 5);
    await settled();
    expect(remote.acks).toEqual(isEarly(name) ? [['puback', 5, 0]] : []);
    store.commit();
    await settled();
    expect(remote.acks).toEqual([['puback', 5, 0]]);
  });
});
