import { describe, expect, test } from 'vitest';
import { abuseLine } from '../../../scripts/bench/abuse.ts';
import { accessLine } from '../../../scripts/bench/access.ts';
import { aedesLine } from '../../../scripts/bench/aedes.ts';
import { drainLine, type RestartFigures, restartLines } from '../../../scripts/bench/backlog.ts';
import { carriedLine } from '../../../scripts/bench/bridge.ts';
import { durableLine, type Round } from '../../../scripts/bench/durable.ts';
import type { Floor } from '../../../scripts/bench/floors.ts';
import type { Figures } from '../../../scripts/bench/generator.ts';
import { pairsWith, type Sides } from '../../../scripts/bench/pairs.ts';
import { report } from '../../../scripts/bench/report.ts';
import { retainedLines } from '../../../scripts/bench/retained.ts';
import { routingLine } from '../../../scripts/bench/routing.ts';
import { sparseLine } from '../../../scripts/bench/sparse.ts';
import { subscriptionLines } from '../../../scripts/bench/subscriptions.ts';
import { handshakeLine, tlsRoutingLine } from '../../../scripts/bench/tls.ts';

const THREE_TIMES: Floor = { bound: 'at least', value: 3, unit: 'x' };
const LITTLE_MORE: Floor = { bound: 'at most', value: 1.4, unit: 'x' };

function run(cpu: number, { rate = 1000, lost = 0 } = {}): Figures {
  return { values: { server_cpu_us_per_message: cpu, delivered_per_s: rate, lost } };
}

function pair(subject: number, peer: number): Sides<Figures> {
  return { subject: run(subject), peer: run(peer) };
}

describe('routing', () => {
  test('the ratio is the median of the paired ratios, not the ratio of the medians', () => {
    const pairs = [pair(1, 2), pair(2, 8), pair(3, 15)];
    const { cells, verdict } = routingLine('pairs-q0', pairs, THREE_TIMES);
    expect(cells[3]).toBe('4.00x (3.00 to 4.50)');
    expect(verdict).toBe('PASS');
  });

  test('below the floor', () => {
    expect(routingLine('pairs-q0', [pair(1, 2.9)], THREE_TIMES).verdict).toBe('MISS');
  });

  test.each([
    ['pairs-q0', 'PASS', 'QoS 0 may be lost, and is counted'],
    ['pairs-q1', 'MISS', 'QoS 1 may not'],
    ['fanin-q2-1k', 'MISS', 'nor QoS 2'],
    ['pairs-q0-1k', 'PASS', 'whatever the payload'],
  ])('%s with a message lost: %s (%s)', (name, expected) => {
    const { cells, verdict } = routingLine(name, [{ subject: run(1, { lost: 1 }), peer: run(9) }], THREE_TIMES);
    expect(verdict).toBe(expected);
    expect(cells[7]).toBe('1');
  });

  test('a generator that printed no figure fails the run', () => {
    expect(() => routingLine('pairs-q0', [{ subject: { values: {} }, peer: run(1) }], THREE_TIMES)).toThrow('server_cpu_us_per_message');
  });
});

describe('sparse', () => {
  test('costs are ours over theirs, with range and cold figure', () => {
    const { cells, verdict } = sparseLine('sparse-q0', { pairs: [pair(10, 10), pair(12, 10), pair(20, 10)], cold: pair(30, 10), floor: LITTLE_MORE });
    expect(cells.slice(3, 6)).toEqual(['1.20x (1.10 to 1.60)', '1.00 to 2.00', '3.00x']);
    expect(verdict).toBe('PASS');
  });

  test('a single good pair does not carry the median', () => {
    expect(sparseLine('sparse-q0', { pairs: [pair(5, 10), pair(15, 10), pair(16, 10)], cold: pair(1, 1), floor: LITTLE_MORE }).verdict).toBe('MISS');
  });
});

describe('beside aedes', () => {
  test('rounds of three servers are taken apart', () => {
    const rounds = [{ subject: run(1), peer: run(9), aedes: run(4) }];
    expect(pairsWith(rounds, 'aedes')).toEqual([{ subject: run(1), peer: run(4) }]);
  });

  test.each([
    [2.9, 'MISS'],
    [3, 'PASS'],
  ])('%d times its CPU: %s', (aedes, expected) => {
    expect(aedesLine('pairs-q0', [pair(1, aedes)], THREE_TIMES).verdict).toBe(expected);
  });
});

describe('access control', () => {
  test.each([
    [run(1.15), 'PASS'],
    [run(1.16), 'MISS'],
    [run(1, { lost: 1 }), 'MISS'],
  ])('%j with rules, 1 without: %s', (subject, expected) => {
    expect(accessLine('access', [{ subject, peer: run(1) }]).verdict).toBe(expected);
  });
});

