import { describe, expect, test } from 'vitest';
import { LOG_FIELD_CHARS_MAX, LOG_LINES_PER_EVENT_MINUTE } from '../../../src/model/limits.ts';
import { createLog, type LogSettings } from '../../../src/observe/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function logTo({ level = 'debug', format = 'json' }: Partial<LogSettings> = {}) {
  const lines: string[] = [];
  const output = { write: (line: string) => void lines.push(line) };
  return { lines, ...createLog({ level, format }, { clock: new FakeClock({ nowMs: NOW_MS }), output }) };
}

function onlyLine(lines: readonly string[]): string {
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]*\n$/);
  return lines[0] ?? '';
}

describe('JSON lines', () => {
  test('carry time, level, event and fields', () => {
    const { log, lines } = logTo();
    log.warn('bad input', { peer: '192.0.2.7:1', bytes: 3, isReliable: true, clause: undefined });
    expect(JSON.parse(onlyLine(lines))).toEqual({
      level: 'warn',
      time: '2026-01-02T03:04:05.678Z',
      peer: '192.0.2.7:1',
      bytes: 3,
      isReliable: true,
      event: 'bad input',
    });
  });

  test('carry the fields of the log they are written to', () => {
    const { log, lines } = logTo();
    log.with({ gateway: 'mqtt', peer: 'a' }).with({ peer: 'b' }).info('connected', { clientId: 'x' });
    expect(JSON.parse(onlyLine(lines))).toMatchObject({ gateway: 'mqtt', peer: 'b', clientId: 'x' });
  });

  test('are one line whatever the fields hold', () => {
    const { log, lines } = logTo();
    log.info('connected', { clientId: 'a\nb\u001b[2J"%s' });
    expect(JSON.parse(onlyLine(lines))).toMatchObject({ clientId: 'a\nb\u001b[2J"%s' });
  });
});

describe('text lines', () => {
  test.each([
    [{ peer: '192.0.2.7:1', bytes: 3, none: undefined }, 'peer=192.0.2.7:1  bytes=3'],
    [{ clientId: 'a b' }, 'clientId="a b"'],
    [{ clientId: 'x level=error' }, 'clientId="x level=error"'],
    [{ clientId: 'x=1' }, 'clientId="x=1"'],
    [{ clientId: '' }, 'clientId=""'],
    [{ clientId: 'a"b' }, 'clientId="a\\"b"'],
    [{ clientId: 'a\nb' }, 'clientId="a\\nb"'],
    [{ clientId: '\u001b[2J' }, 'clientId=\\u{1b}[2J'],
    [{ clientId: '\u009b2J\u202eabc\u2028' }, 'clientId="\\u{9b}2J\\u{202e}abc\\u{2028}"'],
    [{ clientId: 'Küche/水' }, 'clientId=Küche/水'],
  ])('%j', (fields, text) => {
    const { log, lines } = logTo({ format: 'text' });
    log.info('client connected', fields);
    expect(onlyLine(lines)).toBe(`03:04:05.678 info  client connected  ${text}\n`);
  });
});

describe.each(['json', 'text'] as const)('%s', (format) => {
  test.each(['password', 'tlsPassword', 'secret', 'token', 'psk', 'privateKey', 'PASSWORD', 'authorization'])('the value of %s is not written', (name) => {
    const { log, lines } = logTo({ format });
    log.with({ [name]: 'hunter2' }).info('connected', { other: 'seen' });
    log.info('connected', { [name]: 'hunter2' });
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).toContain('seen');
    expect(lines.join('').match(/\[redacted\]/g)).toHaveLength(2);
  });

  test('LOG_FIELD_CHARS_MAX', () => {
    const { log, lines } = logTo({ format });
    log.info('connected', { clientId: 'x'.repeat(65_535) });
    expect(onlyLine(lines)).toContain(`${'x'.repeat(LOG_FIELD_CHARS_MAX)}…`);
    expect(onlyLine(lines).length).toBeLessThan(LOG_FIELD_CHARS_MAX + 200);
  });
});

describe('level', () => {
  test.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
  ] as const)('%s', (level, written) => {
    const { log, lines } = logTo({ level });
    for (const each of ['debug', 'info', 'warn', 'error'] as const) log[each]('event');
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(written);
  });

  test('changes for the logs made before as well', () => {
    const { log, lines, setLevel } = logTo({ level: 'error' });
    const gateway = log.with({ gateway: 'mqtt' });
    gateway.debug('one');
    setLevel('debug');
    gateway.debug('two');
    expect(lines.map((line) => JSON.parse(line).event)).toEqual(['two']);
  });

  test('what is below it is not counted', () => {
    const { log, lines, flush } = logTo({ level: 'info' });
    for (let index = 0; index < 100; index += 1) log.debug('client connected', { peer: `10.0.0.${index}:1` });
    flush();
    expect(lines).toEqual([]);
  });
});

test('a flood is summed up', () => {
  const { log, lines, flush } = logTo({ format: 'text' });
  for (let index = 0; index < LOG_LINES_PER_EVENT_MINUTE + 7; index += 1) log.warn('bad input', { peer: `192.0.2.7:${index}` });
  flush();
  expect(lines).toHaveLength(LOG_LINES_PER_EVENT_MINUTE + 1);
  expect(lines.at(-1)).toBe('03:04:05.678 warn  bad input  peer=192.0.2.7  suppressed=7\n');
});
