// Where messages are read from, nearest first: the groups just committed, those read back lately, the file.
import Sqlite, { type Database, type Statement } from 'better-sqlite3';
import { GatewayError } from '../../model/errors.ts';
import { TAIL_CACHE_BYTES } from '../../model/limits.ts';
import type { Log } from '../../model/log.ts';
import { bytesOf, type Cell } from './cell.ts';
import { isDamage } from './database.ts';
import { Group } from './group.ts';
import { GroupCache } from './group-cache.ts';
import type { LostGroups } from './lost-groups.ts';

/** Groups read back from disk: sessions that drain a backlog at different places share it. */
const READ_CACHE_BYTES = 2 * 1024 * 1024;
/** Cards answer on the second try what they refused on the first. */
const READ_ATTEMPTS = 3;

export class GroupReader {
  readonly #log: Log;
  #select: Statement;
  #freePages: Statement;
  #onDamage: () => void = () => undefined;
  readonly #tail = new GroupCache(TAIL_CACHE_BYTES);
  readonly #readBack = new GroupCache(READ_CACHE_BYTES);
  #damaged = new Set<number>();
  readonly #lost: LostGroups;
  /** Groups that are to replace others in the file with the unit that is on its way. */
  #replacing: Group[] = [];

  /** @param lost - told of groups that cannot be read. */
  constructor(database: Database, log: Log, lost: LostGroups) {
    this.#log = log;
    this.#lost = lost;
    this.#select = database.prepare('SELECT bytes FROM segment WHERE number = ?').pluck();
    this.#freePages = database.prepare('PRAGMA freelist_count').pluck();
  }

  /** From now on groups are read from `database`, which may have some that could not be read before. @param damaged - numbers of those it does not have. */
  use(database: Database, damaged: Iterable<number>): void {
    this.#damaged = new Set(damaged);
    this.#select = database.prepare('SELECT bytes FROM segment WHERE number = ?').pluck();
    this.#freePages = database.prepare('PRAGMA freelist_count').pluck();
  }

  /** @param tell - told when the file, not the group alone, turns out to be damaged. */
  onDamage(tell: () => void): void {
    this.#onDamage = tell;
  }

  /** From memory or the file, once and without a word; undefined when it is damaged. */
  peek(number: number): Group | undefined {
    try {
      const near = this.#replacement(number) ?? this.#tail.get(number) ?? this.#readBack.get(number);
      const group = near ?? Group.parse(bytesOf(this.#select.get(number) as Cell | undefined));
      return group.header.number === number ? group : undefined;
    } catch (error) {
      if (error instanceof Sqlite.SqliteError || error instanceof GatewayError) return undefined;
      throw error;
    }
  }

  /** Reads a group for the sake of it. @returns its bytes; one that is damaged is said to be, and damages the file it lies in. */
  check(number: number): number {
    const group = this.peek(number);
    if (group !== undefined) return group.bytes.length;
    if (!this.#damaged.has(number) && this.group(number) === undefined) this.#onDamage();
    return 0;
  }

  get freePages(): number {
    return this.#freePages.get() as number;
  }

  /** A group that was just closed; it need not be committed yet. */
  keep(group: Group): void {
    this.#tail.put(group.header.number, group);
  }

  /** Undefined when the group is damaged. */
  group(number: number): Group | undefined {
    const near = this.#near(number);
    if (near !== undefined || this.#damaged.has(number)) return near;
    const group = this.#loadOrCondemn(number);
    if (group !== undefined) this.#readBack.put(number, group);
    return group;
  }

  isDamaged(number: number): boolean {
    return this.#damaged.has(number);
  }

  /** As `group`, for one that will not be read again. */
  groupOnce(number: number): Group | undefined {
    return this.#near(number) ?? this.#loadOrCondemn(number);
  }

  /** The group of that number is gone, or another stands for it. */
  forget(number: number): void {
    this.#tail.delete(number);
    this.#readBack.delete(number);
  }

  /** `group` is the one of its number from now on, though it is not in the file before `replaced`. */
  replace(group: Group): void {
    this.#replacing.push(group);
  }

  /** The unit with the groups that replaced others is in the file. */
  replaced(): void {
    this.#replacing = [];
  }

  #near(number: number): Group | undefined {
    return this.#replacement(number) ?? this.#tail.get(number) ?? this.#readBack.use(number);
  }

  #replacement(number: number): Group | undefined {
    return this.#replacing.find(({ header }) => header.number === number);
  }

  #loadOrCondemn(number: number): Group | undefined {
    const group = this.#load(number);
    if (group === undefined) {
      this.#damaged.add(number);
      this.#lost.add(number);
    }
    return group;
  }

  #load(number: number): Group | undefined {
    let reason = 'it is not in the file';
    for (let attempt = 0; attempt < READ_ATTEMPTS; attempt += 1) {
      try {
        const bytes = this.#select.get(number);
        const group = bytes === undefined ? undefined : Group.parse(bytesOf(bytes as Cell));
        if (group?.header.number === number) return group;
        if (group !== undefined) reason = `it is group ${group.header.number}`;
      } catch (error) {
        reason = this.#reasonOf(error);
      }
    }
    this.#log.error('group of the log cannot be read', { group: number, reason, advice: 'its messages are gone; check the disk' });
    return undefined;
  }

  #reasonOf(error: unknown): string {
    if (!(error instanceof Sqlite.SqliteError) && !(error instanceof GatewayError)) throw error;
    if (isDamage(error) && error instanceof Sqlite.SqliteError) this.#onDamage();
    return error.message;
  }
}