describe('TLS', () => {
  test.each([
    [run(1), 'PASS'],
    [run(1.1), 'MISS'],
    [run(0.5, { lost: 1 }), 'MISS'],
  ])('a message at %j of CPU, Mosquitto at 1: %s', (subject, expected) => {
    expect(tlsRoutingLine([{ subject, peer: run(1) }]).verdict).toBe(expected);
  });

  test.each([
    [699, 'MISS'],
    [700, 'PASS'],
  ])('%d handshakes per second of CPU, Mosquitto 1,000: %s', (ours, expected) => {
    const shaken = (count: number): Figures => ({ values: { handshakes_per_cpu_s: count } });
    expect(handshakeLine([{ subject: shaken(ours), peer: shaken(1000) }]).verdict).toBe(expected);
  });
});

describe('100,000 subscriptions', () => {
  const many = (changes: object = {}): Figures => ({
    values: { server_cpu_us_per_message: 2, lost: 0, subscribing_s: 0.5, subscriptions_kib: 100_000, ...changes },
  });
  const verdicts = (changes: object) =>
    subscriptionLines({ few: [run(1)], many: [many(changes)] }, { few: [run(1)], many: [many()] }).flatMap((line) => line.verdict ?? []);

  test.each([
    [{}, ['PASS', 'PASS', 'PASS']],
    [{ subscribing_s: 1.1 }, ['MISS', 'PASS', 'PASS']],
    [{ subscriptions_kib: 120_000 }, ['PASS', 'MISS', 'PASS']],
    [{ server_cpu_us_per_message: 2.1 }, ['PASS', 'PASS', 'MISS']],
    [{ lost: 1 }, ['MISS', 'MISS', 'MISS']],
  ])('%j: time, memory and growth are %j', (changes, expected) => {
    expect(verdicts(changes)).toEqual(expected);
  });
});

describe('100,000 retained messages', () => {
  const sent = (longestMs: number, missing = 0): Figures => ({
    values: {
      ...{ stored_kib: 30_000, sending_kib: 500, first_message_ms: 1, all_messages_ms: 200 },
      ...{ idle_round_trip_us_max: 300, sending_round_trip_us_max: longestMs * 1000, missing },
    },
  });

  test.each([
    [[sent(20)], 'PASS', 'at the floor'],
    [[sent(5), sent(19), sent(300)], 'PASS', 'one round of three may meet a stall of the machine'],
    [[sent(5), sent(21), sent(21)], 'MISS', 'most may not'],
    [[sent(5, 1)], 'MISS', 'a message that never came'],
  ])('%j: %s (%s)', (runs, expected) => {
    expect(retainedLines(runs, [sent(1)]).flatMap((line) => line.verdict ?? [])).toEqual([expected]);
  });
});

describe('abuse', () => {
  const probed = (p99Us: number): Figures => ({
    values: { probe_round_trip_us_p99: p99Us, probe_round_trip_us_max: 2 * p99Us, server_rss_kib: 100_000 },
  });

  test.each([
    [[500], 'PASS'],
    [[510], 'MISS'],
    [[100, 400, 9_000], 'PASS'],
  ])('99th percentiles of %j us beside 100 idle: %s', (abused, expected) => {
    const rounds = abused.map((us) => ({ idle: probed(100), abused: probed(us) }));
    expect(abuseLine('wills', rounds, []).verdict).toBe(expected);
  });
});

describe('durable', () => {
  const filled = { acked_per_s: 80_000, in_flight: 128, answer_us_min: 12_000 };
  const drained = { acked: 500, checked: 500, acked_lost: 0, duplicates: 3 };
  const round = (changes: { filled?: object; drained?: object; smallRows?: number } = {}): Round => ({
    yardstick: { smallRows: changes.smallRows ?? 1000, sameBytes: 1600 },
    filled: { values: { ...filled, ...changes.filled } },
    drained: { values: { ...drained, ...changes.drained } },
  });

  test('the share is acknowledged over in flight times commits', () => {
    const { cells, verdict } = durableLine('durable-card', [round()], 10);
    expect(cells[4]).toBe('0.63');
    expect(verdict).toBe('PASS');
  });

  test.each([
    ['a slow disk against a bare loop', 10, 63_000, 'MISS'],
    ['a slow disk against a bare loop', 10, 65_000, 'PASS'],
    ['a fast disk against commits of the same bytes', 0, 71_000, 'MISS'],
    ['a fast disk against commits of the same bytes', 0, 72_000, 'PASS'],
  ] as const)('is judged on %s (%d ms a flush, %d/s)', (_what, flushMs, perSecond, expected) => {
    expect(durableLine('durable', [round({ filled: { acked_per_s: perSecond } })], flushMs).verdict).toBe(expected);
  });

  test('rounds add up, the share is their median', () => {
    const { cells } = durableLine('durable-disk', [round(), round({ smallRows: 500 }), round({ smallRows: 2000 })], 0);
    expect([cells[4], cells[9], cells[10], cells[12]]).toEqual(['0.63', '1,500', '1,500', '9']);
  });

  test.each([
    ['something acknowledged was lost', round({ drained: { acked_lost: 1 } }), 0, 'durable LOST'],
    ['not everything could be checked', round({ drained: { checked: 499 } }), 0, 'durable NOT CHECKED'],
    ['nothing was acknowledged at all', round({ drained: { acked: 0, checked: 0 } }), 0, 'durable NOT CHECKED'],
    ['an answer came sooner than any flush', round({ filled: { answer_us_min: 9_999 } }), 10, 'durable ANSWERED BEFORE THE FLUSH'],
    ['it was only slow', round({ filled: { acked_per_s: 63_000 } }), 0, 'durable'],
  ])('a miss although fast enough, or because not: %s', (_why, last, flushMs, name) => {
    const { cells, verdict } = durableLine('durable', [round(), last, last], flushMs);
    expect(cells[0]).toBe(name);
    expect(verdict).toBe('MISS');
  });
});

