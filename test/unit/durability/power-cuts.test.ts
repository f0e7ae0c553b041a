import { describe, expect, test } from 'vitest';
import { CrashStates } from '../../durability/powercut/crash-states.ts';
import { type LoggedRequest, readWriteLog } from '../../durability/powercut/write-log.ts';
import { Draws } from '../../support/store-workload.ts';

const SECTOR = 512;

interface Planned {
  readonly sector?: number;
  readonly fill?: string;
  readonly sectors?: number;
  readonly flags?: bigint;
}

function logOf(...requests: Planned[]): Buffer {
  const header = Buffer.alloc(SECTOR);
  header.writeBigUInt64LE(0x006a_7366_7773_6872n, 0);
  header.writeUInt32LE(SECTOR, 24);
  const entries = requests.flatMap(({ sector = 0, fill = '', sectors = fill.length, flags = 0n }) => {
    const about = Buffer.alloc(SECTOR);
    for (const [index, value] of [BigInt(sector), BigInt(sectors), flags, 0n].entries()) about.writeBigUInt64LE(value, 8 * index);
    return [about, ...[...fill].map((letter) => Buffer.alloc(SECTOR, letter))];
  });
  return Buffer.concat([header, ...entries]);
}

const write = (sector: number, fill: string): Planned => ({ sector, fill });
const FLUSH: Planned = { sector: 0, sectors: 0, flags: 1n };
const DISCARD: Planned = { sector: 3, sectors: 9, flags: 4n };

describe('a log of block writes', () => {
  test('gives its requests in order, each with its data and where the log ended', () => {
    const requests = readWriteLog(logOf(write(2, 'ab'), FLUSH, DISCARD, write(0, 'c')));
    expect(requests.map(({ sector, data, isFlush }) => [sector, data.length / SECTOR, isFlush])).toEqual([
      [2, 2, false],
      [0, 0, true],
      [3, 0, false],
      [0, 1, false],
    ]);
    expect(requests.map(({ end }) => end / SECTOR)).toEqual([4, 5, 6, 8]);
  });

  test.each([
    ['unused room at the end', Buffer.concat([logOf(write(1, 'a')), Buffer.alloc(SECTOR * 4)])],
    ['a last request that was cut', logOf(write(1, 'a'), write(2, 'bb')).subarray(0, -SECTOR)],
  ])('ends at %s', (_what, log) => {
    expect(readWriteLog(log)).toHaveLength(1);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['something else', Buffer.alloc(SECTOR, 'x')],
    ['other sectors', Buffer.concat([logOf().fill(0, 24, 28), Buffer.alloc(SECTOR)])],
  ])('is not %s', (_what, log) => {
    expect(() => readWriteLog(log)).toThrow(/log/);
  });
});

describe('the medium after a power cut', () => {
  const requests = readWriteLog(logOf(write(0, 'a'), FLUSH, write(0, 'b'), write(1, 'b'), FLUSH, write(0, 'c'), write(1, 'cc')));
  const letters = (medium: Buffer): string => [0, 1, 2].map((sector) => medium.toString('latin1', sector * SECTOR, sector * SECTOR + 1)).join('');
  const states = (index: number, list: readonly LoggedRequest[] = requests): Set<string> => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed += 1) seen.add(letters(new CrashStates(Buffer.alloc(3 * SECTOR, '.'), list).cutBehind(index, new Draws(seed, 0))));
    return seen;
  };

  test('holds what was flushed, whatever happens to the rest', () => {
    expect(states(1)).toEqual(new Set(['a..']));
    expect(states(4)).toEqual(new Set(['bb.']));
  });

  test('holds any part of what was not flushed, also half a request', () => {
    expect(states(3)).toEqual(new Set(['a..', 'b..', 'ab.', 'bb.']));
    expect(states(6)).toEqual(new Set(['bb.', 'cb.', 'bcc', 'ccc', 'bc.', 'cc.']));
  });

  test('holds nothing of later requests', () => {
    expect(states(2)).toEqual(new Set(['a..', 'b..']));
  });

  test('goes on from cut to cut without forgetting', () => {
    const cuts = new CrashStates(Buffer.alloc(3 * SECTOR, '.'), requests);
    expect([1, 4, 4].map((index) => letters(cuts.cutBehind(index, new Draws(1, index))))).toEqual(['a..', 'bb.', 'bb.']);
  });
});
