import { describe, expect, test } from 'vitest';
import { type PublishMeter, RateLimits, type RateSettings } from '../../../src/access/rate-limits.ts';
import { clientId, type Principal, peerAddress } from '../../../src/model/client.ts';
import { LISTENER_DEBT_SECONDS_MAX, RATE_CLIENTS_MAX } from '../../../src/model/limits.ts';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { NO_RATES } from '../../support/access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function rates(over: Partial<RateSettings>) {
  const clock = new FakeClock();
  const metrics = new MetricsTable();
  const limits = new RateLimits({ ...NO_RATES, ...over }, { clock, metrics });
  const admits = (peerHost: string, listener = 'mqtt.tcp') =>
    limits.admits({ clientId: 'c', peer: peerAddress(`${peerHost}:1`), peerHost, listener, protocol: 'mqtt' });
  return { clock, limits, admits, metric: (name: string) => metrics.snapshot()[name] ?? 0 };
}

function principal(name: string, listener = 'mqtt.tcp'): Principal {
  return { clientId: clientId(name), peer: peerAddress('192.0.2.1:1'), listener, protocol: 'mqtt', isSuperuser: false };
}

function meterOf(limits: RateLimits, name = 'ada', listener?: string): PublishMeter {
  const meter = limits.meter(principal(name, listener));
  if (meter === undefined) throw new TypeError('no meter');
  return meter;
}

describe('connections', () => {
  test('without limits everybody, at any rate', () => {
    const { admits } = rates({});
    for (let count = 0; count < 1_000; count += 1) expect(admits('192.0.2.1')).toBe(true);
  });

  test('per listener: others have their own', async () => {
    const { admits, clock } = rates({ connectionsPerListener: 2 });
    expect([admits('192.0.2.1'), admits('192.0.2.2'), admits('192.0.2.3')]).toEqual([true, true, false]);
    expect(admits('192.0.2.3', 'mqtt.tls')).toBe(true);
    await clock.advanceMs(500);
    expect([admits('192.0.2.3'), admits('192.0.2.3')]).toEqual([true, false]);
  });

  test('per address: one that comes too often takes nothing from its listener', () => {
    const { admits } = rates({ connectionsPerListener: 3, connectionsPerAddress: 1 });
    expect([admits('192.0.2.1'), admits('192.0.2.1'), admits('192.0.2.1')]).toEqual([true, false, false]);
    expect([admits('192.0.2.2'), admits('192.0.2.3'), admits('192.0.2.4')]).toEqual([true, true, false]);
  });
});

describe('publishing', () => {
  test('without limits nobody is measured', () => {
    expect(rates({ connectionsPerListener: 1 }).limits.meter(principal('ada'))).toBeUndefined();
  });

  test.each([
    ['messagesPerClient', 10, 1, 100],
    ['messagesPerListener', 10, 1, 100],
    ['bytesPerClient', 1_000, 100, 100],
    ['bytesPerListener', 1_000, 500, 500],
  ] as const)('%s: %i per second, then the debt in time', (limit, perSecond, bytes, delayMs) => {
    const { limits } = rates({ [limit]: perSecond });
    const meter = meterOf(limits);
    const free = Array.from({ length: limit.startsWith('messages') ? perSecond : perSecond / bytes }, () => meter.take(bytes));
    expect(new Set(free)).toEqual(new Set([0]));
    expect(meter.take(bytes)).toBe(delayMs);
  });

  test('each client has its own rate, all of a listener share one', () => {
    const { limits, metric } = rates({ messagesPerClient: 2, messagesPerListener: 3 });
    const [ada, bob] = [meterOf(limits, 'ada'), meterOf(limits, 'bob')];
    expect([ada.take(1), ada.take(1), bob.take(1)]).toEqual([0, 0, 0]);
    expect(bob.take(1)).toBe(334);
    expect(ada.take(1)).toBe(667);
    expect(meterOf(limits, 'ada', 'mqtt.tls').take(1)).toBe(0);
    expect(metric('access.throttled.client-messages')).toBe(1);
    expect(metric('access.throttled.listener-messages')).toBe(2);
  });

  test('a client that comes again, with a clean start or without, owes what it owed; one that says it is another does not', () => {
    const { limits } = rates({ messagesPerClient: 1 });
    expect([meterOf(limits).take(1), meterOf(limits).take(1), meterOf(limits).take(1)]).toEqual([0, 1_000, 2_000]);
    expect(meterOf(limits, 'bob').take(1)).toBe(0);
    expect(limits.meter({ ...principal('ada'), username: 'ada' })?.take(1)).toBe(0);
  });

  test('only so many are remembered: who came longest ago starts anew', () => {
    const { limits } = rates({ messagesPerClient: 1 });
    for (const name of ['first', 'second']) meterOf(limits, name).take(1);
    meterOf(limits, 'first');
    for (let index = 0; index < RATE_CLIENTS_MAX - 1; index += 1) meterOf(limits, `c${index}`);
    expect(meterOf(limits, 'first').take(1)).toBe(1_000);
    expect(meterOf(limits, 'second').take(1)).toBe(0);
  });

  test('what a listener owes has a bound: nobody waits longer for the messages of others, and what is forgiven is counted', () => {
    const { limits, metric } = rates({ bytesPerListener: 1_000 });
    const waits = Array.from({ length: 100 }, (_, index) => meterOf(limits, `c${index}`).take(2_000));
    const longest = LISTENER_DEBT_SECONDS_MAX * 1000;
    expect(waits.every((wait) => wait !== 'abuse' && wait <= longest)).toBe(true);
    expect(metric('access.throttled.debt-forgiven')).toBe(waits.filter((wait) => wait === longest).length);
    expect(waits.at(-1)).toBe(longest);
  });

  test('a message larger than the burst passes, and is paid for', () => {
    const { limits } = rates({ bytesPerClient: 1_000 });
    expect(meterOf(limits).take(5_000)).toBe(4_000);
  });
});

describe('who is held back for too long is sent away', () => {
  const SETTINGS = { messagesPerClient: 1, disconnectAfterSeconds: 10 };

  test('without a break', async () => {
    const { limits, clock, metric } = rates(SETTINGS);
    const meter = meterOf(limits);
    meter.take(1);
    for (let second = 0; second < 10; second += 1) {
      expect(meter.take(1)).toBe(1_000);
      await clock.advanceSeconds(1);
    }
    expect(meter.take(1)).toBe('abuse');
    expect(metric('access.throttled.disconnected')).toBe(1);
  });

  test('not with breaks in between', async () => {
    const { limits, clock } = rates(SETTINGS);
    const meter = meterOf(limits);
    meter.take(1);
    for (let minute = 0; minute < 5; minute += 1) {
      expect(meter.take(1)).toBe(1_000);
      await clock.advanceSeconds(6.1);
      expect(meter.take(1)).toBe(0);
    }
  });

  test('not for what the others of its listener publish', async () => {
    const { limits, clock } = rates({ messagesPerListener: 1, disconnectAfterSeconds: 1 });
    const meter = meterOf(limits);
    meter.take(1);
    for (let second = 0; second < 10; second += 1) {
      expect(meter.take(1)).toBe(1_000);
      await clock.advanceSeconds(1);
    }
  });
});
