import Sqlite from 'better-sqlite3';
import { GatewayError } from '../../../model/errors.ts';
import { isDamage } from '../database.ts';

/**
 * Turns what SQLite and the file system say into what a person can act on.
 *
 * @param doing - completes "cannot": `restore /mnt/a.backup`.
 */
export async function explained<Result>(doing: string, run: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof GatewayError || !(error instanceof Error)) throw error;
    if (isDamage(error)) throw new GatewayError('STORE_CORRUPT', `cannot ${doing}: it is no database or a damaged one (${error.message})`, { cause: error });
    const isRefusal = error instanceof Sqlite.SqliteError || 'syscall' in error;
    throw isRefusal ? new GatewayError('STORE_UNAVAILABLE', `cannot ${doing} (${error.message})`, { cause: error }) : error;
  }
}
