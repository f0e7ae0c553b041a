import { describe, expect, test } from 'vitest';
import { type Remote, RemoteRing } from '../../../src/bridge/uplinks/remote-ring.ts';
import { bridged } from '../../support/bridged.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { ScriptedRemote } from '../../support/scripted-remote.ts';

function remote(address: string): Remote {
  return { address, dialer: new ScriptedRemote() };
}

function ringOf(order: 'failover' | 'round-robin'): RemoteRing {
  return new RemoteRing([remote('a'), remote('b'), remote('c')], order);
}

describe('which remote is next', () => {
  test('after a failure the one behind it, at once, until all were tried', () => {
    const ring = ringOf('failover');
    const tries = [ring.failed(), ring.failed(), ring.failed(), ring.failed()];
    expect(tries).toEqual([true, true, false, true]);
    expect(ring.current.address).toBe('b');
  });

  test.each([
    ['failover', 'a'],
    ['round-robin', 'c'],
  ] as const)('after a connection to b, %s: %s', (order, next) => {
    const ring = ringOf(order);
    ring.failed();
    ring.lost();
    expect(ring.current.address).toBe(next);
  });
});

describe('a bridge with two remotes', () => {
  test('goes to the second when the first is away, and back to the first at the next connection', async () => {
    const second = new ScriptedRemote();
    const { clock, remote: first, local } = await bridged({ further: [second], remote: { isReachable: false } });
    await clock.advanceMs(0);
    await settled();
    expect(second.connects).toHaveLength(1);
    local.publish('readings/a', '1');
    await settled();
    first.isReachable = true;
    second.hangUp();
    await clock.advanceSeconds(1);
    local.publish('readings/a', '2');
    await settled();
    expect([first.payloads, second.payloads]).toEqual([['2'], ['1']]);
  });

  test('waits when all were tried', async () => {
    const second = new ScriptedRemote();
    second.isReachable = false;
    const { clock, remote: first } = await bridged({ further: [second], remote: { isReachable: false } });
    await clock.advanceMs(500);
    expect([first.dialCount, second.dialCount]).toEqual([1, 1]);
    await clock.advanceMs(500);
    await settled();
    await clock.advanceMs(0);
    expect([first.dialCount, second.dialCount]).toEqual([2, 2]);
  });

  test('has the session at a broker forgotten when another one was connected meanwhile, also over a restart; unless they share it, or it is new', async () => {
    const clock = new FakeClock();
    const second = new ScriptedRemote();
    const uplink = { remotesShareSessions: false };
    const first = await bridged({ clock, further: [second], uplink });
    first.remote.isReachable = false;
    first.remote.hangUp();
    await clock.advanceSeconds(1);
    await settled();
    await clock.advanceMs(0);
    await settled();
    expect([first.remote.connects, second.connects].map((each) => each.map(({ cleanStart }) => cleanStart))).toEqual([[false], [false]]);
    const core = startCore({ clock, store: first.core.store.reopened({ wasClean: false }) });
    const again = await bridged({ clock, core, uplink });
    expect(again.remote.connects.map(({ cleanStart }) => cleanStart)).toEqual([true]);
    const shared = await bridged({ clock, core: startCore({ clock, store: again.core.store.reopened({ wasClean: false }) }) });
    expect(shared.remote.connects.map(({ cleanStart }) => cleanStart)).toEqual([false]);
  });

  test('QoS 2 under way at the first is published anew at the second', async () => {
    const second = new ScriptedRemote();
    const made = await bridged({ further: [second], remote: { acknowledges: false }, uplink: { remotesShareSessions: false } });
    made.local.publish('readings/a', '1', { qos: 2, packetId: 1 });
    await settled();
    made.remote.ack('pubrec', made.remote.publishes[0]?.packetId ?? 0);
    await settled();
    made.remote.isReachable = false;
    made.remote.hangUp();
    await made.clock.advanceSeconds(1);
    await settled();
    await made.clock.advanceMs(0);
    await settled();
    expect(second.publishes).toMatchObject([{ payload: '1', qos: 2, isDuplicate: false }]);
    await settled();
    expect(made.core.store.status().queuedMessages).toBe(0);
  });
});

test('RETAIN stays behind where the remote is to retain nothing', async () => {
  const { remote: centre, local } = await bridged({ bridge: { sendsRetain: false } });
  local.publish('readings/a', '1', { isRetain: true });
  await settled();
  expect(centre.publishes).toMatchObject([{ payload: '1', isRetain: false }]);
});
