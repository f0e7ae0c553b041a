// Messages whose commit is put off and that another one takes the place of meanwhile: a dead letter, the newer one of a topic.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';

const WINDOW_MS = 10;

let bench: SqliteBench;
let clock: FakeClock;
let committer: HeldCommitter;
let store: SessionStore;
let panel: StoredSession;
let logger: StoredSession;
let told: number[];

const waiter = { durable: (token: number): void => void told.push(token) };

/** A message whose publisher waits for it under its sequence. */
function publish({ to = [panel], withinMs = WINDOW_MS }: { readonly to?: readonly StoredSession[]; readonly withinMs?: number } = {}): number {
  for (const session of to) store.refer(session, QOS_1);
  const sequence = store.append(messageOf('plant/temp', 'x'), withinMs);
  store.whenSafe(sequence, waiter, sequence);
  return sequence;
}

beforeEach(async () => {
  bench = new SqliteBench();
  clock = new FakeClock();
  store = bench.open({
    clock,
    committer: (inline) => {
      committer = new HeldCommitter(inline);
      return committer;
    },
  });
  panel = store.createSession(realm('mqtt'), clientId('panel'), FACTS);
  logger = store.createSession(realm('mqtt'), clientId('logger'), FACTS);
  await durable(store);
  committer.units.length = 0;
  told = [];
});

afterEach(() => bench.end());

describe('a message of the open group that another one stands for', () => {
  test.each(['moved', 'superseded'] as const)('%s: its publisher is told when that one is safe', async (cause) => {
    const first = publish();
    const second = publish({ withinMs: 50 });
    store.settle(panel, first, cause);
    await settled();
    expect([told, committer.units.length]).toEqual([[], 0]);
    committer.isHeld = true;
    await clock.advanceMs(WINDOW_MS); // as long as its own commit was to be put off
    expect([told, committer.units.length]).toEqual([[], 1]);
    committer.isHeld = false;
    committer.release();
    await settled();
    expect(told).toEqual([second, first]);
  });

  test('for one of its queues, though another was the last to settle it', async () => {
    const first = publish({ to: [panel, logger] });
    publish({ to: [logger], withinMs: 50 });
    store.settle(logger, first, 'moved');
    store.settle(panel, first, 'delivered');
    await settled();
    expect(told).toEqual([]);
    await clock.advanceMs(WINDOW_MS);
    expect(told).toContain(first);
  });

  test('is answered all the same when that one needs no commit any more', async () => {
    const first = publish();
    const second = publish({ withinMs: 50 });
    store.settle(panel, first, 'superseded');
    store.settle(panel, second, 'delivered');
    await clock.advanceMs(WINDOW_MS);
    expect([told, committer.units.length]).toEqual([[second, first], 0]);
  });

  test('however often that happens, something is committed in time', async () => {
    let last = publish({ withinMs: 1_000 });
    for (let step = 0; step < 30; step += 1) {
      await clock.advanceMs(100);
      const next = publish({ withinMs: 1_000 });
      store.settle(panel, last, 'superseded');
      last = next;
    }
    expect(committer.units.length).toBeGreaterThan(1);
  });
});
