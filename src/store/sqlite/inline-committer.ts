import Sqlite, { type Database, type Statement } from 'better-sqlite3';
import type { CommitFailure, Committer, CommitUnit } from './committer.ts';
import { STATEMENTS, type StatementName, type TableWrite } from './schema.ts';

/** Commits in the calling thread, in the calling turn: right while a sync takes less than the turns it would hold up. */
export class InlineCommitter implements Committer {
  readonly #database: Database;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #statements = new Map<StatementName, Statement>();

  constructor(database: Database) {
    this.#database = database;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
  }

  commit(unit: CommitUnit, done: (failure: CommitFailure | undefined) => void): void {
    done(this.#try(unit));
  }

  async close(): Promise<void> {
    this.#statements.clear();
  }

  #try(unit: CommitUnit): CommitFailure | undefined {
    try {
      this.#begin.run();
      if (unit.segment !== undefined) {
        const { number, firstSequence, nextSequence, bytes } = unit.segment;
        this.#statement('putSegment').run(number, firstSequence, nextSequence, bytes);
      }
      for (const write of unit.writes) this.#write(write);
      if (unit.vacuumPages > 0) this.#database.pragma(`incremental_vacuum(${unit.vacuumPages})`);
      this.#commit.run();
      return undefined;
    } catch (error) {
      if (!(error instanceof Sqlite.SqliteError)) throw error;
      this.#undo();
      return { code: error.code, message: error.message };
    }
  }

  /** SQLite has rolled back already when the disk was full or broken. */
  #undo(): void {
    if (this.#database.inTransaction) this.#rollback.run();
  }

  #write({ statement, values }: TableWrite): void {
    this.#statement(statement).run(...values);
  }

  #statement(name: StatementName): Statement {
    let statement = this.#statements.get(name);
    if (statement === undefined) {
      statement = this.#database.prepare(STATEMENTS[name]);
      this.#statements.set(name, statement);
    }
    return statement;
  }
}
