import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { clientId, realm } from '../../src/model/client.ts';
import { MetricsTable } from '../../src/model/metrics.ts';
import { ORDINARY, PRIORITIES } from '../../src/model/priority.ts';
import type { SessionStore, StoredSession } from '../../src/session/session-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FileDamage } from '../support/file-damage.ts';
import { LateCommitter } from '../support/held-committer.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { SqliteBench } from '../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf } from '../support/store-samples.ts';
import { Draws, GATEWAYS, operate } from '../support/store-workload.ts';

/** Every rest finds something that is worth compacting. */
const SMALL = { checkpointLogBytes: 6_000, groupBytesMax: 2_000, compactGainBytes: 0, restMs: 1_000 };
/** A session that takes more than it ever lets go of. */
const AWAY = clientId('away');

type Then = 'rest' | 'go on' | 'close' | 'kill';

let damage: FileDamage;

beforeEach(() => {
  damage = new FileDamage();
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the store on disk, compacted again and again', () => {
  test('holds what a store in memory holds, over rests, restarts and kills, while one client stays away', async () => {
    const metrics = new MetricsTable();
    await lives(metrics, false);
    expect(metrics.value('store.compaction.refused')).toBe(0);
    expect(metrics.value('store.compaction.segments')).toBeGreaterThan(1_000);
  }, 120_000);

  test('and over files that are damaged amid all that', async () => {
    const metrics = new MetricsTable();
    await lives(metrics, true);
    expect(metrics.value('store.compaction.refused')).toBe(0);
    expect(metrics.value('store.healed')).toBeGreaterThan(100);
  }, 120_000);
});

async function lives(metrics: MetricsTable, isDamaged: boolean): Promise<void> {
  const parts = fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom<Then>('rest', 'rest', 'go on', 'close', 'kill')), {
    minLength: 5,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.boolean(), parts, async (seed, isLate, life) => {
      const log = new RecordingLog();
      const bench = new SqliteBench({ log, metrics, limits: SMALL, ...(isLate && { committer: (inline) => new LateCommitter(inline) }) });
      try {
        await live(bench, { seed, unitsBefore: (number) => (isDamaged ? (seed + number) % 12 : Number.POSITIVE_INFINITY) }, life);
      } finally {
        damage.none();
        await bench.end();
      }
      expect(log.lines.filter(({ event }) => event !== 'store was damaged: moved to a fresh file while running')).toEqual([]);
    }),
    { numRuns: 40 },
  );
}

interface Chance {
  readonly seed: number;
  /** How many units are committed before the file is damaged, from step `number` on. */
  unitsBefore(number: number): number;
}

async function live(bench: SqliteBench, { seed, unitsBefore }: Chance, life: readonly (readonly [operations: number, then: Then])[]): Promise<void> {
  const model = new MemoryStore({ clock: new FakeClock() });
  let clock = new FakeClock();
  let store = bench.open({ clock });
  let number = 0;
  for (const [operations, then] of life) {
    damage.after(unitsBefore(number));
    for (const end = number + operations; number < end; number += 1) {
      for (const each of [model, store]) step(each, seed, number);
      if (number % 3 === 0) await committed(store, clock);
    }
    await committed(store, clock);
    if (then === 'rest') await rest(clock);
    expect(contentsOf(store, GATEWAYS)).toEqual(contentsOf(model, GATEWAYS));
    if (then === 'rest' || then === 'go on') continue;
    damage.none();
    clock = new FakeClock();
    store = await REOPENED[then](bench, store, clock);
    expect(contentsOf(store, GATEWAYS)).toEqual(contentsOf(model, GATEWAYS));
  }
}

/** Time goes on meanwhile: a group may wait for those who were told of the last one. */
async function committed(store: SessionStore, clock: FakeClock): Promise<void> {
  await Promise.all([durable(store), clock.advanceMs(20)]);
}

const REOPENED: Record<'close' | 'kill', (bench: SqliteBench, store: SessionStore, clock: FakeClock) => Promise<SessionStore>> = {
  close: async (bench, store, clock) => {
    await bench.close(store);
    return bench.open({ clock });
  },
  kill: async (bench, _store, clock) => bench.crashed({ clock }),
};

async function rest(clock: FakeClock): Promise<void> {
  for (let tenth = 0; tenth < 40; tenth += 1) await clock.advanceMs(100);
}

/** One operation of the usual life; now and then a message for the session that is away, or one of its oldest that expired. */
function step(store: SessionStore, seed: number, number: number): void {
  const draws = new Draws(seed + 1, number);
  const away = store.sessions.get(`mqtt\0${AWAY}`) ?? store.createSession(realm('mqtt'), AWAY, FACTS);
  const ticket = draws.below(10);
  if (ticket === 0) publishTo(store, away, draws);
  else if (ticket === 1 && away.queue.count > 10) store.settle(away, away.queue.next(0) ?? 0, 'expired');
  else operate(store, seed, number);
}

function publishTo(store: SessionStore, away: StoredSession, draws: Draws): void {
  const others = [...store.sessions.values()].filter(() => draws.below(3) === 0);
  for (const each of new Set([away, ...others])) {
    store.refer(each, { qos: 1, isRetain: false, identifiers: [] }, draws.below(3) === 0 ? (draws.pick(PRIORITIES) ?? ORDINARY) : ORDINARY);
  }
  store.append(messageOf('plant/alarm', new Uint8Array(1 + draws.below(900)), { expiresAtMs: 1_000 + draws.below(1_000) }));
}
