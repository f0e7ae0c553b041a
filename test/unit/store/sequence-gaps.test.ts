// Sequences of messages that are never written lie in no group: however many they are, a group is as large as what is in it.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import type { SessionStore, StoredSession } from '../../../src/session/session-store.ts';
import { HeldCommitter } from '../../support/held-committer.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';

const NEVER_MS = Number.POSITIVE_INFINITY;

let bench: SqliteBench;
let committer: HeldCommitter;
let store: SessionStore;
let panel: StoredSession;

beforeEach(async () => {
  bench = new SqliteBench();
  store = bench.open({
    committer: (inline) => {
      committer = new HeldCommitter(inline);
      return committer;
    },
  });
  panel = store.createSession(realm('mqtt'), clientId('panel'), FACTS);
  await durable(store);
});

afterEach(() => bench.end());

function publish(withinMs = 0): number {
  store.refer(panel, QOS_1);
  return store.append(messageOf('plant/temp', 'x'), withinMs);
}

test.each([
  ['of which nothing is written', (): unknown => undefined],
  ['with records', (): unknown => store.createSession(realm('mqtt'), clientId('other'), FACTS)],
  ['with a message that will not be written', (): unknown => store.settle(panel, publish(1_000), 'delivered')],
])('in an open group %s', async (_what, begin) => {
  begin();
  for (let number = 0; number < 10_000; number += 1) store.settle(panel, publish(NEVER_MS), 'delivered');
  const waits = publish(NEVER_MS);
  const first = publish();
  publish();
  expect(store.read(panel, first)?.message.topic.name).toBe('plant/temp');
  await durable(store);
  const segment = committer.units.at(-1)?.segment;
  expect([segment?.firstSequence, segment?.nextSequence]).toEqual([first, first + 2]);
  store.settle(panel, waits, 'delivered');
  expect(contentsOf(bench.crashed())).toEqual(contentsOf(store));
});
