import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Maintenance } from '../control/maintenance.ts';
import { GatewayError } from '../model/errors.ts';
import { makeArchive } from '../store/sqlite/archive/make-archive.ts';
import { lookIntoArchive, restoreArchive } from '../store/sqlite/archive/restore-archive.ts';
import { DATABASE_FILE } from '../store/sqlite/database.ts';
import { StoreLock } from '../store/sqlite/lock.ts';
import { selftest } from './selftest.ts';

export const maintenance: Maintenance = {
  lookInto: lookIntoArchive,
  restore: restoreArchive,
  selftest,
  backUp: async ({ directory, ...order }) => {
    const source = join(directory, DATABASE_FILE);
    if (!existsSync(source)) throw new GatewayError('STORE_UNAVAILABLE', `there is no database in ${directory}: say with --data or --config where it is`);
    const lock = StoreLock.acquire(directory);
    try {
      return await makeArchive({ ...order, source, walBytesMax: Number.POSITIVE_INFINITY }, () => undefined); // nothing comes in meanwhile
    } finally {
      lock.release();
    }
  },
};
