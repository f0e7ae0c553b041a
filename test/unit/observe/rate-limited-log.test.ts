import { beforeEach, describe, expect, test } from 'vitest';
import { LOG_LINES_PER_EVENT_MINUTE, LOG_PEERS_TRACKED_MAX } from '../../../src/model/limits.ts';
import type { LogFields } from '../../../src/model/log.ts';
import { RateLimitedSink } from '../../../src/observe/rate-limited-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MINUTE_SECONDS = 60;

let clock: FakeClock;
let lines: [level: string, event: string, fields: LogFields][];
let sink: RateLimitedSink;

beforeEach(() => {
  clock = new FakeClock();
  lines = [];
  sink = new RateLimitedSink({ write: (...line) => lines.push(line) }, clock);
});

function flood(count: number, event: string, fields: LogFields): void {
  for (let index = 0; index < count; index += 1) sink.write('warn', event, { ...fields, index });
}

function written(): number {
  return lines.splice(0).length;
}

describe('LOG_LINES_PER_EVENT_MINUTE', () => {
  test('the first lines pass as they are, the others become one number at the end of the minute', async () => {
    flood(LOG_LINES_PER_EVENT_MINUTE + 5, 'bad input', { peer: '192.0.2.7:1000' });
    expect(lines[0]).toEqual(['warn', 'bad input', { peer: '192.0.2.7:1000', index: 0 }]);
    expect(written()).toBe(LOG_LINES_PER_EVENT_MINUTE);
    await clock.advanceSeconds(MINUTE_SECONDS - 1);
    expect(lines).toEqual([]);
    await clock.advanceSeconds(1);
    expect(lines).toEqual([['warn', 'bad input', { peer: '192.0.2.7', suppressed: 5 }]]);
  });

  test('nothing is told of what stayed within', async () => {
    flood(LOG_LINES_PER_EVENT_MINUTE, 'bad input', {});
    expect(written()).toBe(LOG_LINES_PER_EVENT_MINUTE);
    await clock.advanceSeconds(MINUTE_SECONDS);
    expect(lines).toEqual([]);
  });

  test('the next minute counts anew', async () => {
    flood(LOG_LINES_PER_EVENT_MINUTE + 1, 'bad input', {});
    await clock.advanceSeconds(MINUTE_SECONDS);
    written();
    flood(LOG_LINES_PER_EVENT_MINUTE + 1, 'bad input', {});
    expect(written()).toBe(LOG_LINES_PER_EVENT_MINUTE);
  });

  test('a timer runs only while there is something to tell', async () => {
    flood(LOG_LINES_PER_EVENT_MINUTE, 'bad input', {});
    expect(clock.pendingTimers).toBe(0);
    flood(1, 'bad input', {});
    flood(30, 'link failed', {});
    expect(clock.pendingTimers).toBe(1);
    await clock.advanceSeconds(MINUTE_SECONDS);
    expect(clock.pendingTimers).toBe(0);
  });

  test('a minute without a number to tell ends as well', async () => {
    flood(LOG_LINES_PER_EVENT_MINUTE, 'bad input', {});
    await clock.advanceSeconds(MINUTE_SECONDS);
    flood(LOG_LINES_PER_EVENT_MINUTE, 'bad input', {});
    expect(written()).toBe(2 * LOG_LINES_PER_EVENT_MINUTE);
  });

  test('what is held back is written at once when the process ends', () => {
    flood(LOG_LINES_PER_EVENT_MINUTE + 2, 'bad input', {});
    written();
    sink.flush();
    expect(lines).toEqual([['warn', 'bad input', { peer: undefined, suppressed: 2 }]]);
    expect(clock.pendingTimers).toBe(0);
    flood(3, 'bad input', {});
    sink.flush();
    expect(lines.at(-1)).toEqual(['warn', 'bad input', { peer: undefined, suppressed: 3 }]);
  });
});

describe('what counts together', () => {
  test.each([
    ['the ports of one host', { peer: '192.0.2.7:1' }, { peer: '192.0.2.7:2' }, true],
    ['two hosts', { peer: '192.0.2.7:1' }, { peer: '192.0.2.8:1' }, false],
    ['two nodes on one serial line', { peer: '/dev/ttyUSB0#0x01' }, { peer: '/dev/ttyUSB0#0x02' }, false],
    ['two bridges', { bridge: 'north' }, { bridge: 'south' }, false],
    ['lines without a peer', { listener: 'a' }, { listener: 'b' }, true],
  ])('%s: %j %j %s', (_, one, other, isTogether) => {
    flood(LOG_LINES_PER_EVENT_MINUTE, 'bad input', one);
    flood(LOG_LINES_PER_EVENT_MINUTE, 'bad input', other);
    expect(written()).toBe(isTogether ? LOG_LINES_PER_EVENT_MINUTE : 2 * LOG_LINES_PER_EVENT_MINUTE);
  });

  test('events and levels are apart', () => {
    flood(LOG_LINES_PER_EVENT_MINUTE, 'bad input', {});
    flood(LOG_LINES_PER_EVENT_MINUTE, 'link failed', {});
    sink.write('error', 'bad input', {});
    expect(written()).toBe(2 * LOG_LINES_PER_EVENT_MINUTE + 1);
  });
});

test('LOG_PEERS_TRACKED_MAX: further peers share one tally', async () => {
  for (let host = 0; host < 10 * LOG_PEERS_TRACKED_MAX; host += 1) sink.write('warn', 'bad input', { peer: `10.0.${host >> 8}.${host & 255}:1` });
  expect(written()).toBe(LOG_PEERS_TRACKED_MAX + LOG_LINES_PER_EVENT_MINUTE);
  await clock.advanceSeconds(MINUTE_SECONDS);
  const suppressed = 9 * LOG_PEERS_TRACKED_MAX - LOG_LINES_PER_EVENT_MINUTE;
  expect(lines).toEqual([['warn', 'lines of further events or peers', { peer: undefined, suppressed }]]);
});
