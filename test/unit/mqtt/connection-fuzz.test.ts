import { expect, test } from 'vitest';
import { fuzzMqttConnection } from '../../fuzz/mqtt-connection.ts';

test('10,000 damaged conversations: nothing throws, nothing is left behind, and others are served', { timeout: 60_000 }, async () => {
  const { inputs, refused } = await fuzzMqttConnection({ seed: 1, count: 10_000 });
  expect(inputs).toBe(10_000);
  expect(refused).toBeGreaterThan(3_000);
  expect(refused).toBeLessThan(9_500);
});
