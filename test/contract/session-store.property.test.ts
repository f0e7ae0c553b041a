import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SessionStore } from '../../src/session/session-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LateCommitter } from '../support/held-committer.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { SqliteBench } from '../support/store-bench.ts';
import { contentsOf, durable } from '../support/store-samples.ts';
import { GATEWAYS, operate } from '../support/store-workload.ts';

/** Small enough that every life sees checkpoints, split groups and dropped segments. */
const SMALL = { checkpointLogBytes: 6_000, groupBytesMax: 2_000 };

type Break = 'turn' | 'close' | 'kill' | 'none';

describe('the store on disk, whatever happens to it', () => {
  test('holds what a store in memory holds, over turns, restarts and kills', async () => {
    const breaks = fc.array(
      fc.tuple(
        fc.integer({ min: 1, max: 60 }),
        fc.oneof(
          { weight: 20, arbitrary: fc.constant<Break>('turn') },
          { weight: 2, arbitrary: fc.constant<Break>('close') },
          { weight: 3, arbitrary: fc.constant<Break>('kill') },
          { weight: 5, arbitrary: fc.constant<Break>('none') },
        ),
      ),
      { minLength: 5, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.boolean(), breaks, async (seed, isLate, parts) => {
        const bench = new SqliteBench({ limits: SMALL, ...(isLate && { committer: (inline) => new LateCommitter(inline) }) });
        try {
          await live(bench, seed, parts);
        } finally {
          await bench.end();
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

async function live(bench: SqliteBench, seed: number, parts: readonly (readonly [operations: number, then: Break])[]): Promise<void> {
  const model = new MemoryStore({ clock: new FakeClock() });
  let store = bench.open();
  let number = 0;
  for (const [operations, then] of parts) {
    for (let left = operations; left > 0; left -= 1) {
      operate(model, seed, number);
      operate(store, seed, number);
      number += 1;
    }
    expect(contentsOf(store, GATEWAYS)).toEqual(contentsOf(model, GATEWAYS));
    store = await broken(bench, store, then);
    expect(contentsOf(store, GATEWAYS)).toEqual(contentsOf(model, GATEWAYS));
  }
}

async function broken(bench: SqliteBench, store: SessionStore, then: Break): Promise<SessionStore> {
  if (then === 'none') return store;
  if (then === 'close') return bench.reopened(store);
  await durable(store);
  return then === 'kill' ? bench.crashed() : store;
}
