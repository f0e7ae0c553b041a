import { expect, test } from 'vitest';
import { rot } from './bit-rot.ts';

test('a store whose files are damaged opens, loses at most what was hit, says what, and goes on', async () => {
  const report = await rot({ cases: 150, seed: 20_380 });
  expect(report.violations).toEqual([]);
  expect(report.cases).toBe(150);
  expect(report.whole).toBeGreaterThan(75);
  expect(report.losing).toBeGreaterThan(10);
  expect(report.setAside).toBeGreaterThan(30);
});
