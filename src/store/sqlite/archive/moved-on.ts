// What a restored store must not do: count on from where the backup was made, as if nothing had been since.
//
// Sequence numbers: those that were given after the backup are in logs and counts of others. The next one lies beyond any of them: a line that grows with
// the wall clock, faster than a gateway gives numbers, so that it needs no word from the store that is lost. Boots are passed over as well.
// QoS 2: an id that was open when the backup was made may have been completed since and may name another message now. Taking that for a copy would lose
// what is acknowledged; so ids of incoming messages are forgotten, and the copy that then comes twice is the lesser harm (docs/guides/backup.md).
import type { Clock, EpochMs } from '../../../model/clock.ts';
import { silentLog } from '../../../model/log.ts';
import { MetricsTable } from '../../../model/metrics.ts';
import type { Sequence } from '../../../session/session-store.ts';
import type { LastMoment } from '../gateway-time.ts';
import { openSqliteStore } from '../open.ts';

/** Numbers a gateway does not give per second, on average over its life. 2^53 of them last until 2292. */
const SEQUENCES_PER_SECOND = 2 ** 20;
const LINE_BEGINS_MS = Date.UTC(2020);
/** Where the wall clock is wrong: ten messages a second for 3,000 years. */
const SEQUENCES_SKIPPED = 2 ** 40;
const BOOTS_SKIPPED = 100_000;

/** How far a store has counted. */
export interface Counts {
  readonly boot: number;
  readonly nextSequence: Sequence;
}

/** @param known - of the backup, and of whatever else is known to have counted on from it. */
export function countsBeyond(known: readonly Counts[], wallMs: EpochMs): Counts {
  const sequence = Math.max(...known.map(({ nextSequence }) => nextSequence)) + SEQUENCES_SKIPPED;
  const line = Math.floor(((wallMs - LINE_BEGINS_MS) / 1_000) * SEQUENCES_PER_SECOND);
  return { boot: Math.max(...known.map(({ boot }) => boot)) + BOOTS_SKIPPED, nextSequence: Math.max(sequence, line) };
}

/**
 * Opens the store once and forgets the ids of incoming QoS 2 messages. Nothing is synced.
 *
 * @param moment - the last one the store knows: its time stands still meanwhile.
 * @returns how many ids there were.
 */
export async function forgetReceived(directory: string, moment: LastMoment | undefined): Promise<number> {
  const store = openSqliteStore({ directory, clock: standingStill(moment), log: silentLog, metrics: new MetricsTable(), synchronous: 'off' });
  let forgotten = 0;
  for (const session of store.sessions.values()) {
    for (const packetId of [...session.receiving.keys()]) {
      store.endReceiving(session, packetId, undefined);
      forgotten += 1;
    }
  }
  await store.close();
  return forgotten;
}

function standingStill(moment: LastMoment | undefined): Clock {
  const { wallMs = 0, isSynchronized = false } = moment ?? {};
  return { nowMs: () => wallMs, monotonicMs: () => 0, isSynchronized: () => isSynchronized, after: () => () => undefined, random: () => 0 };
}
