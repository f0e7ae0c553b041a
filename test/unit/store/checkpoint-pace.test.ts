import { expect, test } from 'vitest';
import { Image } from '../../../src/session/image.ts';
import { Checkpoint } from '../../../src/store/sqlite/checkpoint.ts';
import { SegmentIndex } from '../../../src/store/sqlite/segment-index.ts';

test('a checkpoint ends though each commit makes more rows than one takes along', () => {
  const image = new Image();
  const checkpoint = new Checkpoint({ image, segments: new SegmentIndex(), lastRows: () => [], freePages: () => 0, isShort: () => false });
  const rowsOf: number[] = [];
  let rows = 0;
  for (let commit = 0; commit < 5_000; commit += 1) {
    for (let each = 0; each < 300; each += 1) image.apply({ kind: 'state', owner: { gateway: '$delayed' }, key: `${commit}-${each}`, value: undefined });
    if (!checkpoint.isRunning) {
      rowsOf.push(rows);
      rows = 0;
      checkpoint.begin(commit);
    }
    rows += checkpoint.takeRows('with-group').writes.length;
    checkpoint.committed();
  }
  expect(rowsOf.length).toBeGreaterThan(10);
  expect(Math.max(...rowsOf)).toBeLessThan(300 * 64 * 8);
});
