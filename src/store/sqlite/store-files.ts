// The files of a store beside the database itself: what damage leaves for people to look at, and the database that takes the place of a damaged one.
// Whatever is interrupted here is finished, or begun again, by the next start.
import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Damaged files kept for people who want to look at them; an older one goes when another is set aside. */
const DAMAGED_FILES_MAX = 3;
/** All of them together; the last one stays whatever its size. */
const DAMAGED_BYTES_MAX = 256 * 1024 * 1024;
const COMPANIONS = ['', '-wal', '-shm'];
const KEPT_WAL = '.wal-kept';
const WHOLE = '.whole';

/** Behind the name of the database: what the next start would take for a part of it, or for the database itself. */
export const UNFINISHED = [KEPT_WAL, WHOLE] as const;

export interface SetAside {
  readonly name: string;
  readonly bytes: number;
}

export class StoreFiles {
  readonly database: string;
  readonly wal: string;
  readonly walIndex: string;
  /** The log as it was found, while it is not certain that everything in it is elsewhere too. */
  readonly keptWal: string;
  /** A database in the making. */
  readonly fresh: string;
  readonly #whole: string;
  readonly #directory: string;

  constructor(database: string) {
    this.database = database;
    this.wal = `${database}-wal`;
    this.walIndex = `${database}-shm`;
    this.keptWal = database + KEPT_WAL;
    this.fresh = `${database}.new`;
    this.#whole = database + WHOLE;
    this.#directory = dirname(database);
  }

  keepWal(): void {
    copyFileSync(this.wal, `${this.keptWal}.part`);
    sync(`${this.keptWal}.part`);
    renameSync(`${this.keptWal}.part`, this.keptWal);
    sync(this.#directory);
  }

  /** @param isWorthALook - it is set aside with a number of its own; else nothing of it is needed any more. */
  forgetWal(isWorthALook: boolean): SetAside | undefined {
    if (!existsSync(this.keptWal)) return undefined;
    if (!isWorthALook) {
      rmSync(this.keptWal);
      return undefined;
    }
    const name = this.#nextName();
    const { size } = statSync(this.keptWal);
    renameSync(this.keptWal, join(this.#directory, `${name}-wal`));
    this.#forgetOld();
    return { name, bytes: size };
  }

  /** Begins a database that may replace the one there is. @returns its path. */
  begin(): string {
    this.abandon();
    return this.fresh;
  }

  /** Gives back the room of a database that was begun and is not complete. */
  abandon(): void {
    for (const companion of COMPANIONS) rmSync(this.fresh + companion, { force: true, recursive: true });
  }

  /** The fresh database is complete and closed. From here on it is the store, whatever happens. */
  complete(): void {
    sync(this.fresh);
    renameSync(this.fresh, this.#whole);
    sync(this.#directory);
  }

  /** Puts a complete fresh database in the place of the old one. @returns what was set aside for it; undefined: nothing was complete. */
  replace(): SetAside | undefined {
    if (!existsSync(this.#whole)) return undefined;
    const aside = this.setAside();
    renameSync(this.#whole, this.database);
    sync(this.#directory);
    return aside;
  }

  /** Moves the database out of the way, with its log. */
  setAside(): SetAside {
    const name = this.#nextName();
    let bytes = 0;
    for (const companion of COMPANIONS) bytes += moved(this.database + companion, join(this.#directory, name + companion));
    bytes += moved(this.keptWal, join(this.#directory, `${name}-wal`));
    this.#forgetOld();
    return { name, bytes };
  }

  #nextName(): string {
    return `${this.#prefix}${(this.#numbers().at(-1) ?? 0) + 1}`;
  }

  #forgetOld(): void {
    const numbers = this.#numbers();
    let bytes = 0;
    for (const [age, number] of numbers.reverse().entries()) {
      const paths = COMPANIONS.map((companion) => join(this.#directory, `${this.#prefix}${number}${companion}`));
      bytes += paths.reduce((sum, path) => sum + sizeOf(path), 0);
      if (age === 0 || (age < DAMAGED_FILES_MAX && bytes <= DAMAGED_BYTES_MAX)) continue;
      for (const path of paths) rmSync(path, { force: true, recursive: true });
    }
  }

  get #prefix(): string {
    return `${basename(this.database)}.damaged-`;
  }

  #numbers(): number[] {
    const numbers = readdirSync(this.#directory)
      .map((name) => (name.startsWith(this.#prefix) ? Number.parseInt(name.slice(this.#prefix.length), 10) : Number.NaN))
      .filter((number) => !Number.isNaN(number));
    return [...new Set(numbers)].sort((a, b) => a - b);
  }
}

/** @returns the bytes that were moved. What was there before goes: of two logs the later one is the one that was kept. */
function moved(from: string, to: string): number {
  if (!existsSync(from)) return 0;
  rmSync(to, { force: true, recursive: true });
  const size = sizeOf(from);
  renameSync(from, to);
  return size;
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
