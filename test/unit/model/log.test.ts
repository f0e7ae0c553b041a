import { expect, test } from 'vitest';
import { hexPrefix } from '../../../src/model/log.ts';

test.each([
  ['all of it', '10 0c', 16, '100c'],
  ['all of it, just', '10 0c', 2, '100c'],
  ['its beginning', '10 0c 00', 2, '100c… (3 bytes)'],
  ['nothing', '', 16, ''],
])('bad input in a line: %s', (_, hex, bytesMax, text) => {
  const bytes = Buffer.from(`ff${hex.replaceAll(' ', '')}`, 'hex').subarray(1);
  expect(hexPrefix(bytes, bytesMax)).toBe(text);
});
