import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';

/** The database of a store, looked at or changed behind its back. */
export function withDatabase<Result>(directory: string, use: (database: Database) => Result): Result {
  const database = new Sqlite(join(directory, 'postern.db'));
  try {
    return use(database);
  } finally {
    database.close();
  }
}

export function rows(directory: string, sql: string): unknown[] {
  return withDatabase(directory, (database) => database.prepare(sql).raw().all());
}

/** The first value of the first row. */
export function value(directory: string, sql: string): unknown {
  return withDatabase(directory, (database) => database.prepare(sql).pluck().get());
}
