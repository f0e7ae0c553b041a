// The store with a real thread that really dies.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../src/model/client.ts';
import type { SessionStore, StoredSession } from '../../src/session/session-store.ts';
import { IN_A_THREAD } from '../support/commit-thread.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { SqliteBench } from '../support/store-bench.ts';
import { contentsOf, durable, FACTS, messageOf, QOS_1 } from '../support/store-samples.ts';

const DYING = { entry: new URL('../support/dying-commit-worker.ts', import.meta.url), isAlways: true };
const MESSAGES = 6;

let bench: SqliteBench;
let log: RecordingLog;

beforeEach(() => {
  bench = new SqliteBench();
  log = new RecordingLog();
});

afterEach(() => bench.end());

/** Each message in a group of its own. */
async function filled(store: SessionStore): Promise<StoredSession> {
  const session = store.createSession(realm('mqtt'), clientId('valve-1'), FACTS);
  for (let number = 1; number <= MESSAGES; number += 1) {
    store.refer(session, QOS_1);
    store.append(messageOf('plant/temp', `message ${number}`));
    await durable(store);
  }
  return session;
}

describe('a committing thread', () => {
  test('that dies with a unit it has committed and not answered loses nothing and doubles nothing', async () => {
    const store = bench.open({ log, commitThread: DYING });
    await filled(store);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ event: 'committing thread ended', reason: 'a fault was planted here' }),
    ]);
    expect(store.status()).toMatchObject({ committer: 'inline', queuedMessages: MESSAGES });
    expect(contentsOf(bench.crashed())).toEqual(contentsOf(store));
  });

  test('whose file is not there leaves commits in the main thread', async () => {
    const store = bench.open({ log, commitThread: { entry: new URL('./nowhere.ts', import.meta.url), isAlways: true } });
    await filled(store);
    expect(log.lines).toContainEqual(expect.objectContaining({ event: 'committing thread ended', reason: expect.stringContaining('nowhere.ts') }));
    expect(contentsOf(bench.crashed())).toEqual(contentsOf(store));
  });

  test('commits what is under way when the store closes, and its log of SQLite is gone with it', async () => {
    const store = bench.open({ log, commitThread: IN_A_THREAD });
    const session = await filled(store);
    store.refer(session, QOS_1);
    store.append(messageOf('plant/temp', 'the last'));
    const contents = contentsOf(store);
    const next = await bench.reopened(store);
    expect([next.boot.wasClean, contentsOf(next)]).toEqual([true, contents]);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
