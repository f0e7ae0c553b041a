import { expect, test } from 'vitest';
import { fuzzMqttCodec } from '../../../fuzz/mqtt-codec.ts';

test('4,000 damaged streams: refused by name or read, however they are cut', () => {
  const { inputs, refused } = fuzzMqttCodec({ seed: 1, count: 4_000 });
  expect(inputs).toBe(4_000);
  expect(refused).toBeGreaterThan(1_000);
  expect(refused).toBeLessThan(3_500);
});