describe('the report', () => {
  const lines = [
    routingLine('pairs-q0', [pair(1, 4)], THREE_TIMES),
    routingLine('fanin-q0', [pair(1, 2)], THREE_TIMES),
    sparseLine('sparse-q0', { pairs: [pair(1, 1)], cold: pair(1, 1), floor: LITTLE_MORE }),
  ];

  test('is one table per kind, with as many cells in every row', () => {
    const rows = report(['Title', 'a fact'], lines)
      .split('\n')
      .filter((line) => line.startsWith('|'));
    expect(rows).toHaveLength(7);
    const widths = rows.map((row) => row.split('|').length);
    expect(new Set(widths.slice(0, 4)).size).toBe(1);
    expect(new Set(widths.slice(4)).size).toBe(1);
  });

  test('ends with what was missed', () => {
    expect(report(['Title'], lines).trimEnd().split('\n').at(-1)).toBe('2 of 3 floors met; missed: fanin-q0');
  });
});

describe('backlog', () => {
  const within = { bytes: 8e6, bytesMax: 9e6, seconds: 3 };
  const restarted: RestartFigures = {
    messages: 1000,
    storingMB: 100,
    stored: within,
    isSessionPresent: true,
    cpuSeconds: 0.4,
    drainingMB: 110,
    drained: { values: { acked_lost: 0 } },
    empty: within,
  };

  test('a restart passes when memory, disk, processor and messages do', () => {
    expect(restartLines('restart', restarted).map(({ verdict }) => verdict)).toEqual(Array(6).fill('PASS'));
  });

  test.each<[string, Partial<RestartFigures>, number]>([
    ['too much memory while messages are stored', { storingMB: 121 }, 0],
    ['too much on the disk with them', { stored: { ...within, bytes: 10e6 } }, 1],
    ['too long until CONNACK', { cpuSeconds: 1.6 }, 2],
    ['a session that is gone, however soon that is said', { isSessionPresent: false }, 2],
    ['too much memory while they are drained', { drainingMB: 121 }, 3],
    ['a message lost', { drained: { values: { acked_lost: 1 } } }, 4],
    ['too much on the disk without them', { empty: { ...within, bytes: 10e6 } }, 5],
  ])('%s is a miss', (_what, change, line) => {
    expect(restartLines('restart', { ...restarted, ...change })[line]?.verdict).toBe('MISS');
  });

  test('a drain is the median of the paired ratios, and loses nothing', () => {
    const ours = [1, 2, 3].map((cpuUs) => ({ cpuUs, lost: 0 }));
    const theirs = [3, 4, 12].map((cpuUs) => ({ cpuUs, lost: 0 }));
    const line = drainLine(500, ours, theirs);
    expect([line.cells[3], line.verdict]).toEqual(['3.00x', 'PASS']);
    expect(drainLine(500, [{ cpuUs: 1, lost: 1 }], [{ cpuUs: 9, lost: 0 }]).verdict).toBe('MISS');
  });
});

describe('bridges', () => {
  const carried = (cpuUs: number, lost = 0) => ({ cpuUs, perSecond: 1_000, lost });

  test.each([
    ['costs as much', [carried(10), carried(10)], 'PASS'],
    ['costs more', [carried(11), carried(10)], 'MISS'],
    ['lost something', [carried(5, 1), carried(10)], 'MISS'],
  ] as const)('%s', (_, [subject, peer], expected) => {
    const floor = { bound: 'at least', value: 1, unit: 'x' } as const;
    expect(carriedLine('bridge-forward', { messages: 1_000, rounds: [{ subject, peer }], floor }).verdict).toBe(expected);
  });
});
