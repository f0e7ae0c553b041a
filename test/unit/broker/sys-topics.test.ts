import { describe, expect, test } from 'vitest';
import { LoadAverage } from '../../../src/broker/load-average.ts';
import { SysTopics } from '../../../src/broker/sys-topics.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

function sysTopics(core: TestCore, clock: FakeClock): SysTopics {
  return new SysTopics({
    announcer: core.broker.announcer,
    clock,
    intervalSeconds: 10,
    version: '1.2.3',
    node: 'postern@green/house',
    metrics: core.metrics,
    heapBytes: () => 1_000,
  });
}

async function connected(core: TestCore, id: string): Promise<TestClient> {
  const client = new TestClient(core.context('mqtt'));
  await client.connect(requestOf(id, TRANSIENT));
  return client;
}

function figuresOf(client: TestClient): Record<string, string> {
  return Object.fromEntries(client.delivered.map(({ topic, payload }) => [topic, payload]));
}

describe('$SYS', () => {
  test('figures under the names of Mosquitto and of EMQX, to who subscribes at any time', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    sysTopics(core, clock).start();
    const client = await connected(core, 'c');
    client.subscribe('$SYS/#');
    client.publish('a', '1');
    await clock.advanceSeconds(10);
    expect(figuresOf(client)).toMatchObject({
      '$SYS/broker/version': 'postern version 1.2.3',
      '$SYS/broker/uptime': '10 seconds',
      '$SYS/broker/clients/connected': '1',
      '$SYS/broker/clients/maximum': '1',
      '$SYS/broker/messages/received': '1',
      '$SYS/broker/subscriptions/count': '1',
      '$SYS/broker/retained messages/count': '0',
      '$SYS/broker/load/messages/received/1min': '0.92',
      '$SYS/broker/heap/current': '1000',
      '$SYS/brokers': 'postern@green/house',
      '$SYS/brokers/postern@green_house/version': '1.2.3',
      '$SYS/brokers/postern@green_house/uptime': '10',
      '$SYS/brokers/postern@green_house/stats/connections/count': '1',
      '$SYS/brokers/postern@green_house/metrics/messages/received': '1',
    });
    const version = client.delivered.filter(({ topic }) => topic === '$SYS/broker/version');
    expect(version.map(({ isRetain, qos }) => [isRetain, qos])).toEqual([[true, 0]]);
  });

  test('a figure that stays as it is is not published again', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    sysTopics(core, clock).start();
    const client = await connected(core, 'c');
    client.subscribe('$SYS/broker/#');
    await clock.advanceSeconds(30);
    expect(client.delivered.filter(({ topic }) => topic === '$SYS/broker/clients/connected').map(({ payload }) => payload)).toEqual(['0', '1']);
  });

  test('a listener that counts for the first time later is in the sums', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    core.metrics.counter('transport.mqtt.tcp.bytes.received').value = 10;
    sysTopics(core, clock).start();
    const client = await connected(core, 'c');
    client.subscribe('$SYS/broker/bytes/received');
    core.metrics.counter('transport.mqtt.ws.bytes.received').value = 5;
    await clock.advanceSeconds(10);
    expect(client.delivered.map(({ payload }) => payload)).toEqual(['10', '15']);
  });

  test('a maximum stays when the figure falls again', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    sysTopics(core, clock).start();
    const client = await connected(core, 'c');
    client.subscribe('$SYS/broker/clients/+');
    const other = await connected(core, 'd');
    await clock.advanceSeconds(10);
    other.session.disconnect({ publishWill: false });
    await clock.advanceSeconds(10);
    expect(figuresOf(client)).toMatchObject({ '$SYS/broker/clients/connected': '1', '$SYS/broker/clients/maximum': '2' });
  });

  test('MQTT-4.7.2-1: # and + do not select it', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    sysTopics(core, clock).start();
    const client = await connected(core, 'c');
    client.subscribe('#');
    client.subscribe('+/broker/#');
    await clock.advanceSeconds(20);
    expect(client.delivered).toEqual([]);
  });

  test('nothing of it is written to the disk, and none of it counts as received', async () => {
    const clock = new FakeClock();
    const core = startCore({ clock });
    const before = core.store.status();
    const topics = sysTopics(core, clock);
    topics.start();
    await clock.advanceSeconds(60);
    await settled();
    expect(core.store.status()).toEqual(before);
    expect([core.metric('messages.received'), core.metric('messages.dropped.no-subscribers'), core.metric('retained.messages')]).toEqual([0, 0, 0]);
    topics.stop();
    expect(clock.pendingTimers).toBe(0);
  });
});

test('load averages rise towards a steady rate and fade out', () => {
  const load = new LoadAverage(0);
  let total = 0;
  for (let round = 0; round < 60; round += 1) {
    total += 10;
    load.update(total, 10);
  }
  const [one, five, fifteen] = load.update(total + 10, 10);
  expect(one).toBeCloseTo(60, 1);
  expect(five).toBeGreaterThan(50);
  expect(fifteen).toBeLessThan(five);
  for (let round = 0; round < 30; round += 1) load.update(total + 10, 10);
  expect(load.update(total + 10, 10)[0]).toBeLessThan(1);
});
