import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { CHECKPOINT_LOG_BYTES_MIN } from '../../../src/model/limits.ts';
import type { SessionStore } from '../../../src/session/session-store.ts';
import { settled } from '../../support/fake-clock.ts';
import { value } from '../../support/raw-database.ts';
import { SqliteBench } from '../../support/store-bench.ts';
import { durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';

let bench: SqliteBench;
let store: SessionStore;

beforeEach(() => {
  bench = new SqliteBench();
  store = bench.open();
});

afterEach(() => bench.end());

/** Writes so much log, in messages of about 64 KiB that go to so many sessions in turn. @returns whether a checkpoint followed. */
async function checkpointAfter(logBytes: number, sessions: number): Promise<boolean> {
  const panels = Array.from({ length: sessions }, (_, index) => store.createSession(realm('mqtt'), clientId(`panel-${index}`), FACTS));
  const text = 'x'.repeat(64 * 1024);
  for (let written = 0; written < logBytes; written += text.length) {
    for (const panel of panels) store.refer(panel, QOS_1);
    store.append(messageOf('t', text));
    await durable(store);
  }
  for (let turn = 0; turn < 20; turn += 1) await settled();
  return value(bench.directory, "SELECT count(*) FROM meta WHERE key = 'replay_from'") === 1;
}

describe('a checkpoint comes before its time when it writes little', () => {
  test.each([
    ['not with less log than is worth it', CHECKPOINT_LOG_BYTES_MIN - 128 * 1024, 1, false],
    ['with few rows', CHECKPOINT_LOG_BYTES_MIN, 1, true],
    ['not with rows that would cost as much as they save', CHECKPOINT_LOG_BYTES_MIN, 500, false],
  ])('%s', async (_meaning, logBytes, sessions, isMade) => {
    expect(await checkpointAfter(logBytes, sessions)).toBe(isMade);
  });
});
