// The last step of a restore: one state of the data directory takes the place of another. What is to come lies complete in a directory of its own; the
// rename that gives it its name decides. Before it nothing has happened, after it whoever opens the store next goes on where a kill or a power cut ended it.
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DATABASE_FILE } from '../database.ts';
import { UNFINISHED } from '../store-files.ts';
import { COMPANIONS, synced } from './durable-files.ts';

/** Being prepared: counts for nothing. */
export const PARTIAL = 'restore.partial';
const READY = 'restore.ready-';
const ASIDE = 'before-restore-';
const OWNER_ONLY = 0o700;

/**
 * From here on the restore holds.
 *
 * @param directory - with `restore.partial` in it, complete and synced.
 */
export function decideRestore(directory: string): void {
  const numbers = readdirSync(directory).flatMap((name) => (name.startsWith(ASIDE) ? [Number(name.slice(ASIDE.length))] : []));
  renameSync(join(directory, PARTIAL), join(directory, `${READY}${Math.max(0, ...numbers.filter(Number.isInteger)) + 1}`));
  synced(directory);
}

/** Puts a restore that was decided into its place. @returns the directory, by name, in which what was there before lies; undefined: there was nothing. */
export function completeRestore(directory: string): string | undefined {
  const ready = readdirSync(directory).find((name) => name.startsWith(READY));
  if (ready === undefined) return undefined;
  const aside = `${ASIDE}${ready.slice(READY.length)}`;
  const [fresh, former] = [join(directory, ready), join(directory, aside)];
  mkdirSync(former, { recursive: true, mode: OWNER_ONLY });
  for (const name of readdirSync(fresh)) {
    const companions = name === DATABASE_FILE ? [...COMPANIONS, ...UNFINISHED] : []; // a log of the former database must never meet the new one, nor take what would have become of it its place
    for (const old of [...companions.map((companion) => name + companion), name]) {
      if (existsSync(join(directory, old))) renameSync(join(directory, old), join(former, old));
    }
    for (const changed of [former, directory]) synced(changed);
    renameSync(join(fresh, name), join(directory, name));
    for (const changed of [directory, fresh]) synced(changed);
  }
  rmSync(fresh, { recursive: true });
  const isEmpty = readdirSync(former).length === 0;
  if (isEmpty) rmdirSync(former);
  synced(directory);
  return isEmpty ? undefined : aside;
}
