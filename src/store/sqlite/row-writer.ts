import type { Database, Statement } from 'better-sqlite3';
import type { StatementName, TableWrite } from './schema.ts';
import { rowStatements, sealed } from './sealed-row.ts';

interface Prepared {
  readonly statement: Statement;
  readonly table: string;
  readonly isSealed: boolean;
}

/** Writes rows of the tables with their checksums, and the copies of those that have one. */
export class RowWriter {
  readonly #database: Database;
  readonly #prepared = new Map<StatementName, readonly Prepared[]>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** First the rows, then their copies: what is added together does not lie together. */
  write(writes: readonly TableWrite[]): void {
    for (const write of writes) this.#run(write, 0);
    for (const write of writes) this.#run(write, 1);
  }

  #run({ statement, values }: TableWrite, place: 0 | 1): void {
    const prepared = this.#statements(statement)[place];
    if (prepared !== undefined) prepared.statement.run(...(prepared.isSealed ? sealed(prepared.table, values) : values));
  }

  #statements(name: StatementName): readonly Prepared[] {
    let prepared = this.#prepared.get(name);
    if (prepared === undefined) {
      prepared = rowStatements(name).map(({ sql, table, isSealed }) => ({ statement: this.#database.prepare(sql), table, isSealed }));
      this.#prepared.set(name, prepared);
    }
    return prepared;
  }
}
