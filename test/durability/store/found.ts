import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { SystemClock } from '../../../src/observe/system-clock.ts';
import type { Sequence } from '../../../src/session/session-store.ts';
import { openSqliteStore } from '../../../src/store/sqlite/open.ts';
import type { StoreLimits } from '../../../src/store/sqlite/store-limits.ts';
import { contentsOf } from '../../support/store-samples.ts';
import { GATEWAYS } from '../../support/store-workload.ts';
import { stderrLog } from './stderr-log.ts';

const DATABASE_FILES = ['postern.db', 'postern.db-wal'];

/** What a boot finds. */
export interface Found {
  readonly contents: unknown;
  readonly boot: number;
  /** Tells operations apart that leave the same behind: to clear what was not retained takes a sequence number and nothing else. */
  readonly lastSequence: Sequence;
  readonly complaints: readonly string[];
}

/** What the next boot would find, without being it. */
export async function openCopy(directory: string, copy: string, limits: Partial<StoreLimits> = {}): Promise<Found> {
  for (const file of DATABASE_FILES) if (existsSync(join(directory, file))) cpSync(join(directory, file), join(copy, file));
  const store = openSqliteStore({
    directory: copy,
    clock: new SystemClock(),
    log: stderrLog,
    metrics: new MetricsTable(),
    synchronous: 'off',
    limits,
    diskLimits: { ballastBytes: 0 },
  });
  const { damagedGroups, quarantined } = store.status();
  const complaints = [...damagedGroups.map((group) => `group ${group} is damaged`), ...quarantined.map((name) => `${name} was set aside`)];
  if (store.boot.wasClean) complaints.push('a kill was taken for a clean end');
  const found = { contents: contentsOf(store, GATEWAYS), boot: store.boot.boot, lastSequence: store.boot.lastSequence, complaints };
  await store.close();
  rmSync(copy, { recursive: true });
  return found;
}
