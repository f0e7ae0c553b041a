// The yardstick of the durable scenarios: how often a second this disk lets SQLite commit one row.
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { runOn } from './children.ts';

/**
 * Commits per second of a bare loop in a process of its own, under the settings of the store: WAL, synchronous=FULL, page_size 1024.
 *
 * @param options.rowBytes - of the one row of each commit.
 * @param options.environment - added to the process's own, for a preloaded library.
 */
export async function commitsPerSecond(
  directory: string,
  seconds: number,
  { rowBytes, core, environment }: { rowBytes: number; core: number; environment: Readonly<Record<string, string>> },
): Promise<number> {
  const command = { program: process.execPath, args: [import.meta.filename, directory, `${seconds}`, `${rowBytes}`], environment };
  const { stdout, stderr } = await runOn(core, command);
  const commits = Number.parseFloat(stdout);
  if (!(commits > 0)) throw new Error(`the bare commit loop failed:\n${stderr}`);
  return commits;
}

function loop(directory: string, seconds: number, rowBytes: number): number {
  const database = new Database(join(directory, `commits-${process.pid}.db`));
  database.pragma('page_size = 1024');
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec('CREATE TABLE row (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)');
  const insert = database.prepare('INSERT INTO row (bytes) VALUES (?)');
  const bytes = Buffer.alloc(rowBytes, 'x');
  const started = performance.now();
  const end = started + seconds * 1000;
  let commits = 0;
  for (; performance.now() < end; commits += 1) insert.run(bytes);
  const elapsed = (performance.now() - started) / 1000;
  database.close();
  return commits / elapsed;
}

if (import.meta.main) {
  const [directory = '.', seconds = '1', rowBytes = '64'] = process.argv.slice(2);
  process.stdout.write(`${loop(directory, Number(seconds), Number(rowBytes))}\n`);
}
