// Proving from a recording alone that nothing is missing.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type VerifyOptions, verifyStream } from '../../../src/cli/verify-stream.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-stream-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A line of `mosquitto_sub -F '%j'`. */
function sent(boot: number, seq: number, { device = 'mqtt/a', deviceSeq = seq, after }: { device?: string; deviceSeq?: number; after?: number } = {}): string {
  const stamps = { 'pst-bridge': 'gw', 'pst-boot': `${boot}`, 'pst-seq': `${seq}`, 'pst-device': device, 'pst-device-seq': `${deviceSeq}` };
  const user = after === undefined ? stamps : { ...stamps, 'pst-after': `${after}` };
  return JSON.stringify({ topic: 'readings/a', qos: 1, properties: { 'user-properties': user }, payload: '{"bridge":"gw","boot":9,"last":9,"after":0}' });
}

function told(report: object): string {
  return JSON.stringify({ topic: 'postern/gw/report', qos: 1, payload: JSON.stringify({ bridge: 'gw', ...report }) });
}

const seqs = (boot: number, first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, at) => sent(boot, first + at, first + at === 1 ? { after: boot - 1 } : {}));

async function verifyFile(file: string, options: VerifyOptions = {}): Promise<{ code: number; text: string }> {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  const code = await verifyStream(file, options, { write, complain: write });
  return { code, text };
}

function verify(lines: readonly string[], options?: VerifyOptions): Promise<{ code: number; text: string }> {
  const file = join(folder, 'stream.jsonl');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  return verifyFile(file, options);
}

describe('a recording is complete', () => {
  test('when no number is missing from the first on, in any order, more than once too', async () => {
    expect(await verify([...seqs(1, 1, 3), sent(1, 5), sent(1, 4), sent(1, 5)], { whole: true })).toEqual({
      code: 0,
      text: 'gw: complete up to 5 of boot 1: 5 messages, 1 more than once\n',
    });
  });

  test('over boots that say where they ended, with what was not committed when one was killed', async () => {
    const lines = [...seqs(1, 1, 4), told({ boot: 1, last: 3, after: 0 }), ...seqs(2, 1, 2)];
    expect((await verify(lines, { whole: true })).code).toBe(0);
  });

  test('when reports speak of as many as are missing', async () => {
    const lines = [
      ...seqs(1, 1, 2),
      told({ device: 'mqtt/a', boot: 1, first: 3, last: 9, bridgeFirst: 3, bridgeLast: 9, count: 4, cause: 'quota-bytes', since: 1, until: 2 }),
      sent(1, 5),
      sent(1, 7),
      sent(1, 8),
      sent(1, 10),
    ];
    expect(await verify(lines, { whole: true })).toEqual({ code: 0, text: 'gw: complete up to 10 of boot 1: 6 messages, 4 reported lost (quota-bytes)\n' });
  });

  test('as envelopes, and as their payloads alone', async () => {
    const envelope = (seq: number): object => ({ pst: { bridge: 'gw', boot: 1, seq, device: 'mqtt/a', deviceSeq: seq }, payload: 'x' });
    const lines = [
      JSON.stringify({ topic: 'a', payload: JSON.stringify(envelope(1)) }), // %j
      JSON.stringify({ topic: 'a', payload: envelope(2) }), // %J
      JSON.stringify(envelope(3)), // %p
    ];
    expect((await verify(lines)).code).toBe(0);
  });

  test('from where it begins, if that is not the first message', async () => {
    expect((await verify(seqs(3, 100, 120))).code).toBe(0);
  });

  test('of some devices, by their own numbers', async () => {
    const lines = [sent(1, 10, { deviceSeq: 1 }), sent(1, 17, { deviceSeq: 2 }), sent(1, 90, { deviceSeq: 3 })];
    expect((await verify(lines, { devices: true })).code).toBe(0);
    expect((await verify(lines)).code).toBe(1);
  });
});

