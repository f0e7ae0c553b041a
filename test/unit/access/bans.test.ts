import { describe, expect, test } from 'vitest';
import { type Ban, type BanRequest, Bans } from '../../../src/access/bans.ts';
import { Flapping } from '../../../src/access/flapping.ts';
import { clientId, type Principal, peerAddress } from '../../../src/model/client.ts';
import { BANS_MAX } from '../../../src/model/limits.ts';
import { silentLog } from '../../../src/model/log.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { MemorySpace } from '../../support/access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const VALVE: Principal = {
  clientId: clientId('valve-1'),
  username: 'gardener',
  peer: peerAddress('192.0.2.7:49152'),
  listener: 'mqtt.tcp',
  protocol: 'mqtt',
  isSuperuser: false,
};

function ban(kind: Ban['kind'], value: string, seconds = 60): BanRequest {
  return { kind, value, seconds, reason: 'test' };
}

describe('whom a ban covers', () => {
  test.each([
    ['client', 'valve-1', true],
    ['client', 'valve-2', false],
    ['client', 'gardener', false],
    ['user', 'gardener', true],
    ['user', 'valve-1', false],
    ['address', '192.0.2.7', true],
    ['address', '192.0.2.0/24', true],
    ['address', '::ffff:192.0.2.7', true],
    ['address', '192.0.3.0/24', false],
  ] as const)('%s %s: %s', (kind, value, isCovered) => {
    const bans = new Bans(new MemorySpace(), new FakeClock());
    bans.add(ban(kind, value));
    expect(bans.covers(VALVE)).toBe(isCovered);
    expect(bans.coversUnproven({ clientId: 'valve-1', peer: VALVE.peer })).toBe(isCovered && kind !== 'user');
  });
});

describe('its time', () => {
  test('ends, is counted down, and goes on over a restart', async () => {
    const space = new MemorySpace();
    const clock = new FakeClock();
    const bans = new Bans(space, clock);
    bans.add(ban('client', 'valve-1', 60));
    await clock.advanceSeconds(20);
    expect(bans.list()).toEqual([ban('client', 'valve-1', 40)]);
    const next = new Bans(space, new FakeClock({ gatewayOffsetMs: 50_000 }));
    expect(next.list()).toEqual([ban('client', 'valve-1', 10)]);
    const later = new Bans(space, new FakeClock({ gatewayOffsetMs: 60_000 }));
    expect(later.covers(VALVE)).toBe(false);
    expect(later.list()).toEqual([]);
    expect(space.values.size).toBe(0);
  });

  test('no end at all', () => {
    const space = new MemorySpace();
    new Bans(space, new FakeClock()).add(ban('client', 'valve-1', Number.POSITIVE_INFINITY));
    const next = new Bans(space, new FakeClock({ gatewayOffsetMs: 1e15 }));
    expect(next.list()).toEqual([ban('client', 'valve-1', Number.POSITIVE_INFINITY)]);
  });
});

test('one that exists is replaced; one that is removed is gone from the store too', () => {
  const space = new MemorySpace();
  const bans = new Bans(space, new FakeClock());
  const changes: number[] = [];
  bans.onChange(() => void changes.push(bans.count));
  bans.add(ban('client', 'valve-1', 60));
  bans.add({ ...ban('client', 'valve-1', 90), reason: 'again' });
  expect(bans.list()).toEqual([{ kind: 'client', value: 'valve-1', seconds: 90, reason: 'again' }]);
  expect(bans.remove('user', 'valve-1')).toBe(false);
  expect(bans.remove('client', 'valve-1')).toBe(true);
  expect(bans.remove('client', 'valve-1')).toBe(false);
  expect(space.values.size).toBe(0);
  expect(changes).toEqual([1, 1, 0]);
});

test('only so many; those that ended make room', async () => {
  const clock = new FakeClock();
  const bans = new Bans(new MemorySpace(), clock);
  for (let index = 0; index < BANS_MAX; index += 1) bans.add(ban('client', `c${index}`, 60));
  expect(() => bans.add(ban('client', 'one-more'))).toThrow(`there are ${BANS_MAX} bans already`);
  bans.add(ban('client', 'c1', 90));
  await clock.advanceSeconds(60);
  bans.add(ban('client', 'one-more'));
  expect(bans.count).toBe(2);
});

test('an address that is none is refused, and nothing is stored', () => {
  const space = new MemorySpace();
  const bans = new Bans(space, new FakeClock());
  expect(() => bans.add(ban('address', '192.0.2.0/33'))).toThrow('neither an IP address');
  expect(space.values.size).toBe(0);
});

describe('flapping: three disconnects within ten seconds', () => {
  const SETTINGS = { disconnects: 3, windowSeconds: 10, banSeconds: 60 };

  function watched(settings = SETTINGS) {
    const clock = new FakeClock();
    const bans = new Bans(new MemorySpace(), clock);
    const metrics = new MetricsTable();
    return { clock, bans, metrics, flapping: new Flapping(settings, { clock, log: silentLog, metrics, bans }) };
  }

  test('ban the client id for a time', async () => {
    const { clock, bans, metrics, flapping } = watched();
    flapping.left(VALVE);
    flapping.left(VALVE);
    expect(bans.covers(VALVE)).toBe(false);
    flapping.left(VALVE);
    expect(bans.list()).toEqual([{ kind: 'client', value: 'valve-1', seconds: 60, reason: 'flapping: 3 disconnects within 10 s' }]);
    expect(metrics.snapshot()['access.flapping.banned']).toBe(1);
    await clock.advanceSeconds(60);
    expect(bans.covers(VALVE)).toBe(false);
    flapping.left(VALVE);
    expect(bans.covers(VALVE)).toBe(false);
  });

  test('not when they take longer', async () => {
    const { clock, bans, flapping } = watched();
    for (let count = 0; count < 10; count += 1) {
      flapping.left(VALVE);
      await clock.advanceSeconds(5);
    }
    expect(bans.count).toBe(0);
  });

  test('not when they are of several clients', () => {
    const { bans, flapping } = watched();
    for (let count = 0; count < 10; count += 1) flapping.left({ ...VALVE, clientId: clientId(`valve-${count}`) });
    expect(bans.count).toBe(0);
  });

  test('nobody is watched at 0', () => {
    const { bans, flapping } = watched({ ...SETTINGS, disconnects: 0 });
    for (let count = 0; count < 100; count += 1) flapping.left(VALVE);
    expect(bans.count).toBe(0);
  });
});
