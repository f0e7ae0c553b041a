import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BlockDevice, wearCounters } from '../../../src/observe/block-device.ts';
import { type Files, PlantedTree } from '../../support/planted-tree.ts';

const STAT = '   20796        0    93036    16231     1900      882     5858     4576        0     5448    23892';

/** A /sys in which the device of `path` is an eMMC, or a partition of it. */
function sysWith(files: Files, of: 'disk' | 'partition'): PlantedTree {
  const tree = new PlantedTree({ 'sys/devices/mmcblk0/stat': STAT, 'data/file': '', ...files });
  const { dev } = statSync(tree.path('data'));
  const number = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  const link = tree.path(`sys/dev/block/${number}`);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(tree.path(of === 'disk' ? 'sys/devices/mmcblk0' : 'sys/devices/mmcblk0/mmcblk0p2'), link);
  return tree;
}

const PARTITION = { 'sys/devices/mmcblk0/mmcblk0p2/partition': '2', 'sys/devices/mmcblk0/mmcblk0p2/stat': '1 1 1 1 1 1 1' };

describe('the device below a directory', () => {
  test.each<['disk' | 'partition', Files]>([
    ['disk', {}],
    ['partition', PARTITION],
  ])('a %s: what is written to the whole disk counts, in sectors of 512 bytes', (of, files) => {
    using tree = sysWith(files, of);
    const device = BlockDevice.below(tree.path('data/not/made/yet'), tree.path('sys'));
    expect([device?.name, device?.bytesWritten(), device?.health()]).toEqual(['mmcblk0', 5_858 * 512, undefined]);
  });

  test.each([
    ['0x01 0x03', '0x01', { usedTenths: 3, reserve: 'normal' }],
    ['0x0b 0x0a', '0x03', { usedTenths: 11, reserve: 'urgent' }],
    ['0x00 0x00', '0x00', { usedTenths: 0, reserve: 'unknown' }],
  ])('an eMMC tells of its life: %s, %s', (lifeTime, reserve, health) => {
    using tree = sysWith({ 'sys/devices/mmcblk0/device/life_time': `${lifeTime}\n`, 'sys/devices/mmcblk0/device/pre_eol_info': `${reserve}\n` }, 'disk');
    expect(BlockDevice.below(tree.path('data'), tree.path('sys'))?.health()).toEqual(health);
  });

  test('there is none below a file system without one', () => {
    using tree = new PlantedTree({ 'data/file': '', 'sys/empty': '' });
    expect(BlockDevice.below(tree.path('data'), tree.path('sys'))).toBeUndefined();
  });
});

describe('what was written', () => {
  test('by the process, as the kernel counts it', () => {
    using tree = new PlantedTree({ io: 'rchar: 1\nread_bytes: 2\nwrite_bytes: 81920\ncancelled_write_bytes: 0\n' });
    expect(wearCounters(undefined, tree.path('io')).processBytes()).toBe(81_920);
  });

  test('is unknown where nobody counts', () => {
    const counters = wearCounters(undefined, '/nowhere/io');
    expect([counters.processBytes(), counters.deviceBytes()]).toEqual([undefined, undefined]);
  });
});
