// Looks at a database as a whole, as no start does: every page, every group, and what a boot would make of it.
import type { Database } from 'better-sqlite3';
import type { Examined } from '../../../model/backup.ts';
import { GatewayError } from '../../../model/errors.ts';
import type { Log } from '../../../model/log.ts';
import { bytesOf, type Cell } from '../cell.ts';
import type { LastMoment } from '../gateway-time.ts';
import { Group } from '../group.ts';
import { recover } from '../recovery.ts';

/** @throws GatewayError STORE_CORRUPT, SqliteError SQLITE_CORRUPT - the file itself is damaged. */
export function examine(database: Database): Examined & { readonly lastMoment: LastMoment | undefined } {
  const verdict = database.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') throw new GatewayError('STORE_CORRUPT', `the file is damaged: ${String(verdict)}`);
  const damaged = new Set<number>();
  let groups = 0;
  for (const [number, bytes] of database.prepare('SELECT number, bytes FROM segment ORDER BY number').raw().iterate() as Iterable<[number, Cell]>) {
    groups += 1;
    if (!isWhole(bytes)) damaged.add(number);
  }
  let damagedRows = 0;
  const counting = countingLog(() => {
    damagedRows += 1;
  });
  const { image, lost, lastMoment } = recover(database, counting);
  for (const number of lost.numbers) damaged.add(number);
  return {
    sessions: image.sessions.size,
    queuedMessages: image.queuedMessages,
    retainedMessages: image.retained.size,
    groups,
    damagedGroups: [...damaged].sort((a, b) => a - b),
    damagedRows: damagedRows - lost.ranges.length, // each of them has its line too
    lastMoment,
  };
}

function isWhole(bytes: Cell): boolean {
  try {
    Group.parse(bytesOf(bytes));
    return true;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return false;
  }
}

function countingLog(onError: () => void): Log {
  const nothing = (): void => undefined;
  const log: Log = { debug: nothing, info: nothing, warn: nothing, error: onError, with: () => log };
  return log;
}
