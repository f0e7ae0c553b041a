import { describe, expect, test } from 'vitest';
import type { SlowConsumerSettings } from '../../../src/broker/slow-consumers.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

async function bench(slowConsumer: SlowConsumerSettings, over = {}): Promise<{ clock: FakeClock; core: TestCore; client: TestClient; publisher: TestClient }> {
  const clock = new FakeClock();
  const core = startCore({ clock, settings: { slowConsumer } });
  const client = new TestClient(core.context('mqtt'));
  await client.connect(requestOf('c', over));
  const publisher = new TestClient(core.context('mqtt'));
  await publisher.connect(requestOf('p', TRANSIENT));
  client.subscribe('a');
  return { clock, core, client, publisher };
}

describe('slow consumers', () => {
  test('a link that stays full is told once', async () => {
    const { clock, core, client } = await bench({ afterSeconds: 60, isDisconnected: false });
    client.session.pause('link');
    await clock.advanceSeconds(59);
    expect(core.metric('sessions.slow-consumers')).toBe(0);
    await clock.advanceSeconds(61);
    expect(core.metric('sessions.slow-consumers')).toBe(1);
    expect(client.ends).toEqual([]);
  });

  test('0x97: it is disconnected where that is wanted, and keeps its session', async () => {
    const { clock, core, client, publisher } = await bench({ afterSeconds: 60, isDisconnected: true });
    client.session.pause('link');
    publisher.publish('a', '1');
    await clock.advanceSeconds(75);
    expect(client.ends).toEqual(['slow-consumer']);
    expect([core.broker.connectedCount, core.broker.sessionCount]).toEqual([1, 2]);
    const again = new TestClient(core.context('mqtt'));
    await again.connect(requestOf('c'));
    expect(again.payloads).toEqual(['1']);
  });

  test('a link that drains in time, full as it often is, is none', async () => {
    const { clock, core, client } = await bench({ afterSeconds: 60, isDisconnected: true });
    for (let second = 0; second < 300; second += 10) {
      client.session.pause('link');
      await clock.advanceSeconds(9);
      client.session.resume('link');
      await clock.advanceSeconds(1);
    }
    expect(core.metric('sessions.slow-consumers')).toBe(0);
  });

  test('a queue that grows behind a link that drains now and then is one', async () => {
    const { clock, core, client, publisher } = await bench({ afterSeconds: 60, isDisconnected: false }, { inflightMax: 1 });
    for (let second = 0; second < 90; second += 10) {
      for (let n = 0; n < 3; n += 1) publisher.publish('a', String(n));
      client.session.pause('link');
      await clock.advanceSeconds(9);
      client.session.resume('link');
      client.session.settle(client.delivered.at(-1)?.packetId ?? 0);
      await clock.advanceSeconds(1);
    }
    expect(core.metric('sessions.slow-consumers')).toBe(1);
  });

  test('nobody is watched without need', async () => {
    const { clock, core, client } = await bench({ afterSeconds: 60, isDisconnected: true }, TRANSIENT);
    expect(clock.pendingTimers).toBe(0);
    client.session.pause('link');
    client.session.disconnect({ publishWill: false });
    await clock.advanceSeconds(120);
    expect([clock.pendingTimers, core.metric('sessions.slow-consumers')]).toEqual([0, 0]);
    client.session.pause('link'); // its connection says so after the core let go of it
    expect(clock.pendingTimers).toBe(0);
    const off = await bench({ afterSeconds: 0, isDisconnected: true });
    off.client.session.pause('link');
    expect(off.clock.pendingTimers).toBe(0);
  });
});