describe('a recording is not complete', () => {
  test.each<[string, string[], string]>([
    ['a number is missing', [...seqs(1, 1, 3), sent(1, 5)], 'boot 1: 4 is missing, and no report speaks of it'],
    ['several are', [sent(1, 1, { after: 0 }), sent(1, 5)], 'boot 1: 2 to 4 are missing, and no report speaks of them'],
    ['the end of a boot is', [...seqs(1, 1, 2), told({ boot: 1, last: 3, after: 0 }), ...seqs(2, 1, 1)], 'boot 1: 3 is missing, and no report speaks of it'],
    ['the beginning of one is', [...seqs(1, 1, 2), told({ boot: 1, last: 2, after: 0 }), sent(2, 2)], 'boot 2: 1 is missing, and no report speaks of it'],
    ['a boot does not say where it ended', [...seqs(1, 1, 2), ...seqs(2, 1, 1)], 'boot 1: nothing says where it ended'],
    [
      'a whole boot is',
      [...seqs(1, 1, 2), told({ boot: 1, last: 2, after: 0 }), sent(3, 1, { after: 2 })],
      'boot 2: nothing of it is here, not even where it ended',
    ],
    [
      'reports speak of fewer than are missing',
      [...seqs(1, 1, 2), told({ boot: 1, bridgeFirst: 3, bridgeLast: 5, count: 2, cause: 'age' }), sent(1, 6)],
      'boot 1: 5 is missing, and no report speaks of it',
    ],
    [
      'they speak of others',
      [...seqs(1, 1, 2), told({ boot: 1, bridgeFirst: 4, bridgeLast: 4, count: 1, cause: 'age' }), sent(1, 5)],
      'boot 1: 3 is missing, and no report speaks of it',
    ],
  ])('%s', async (_, lines, problem) => {
    const { code, text } = await verify(lines, { whole: true });
    expect(code).toBe(1);
    expect(text.split('\n').slice(1, -1)).toEqual([`  ${problem}`]);
    expect(text).toMatch(/^gw: NOT complete: /);
  });

  test('its first boot is not the first, where everything was to be there', async () => {
    expect((await verify([sent(2, 1, { after: 1 })], { whole: true })).text).toContain('boot 2: it is not the first: nothing of boot 1 is here');
  });

  test('one device of several lacks one of its numbers', async () => {
    const lines = [sent(1, 1, { after: 0, deviceSeq: 1 }), sent(1, 2, { device: 'mqtt/b', deviceSeq: 1 }), sent(1, 4, { device: 'mqtt/b', deviceSeq: 3 })];
    expect((await verify(lines, { devices: true })).text).toContain('  mqtt/b, boot 1: 2 is missing, and no report speaks of it');
  });
});

test('reports are given to gaps so that whatever can be explained is', async () => {
  const report = (bridgeFirst: number, bridgeLast: number, count: number): string => told({ boot: 1, bridgeFirst, bridgeLast, count, cause: 'age' });
  const lines = [sent(1, 1, { after: 0 }), report(2, 9, 3), report(3, 4, 2), report(8, 9, 2), sent(1, 6), sent(1, 10)]; // 2, 3, 4, 5, 7, 8, 9 are missing
  expect((await verify(lines, { whole: true })).code).toBe(0);
});

test('a recording without any number is no proof', async () => {
  const { code, text } = await verify(['{"topic":"a","payload":"x"}', 'no json', '']);
  expect(code).toBe(65);
  expect(text).toContain('nothing in');
});

test('a file that is not there is a mistake of the call', async () => {
  expect((await verifyFile(join(folder, 'none'))).code).toBe(64);
});

test('for programs', async () => {
  const { text } = await verify(seqs(1, 1, 2), { json: true });
  expect(JSON.parse(text)).toEqual([{ bridge: 'gw', messages: 2, duplicates: 0, explained: {}, problems: [], upTo: { boot: 1, seq: 2 } }]);
});
