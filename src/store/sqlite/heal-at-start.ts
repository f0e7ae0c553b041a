// Opening whatever lies there. The log of SQLite is read first, because SQLite says nothing of what it cannot reach in it; then SQLite opens the file;
// where it cannot, everything that proves itself moves into a fresh file. In the end there is a store, and what it lost is known by number.
import { existsSync, statSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { Cell } from './cell.ts';
import { isDamage, openDatabase, type Synchronous } from './database.ts';
import { LostGroups } from './lost-groups.ts';
import { readMeta } from './meta.ts';
import { PageView } from './page-view.ts';
import { type Recovered, recover } from './recovery.ts';
import { type Salvaged, salvage } from './salvage.ts';
import { STATEMENTS } from './schema.ts';
import { type SetAside, StoreFiles } from './store-files.ts';
import { readWal, type WalReading } from './wal-file.ts';
import { groupsInLog, type LoggedGroups } from './wal-groups.ts';

export interface Opened {
  readonly database: Database;
  readonly recovered: Recovered;
  /** Names of what was set aside. */
  readonly quarantined: readonly string[];
  /** Numbers of groups the log may have ended with: being written when the power went, or damaged. */
  readonly cutOff: readonly number[];
}

export interface StartParts {
  readonly path: string;
  readonly synchronous: Synchronous;
  readonly log: Log;
}

/** What was lost may have had sequences nobody knows of: none of them is given a second time. */
const SEQUENCES_SKIPPED = 1_000_000;
const LOST_ADVICE = 'the file is kept; check the disk';

/** @throws SqliteError, GatewayError STORE_UNAVAILABLE, an error of the system - when the directory cannot be used, whatever lies in it. */
export function openHealing(parts: StartParts): Opened {
  return new Start(parts).open();
}

interface LogEnd {
  /** The number of the next group. */
  readonly next: number;
  /** Groups that are named behind the place where the log breaks, and not whole. */
  readonly lost: readonly number[];
  /** Groups were found there. */
  readonly isAdded: boolean;
}

class Start {
  readonly #parts: StartParts;
  readonly #files: StoreFiles;
  readonly #quarantined: string[] = [];
  readonly #lost = new LostGroups();
  #wal: WalReading | undefined;
  #beyond: LoggedGroups = { whole: new Map(), lost: [] };
  #cutOff: readonly number[] = [];

  constructor(parts: StartParts) {
    this.#parts = parts;
    this.#files = new StoreFiles(parts.path);
  }

  open(): Opened {
    this.#note(this.#files.replace());
    this.#readWal();
    try {
      const opened = this.#openAsItIs();
      this.#note(this.#files.forgetWal(this.#wal?.isDamageProven === true));
      return opened;
    } catch (error) {
      if (!this.#isDamage(error)) throw error;
      return this.#openSalvaged(error.message);
    }
  }

  #isDamage(error: unknown): error is Error {
    if (isDamage(error)) return true;
    const isNoFile = [this.#files.database, this.#files.wal].some((path) => existsSync(path) && !statSync(path).isFile());
    return isNoFile && error instanceof Sqlite.SqliteError;
  }

  /** Before SQLite does: its first commit, and its last `close`, write over what it could not reach. */
  #readWal(): void {
    const { keptWal, wal, walIndex, database } = this.#files;
    const reading = readWal(existsSync(keptWal) ? keptWal : wal, walIndex);
    this.#wal = reading;
    if (existsSync(this.#parts.path) && this.#hasNoDatabase())
      this.#parts.log.warn('database is an empty file', { advice: 'a start was interrupted, or its content is gone' });
    if (!reading.hasUnreachable && !this.#hasNoDatabase()) return;
    if (reading.frames.length === 0) return;
    if (!existsSync(keptWal)) this.#files.keepWal();
    this.#beyond = groupsInLog(database, reading, reading.takenBySqlite);
  }

  /** SQLite deletes a log beside a database without pages. A file of one byte is empty to it: once it wrote that byte itself, for a file system that needed it. */
  #hasNoDatabase(): boolean {
    return !existsSync(this.#parts.path) || statSync(this.#parts.path).size <= 1;
  }

  #openAsItIs(): Opened {
    const { path, synchronous } = this.#parts;
    if (this.#hasNoDatabase() && this.#wal !== undefined && this.#wal.frames.length > 0)
      throw new GatewayError('STORE_CORRUPT', `${path} is missing beside its log`);
    const database = openDatabase(path, synchronous);
    try {
      this.#addBeyond(database);
      return this.#recovered(database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  #recovered(database: Database): Opened {
    const recovered = recover(database, this.#parts.log, this.#lost);
    const skipped = recovered.lost.count > 0 ? SEQUENCES_SKIPPED : 0;
    return { database, recovered: { ...recovered, nextSequence: recovered.nextSequence + skipped }, quarantined: this.#quarantined, cutOff: this.#cutOff };
  }

  /**
   * Groups behind the place where the log breaks, into the log that ends there. Replay takes them as if it had never been broken.
   *
   * @throws GatewayError STORE_CORRUPT - when one of them is missing: the tables behind that place may hold what it said.
   */
  #addBeyond(database: Database): void {
    const wal = this.#wal;
    if (wal === undefined || !(wal.hasUnreachable || wal.isEndUnclear || wal.framesMissing > 0)) return;
    const { replayFrom, nextGroup } = readMeta(database);
    const known = new Set(database.prepare('SELECT number FROM segment WHERE number >= ?').pluck().all(replayFrom) as Cell[]);
    let next = Math.max(nextGroup, replayFrom);
    for (const number of known) next = Math.max(next, Number(number) + 1);
    const added = [...this.#beyond.whole.keys()].filter((number) => number >= replayFrom && !known.has(number)).sort((a, b) => a - b);
    const missing = missingIn(added, next);
    const lost = this.#beyond.lost.filter((number) => number >= next);
    if (missing !== undefined || (wal.isDamageProven && lost.length > 0)) {
      throw new GatewayError('STORE_CORRUPT', `the log is damaged and group ${missing ?? lost[0]} is not whole behind that place`);
    }
    this.#insert(database, added);
    this.#tellEnd(wal, { next: Math.max(next, (added.at(-1) ?? 0) + 1), lost, isAdded: added.length > 0 });
  }

  #insert(database: Database, numbers: readonly number[]): void {
    if (numbers.length === 0) return;
    const put = database.prepare(STATEMENTS.putSegment);
    database.transaction(() => {
      for (const number of numbers) {
        const group = this.#beyond.whole.get(number);
        if (group !== undefined) put.run(number, group.header.firstSequence, group.header.nextSequence, group.bytes);
      }
    })();
    const found = { groups: numbers.length, first: numbers[0], last: numbers.at(-1) };
    if (this.#wal?.isBroken === true)
      this.#parts.log.warn('log was broken: groups behind that place recovered', { ...found, advice: 'nothing is lost by that; check the disk' });
    else this.#parts.log.info('log ended with a commit that was not finished: its group is whole and was taken', found);
  }

  #tellEnd({ framesMissing, isEndUnclear, isBroken }: WalReading, { next, lost, isAdded }: LogEnd): void {
    if (framesMissing > (isAdded ? 1 : 0)) {
      this.#lost.add(next);
      this.#parts.log.error('end of the log is missing', { from: next, advice: 'what was acknowledged in this group and later ones is gone; check the disk' });
    } else if (isEndUnclear || (isBroken && (lost.length > 0 || !isAdded))) {
      this.#cutOff = lost.length > 0 ? lost : [next];
      this.#parts.log.warn('last commit of the log is not whole', {
        group: this.#cutOff.join(' '),
        advice: 'written when the power went, and not acknowledged; else check the disk',
      });
    }
  }

  #openSalvaged(reason: string): Opened {
    const { log } = this.#parts;
    let salvaged: Salvaged | undefined;
    try {
      salvaged = this.#salvage();
    } catch (error) {
      if (error instanceof Sqlite.SqliteError || (error instanceof Error && 'syscall' in error)) throw error; // the disk is full, or cannot be written: as it was, it may be salvaged later
      log.error('salvage failed', { reason: error instanceof Error ? error.message : String(error) });
    }
    const aside = (salvaged === undefined ? undefined : this.#files.replace()) ?? this.#files.setAside();
    this.#note(aside);
    const isNothing = salvaged === undefined || salvaged.groups + salvaged.rows === 0;
    const event = isNothing ? 'store is damaged: set aside, starting empty' : 'store is damaged: set aside, the rest moved to a fresh file';
    const { groups = 0, rows = 0, unreadable = 0 } = salvaged ?? {};
    log.error(event, { file: aside.name, bytes: aside.bytes, reason, groups, rows, unreadable, advice: LOST_ADVICE });
    if (salvaged !== undefined) this.#lost.addAll(salvaged.lost);
    return this.#openFresh();
  }

  #openFresh(): Opened {
    const { log, path, synchronous } = this.#parts;
    try {
      return this.#recovered(openDatabase(path, synchronous));
    } catch (error) {
      if (!this.#isDamage(error)) throw error;
      const aside = this.#files.setAside(); // a mistake of ours, or a disk that keeps nothing
      this.#note(aside);
      log.error('fresh store cannot be read: set aside, starting empty', { file: aside.name, reason: error.message, advice: LOST_ADVICE });
      return this.#recovered(openDatabase(path, synchronous));
    }
  }

  #salvage(): Salvaged {
    const { path } = this.#parts;
    const wal = this.#wal ?? { frames: [], allFrames: [], isBroken: false };
    const frames = wal.allFrames;
    const lastCommit = frames.findLastIndex(({ pagesAfterCommit }) => pagesAfterCommit > 0);
    const view = new PageView(path, frames.slice(0, lastCommit + 1));
    try {
      const fresh = openDatabase(this.#files.begin(), 'off');
      let salvaged: Salvaged;
      try {
        salvaged = salvage(fresh, view, { groups: groupsInLog(path, wal, 0).whole, areAllTaken: wal.isBroken });
      } finally {
        fresh.close();
      }
      this.#files.complete();
      return salvaged;
    } finally {
      view.close();
    }
  }

  #note(aside: SetAside | undefined): void {
    if (aside !== undefined) this.#quarantined.push(aside.name);
  }
}

/** The first number that is not there between `next` and the last of `added`. */
function missingIn(added: readonly number[], next: number): number | undefined {
  let expected = next;
  for (const number of added) {
    if (number < next) continue;
    if (number !== expected) return expected;
    expected += 1;
  }
  return undefined;
}
