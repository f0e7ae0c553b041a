import { describe, expect, test } from 'vitest';
import { Chance } from '../../fuzz/fuzzer.ts';
import { HeapWatch } from '../../fuzz/heap-watch.ts';
import { assemble, dissect } from '../../fuzz/mqtt-anatomy.ts';
import { mutatedConversation } from '../../fuzz/mqtt-mutations.ts';
import { fuzzRecordedCodec, fuzzRecordedConnection } from '../../fuzz/mqtt-recorded.ts';
import { recordings } from '../../fuzz/recordings.ts';

describe('recorded conversations', () => {
  const recorded = recordings();

  test('are of every version and hold every packet a client sends but AUTH', () => {
    for (const version of [3, 4, 5]) {
      const types = recorded.filter((each) => each.version === version).flatMap(({ packets }) => packets.map((packet) => packet.readUInt8(0) >> 4));
      expect([...new Set(types)].sort((a, b) => a - b)).toEqual([1, 3, 4, 5, 6, 7, 8, 10, 12, 14]);
    }
  });

  test('every packet taken apart and put together is what it was', () => {
    for (const { version, packets } of recorded) {
      for (const packet of packets) expect(assemble(dissect(packet, version)).toString('hex')).toBe(packet.toString('hex'));
    }
  });

  test('equal seeds damage them equally, others differently', () => {
    const conversation = (seed: number) => mutatedConversation(recorded, new Chance(seed)).bytes.toString('hex');
    expect(conversation(5)).toBe(conversation(5));
    expect(new Set([1, 2, 3, 4, 5].map(conversation)).size).toBe(5);
  });
});

describe('damaged with knowledge of their structure', () => {
  test('5,000 streams: the decoder reads or refuses, however they are cut', { timeout: 60_000 }, () => {
    const { inputs, refused } = fuzzRecordedCodec({ seed: 1, count: 5_000 });
    expect(inputs).toBe(5_000);
    expect(refused).toBeGreaterThan(1_500);
    expect(refused).toBeLessThan(4_500);
  });

  test('5,000 conversations: nothing throws, nothing is left behind, and others are served', { timeout: 60_000 }, async () => {
    const { inputs, refused } = await fuzzRecordedConnection({ seed: 1, count: 5_000 });
    expect(inputs).toBe(5_000);
    expect(refused).toBeGreaterThan(1_500);
    expect(refused).toBeLessThan(4_500);
  });

  test.each([
    [1, false],
    [36, true],
  ])('%d MB that stay reachable from halfway on are a leak: %s', (megabytes, isLeak) => {
    const heap = new HeapWatch(40_000);
    heap.look(20_000);
    const kept = Array.from({ length: megabytes }, () => Array.from({ length: 125_000 }, (_, index) => index + 0.5));
    const verdict = (): void => heap.requireFlat('seed 1');
    if (isLeak) expect(verdict).toThrow('more are reachable');
    else expect(verdict).not.toThrow();
    expect(kept).toHaveLength(megabytes);
  });

  test('a run ends when its time is over', () => {
    expect(fuzzRecordedCodec({ seed: 1, count: 1_000_000_000, secondsMax: 0.05 }).inputs).toBeLessThan(100_000);
  });
});
