import { describe, expect, test } from 'vitest';
import type { DiskStep } from '../../../src/session/disk-pressure.ts';
import { spaceOf } from '../../../src/store/sqlite/disk-gauge.ts';
import { DiskLadder } from '../../../src/store/sqlite/disk-ladder.ts';
import { DISK_LIMITS, fitted, fittedGroup } from '../../../src/store/sqlite/disk-limits.ts';

const MIB = 1024 * 1024;

function ladder(): { readonly ladder: DiskLadder; readonly taken: DiskStep[] } {
  const taken: DiskStep[] = [];
  return { ladder: new DiskLadder([400, 300, 200, 100], (step) => taken.push(step)), taken };
}

describe('the steps of a disk that runs full', () => {
  test('are taken one after the other, however suddenly room goes, and left in the opposite order', () => {
    const { ladder: steps, taken } = ladder();
    steps.measured(50);
    steps.measured(10_000);
    expect(taken).toEqual(['stop-lazy', 'compact', 'evict', 'refuse', 'evict', 'compact', 'stop-lazy', 'ample']);
  });

  test.each<[room: number, step: DiskStep]>([
    [400, 'ample'],
    [399, 'stop-lazy'],
    [299, 'compact'],
    [199, 'evict'],
    [99, 'refuse'],
    [-5, 'refuse'],
  ])('room %d: %s', (room, step) => {
    const { ladder: steps } = ladder();
    steps.measured(room);
    expect(steps.step).toBe(step);
  });

  test('a step is left only when there is a quarter more room than where it is taken', () => {
    const { ladder: steps, taken } = ladder();
    for (const room of [399, 401, 399, 499, 500, 401, 399]) steps.measured(room);
    expect(taken).toEqual(['stop-lazy', 'ample', 'stop-lazy']);
  });

  test('what may be written before the next step could be due, and what is missing to leave one', () => {
    const { ladder: steps } = ladder();
    expect(steps.slackBytes(1_000)).toBe(600);
    steps.measured(250);
    expect([steps.slackBytes(250), steps.missingBytes('evict', 240), steps.missingBytes('evict', 260)]).toEqual([50, 10, 0]);
    steps.measured(10);
    expect(steps.slackBytes(10)).toBe(0);
  });
});

describe('what a file system says of itself', () => {
  test('room is what users without privileges may take', () => {
    expect(spaceOf({ bsize: 4_096, blocks: 1_000, bavail: 10 })).toEqual({ totalBytes: 4_096_000, freeBytes: 40_960 });
  });

  test('one that says nothing is never full', () => {
    const { totalBytes } = spaceOf({ bsize: 4_096, blocks: 0, bavail: 0 });
    expect([fitted(DISK_LIMITS, totalBytes), fittedGroup(MIB, totalBytes)]).toEqual([DISK_LIMITS, MIB]);
  });
});

describe('on a small partition', () => {
  test('the whole ladder shrinks: its first step is taken at three tenths, and all stay apart', () => {
    const { enterBelowBytes, ballastBytes } = fitted(DISK_LIMITS, 64 * MIB);
    expect(enterBelowBytes.map((bytes) => Math.round((10 * bytes) / MIB) / 10)).toEqual([19.2, 9.6, 4.8, 2.4]);
    expect(ballastBytes).toBe(4 * MIB);
    expect(fittedGroup(MIB, 16 * MIB)).toBe(256 * 1024);
  });

  test('a bound keeps a margin for what is under way', () => {
    expect(fitted({ ...DISK_LIMITS, bytesMax: 16 * MIB }, 16 * MIB).bytesMax).toBe(12 * MIB);
    expect(fitted({ ...DISK_LIMITS, bytesMax: 1_000 * MIB }, 1_000 * MIB).bytesMax).toBe(995 * MIB);
  });

  test('on a large one it is as configured', () => {
    expect(fitted(DISK_LIMITS, 64_000 * MIB)).toEqual(DISK_LIMITS);
    expect(fittedGroup(MIB, 64_000 * MIB)).toBe(MIB);
  });
});
