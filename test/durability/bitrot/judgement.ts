// What a store may have lost, laid beside what it lost.
import { isDeepStrictEqual } from 'node:util';
import type { StoreStatus } from '../../../src/session/session-store.ts';
import type { Damage } from './damages.ts';
import { type FileName, isHitEverywhere, type KnownGroup, mayBeLost } from './oracle.ts';
import type { Contents, SessionContents, Specimen } from './specimens.ts';

export interface DamageCase {
  readonly specimen: Specimen;
  readonly file: FileName;
  readonly damage: Damage;
}

export class Judgement {
  /** Groups whose bytes were hit wherever they lie. */
  readonly allowed: readonly KnownGroup[];
  readonly violations: string[] = [];
  readonly groupsLost = new Set<number>();
  messagesLost = 0;
  /** Entries that were settled and are there again. */
  messagesAgain = 0;
  readonly #case: DamageCase;
  readonly #status: StoreStatus;
  /** Of `allowed`, those whose records are not in the tables. */
  readonly #unreplayed: readonly KnownGroup[];

  constructor(damageCase: DamageCase, status: StoreStatus) {
    const { specimen, file, damage } = damageCase;
    this.#case = damageCase;
    this.#status = status;
    this.allowed = specimen.groups.filter((group) => mayBeLost(group, file, damage.hit));
    this.#unreplayed = this.allowed.filter(({ number }) => number >= specimen.replayFrom);
  }

  compare(found: Contents): void {
    const { contents } = this.#case.specimen;
    const sessions = new Map(found.sessions);
    for (const [key, before] of contents.sessions) {
      const after = sessions.get(key);
      if (after === undefined) this.#mayBeGone(`session ${key}`, this.#mayHaveBegun(key));
      else this.#compareSession(key, before, after);
    }
    const retained = new Map(found.retained);
    for (const [topic, message] of contents.retained) {
      if (retained.get(topic) !== message)
        this.#mayBeGone(
          `retained ${topic}`,
          this.#unreplayed.some(({ topics }) => topics.has(topic)),
        );
    }
    if (this.allowed.length === 0 && !this.#areTwoPlacesHit && !isDeepStrictEqual(found.state, contents.state))
      this.violations.push('state of gateways differs');
    if (this.#isLogCut && this.#isAnythingTold) this.violations.length = 0; // tables in the log went with it: the store is one of an earlier moment, and says so
  }

  #compareSession(key: string, before: SessionContents, after: SessionContents): void {
    const entries = new Map(after.queue.map(([sequence, ...rest]) => [sequence, rest]));
    const sequences = new Set(before.queue.map(([sequence]) => sequence));
    for (const sequence of entries.keys()) if (!sequences.has(sequence)) this.messagesAgain += 1;
    for (const [sequence, ...rest] of before.queue) {
      if (!isDeepStrictEqual(entries.get(sequence), rest)) this.#lose(key, sequence);
    }
    if (this.allowed.length > 0 || this.#areTwoPlacesHit) return;
    const { queue: _, bytes: __, ...partsBefore } = before;
    const { queue: ___, bytes: ____, ...partsAfter } = after;
    if (!isDeepStrictEqual(partsBefore, partsAfter))
      this.violations.push(`session ${key} was ${JSON.stringify(partsBefore)} and is ${JSON.stringify(partsAfter)}`);
  }

  #lose(key: string, sequence: number): void {
    this.messagesLost += 1;
    if (this.#mayHaveBegun(key)) return;
    const group = this.#case.specimen.groups.find(({ firstSequence, nextSequence }) => firstSequence <= sequence && sequence < nextSequence);
    if (group === undefined || !this.allowed.includes(group))
      this.violations.push(`message ${sequence} of ${key}, group ${group?.number}, is lost and was not hit`);
    else if (!this.#isTold(group.number)) this.violations.push(`group ${group.number} is lost and not told`);
    if (group !== undefined) this.groupsLost.add(group.number);
  }

  #mayBeGone(name: string, isInLostGroup: boolean): void {
    const { specimen, file, damage } = this.#case;
    const parts = (specimen.rows.get(name) ?? [[]]).filter((places, index) => index === 0 || places.length > 0); // a sample that two pages share is nowhere
    const isHit = parts.some((places) => isHitEverywhere(places, file, damage.hit));
    const hitPages = new Set(
      parts
        .flat()
        .filter((place) => isHitEverywhere([place], file, damage.hit))
        .map(({ start }) => start),
    );
    if (!isHit && hitPages.size < 2 && !isInLostGroup) this.violations.push(`${name} is gone and was not hit`);
  }

  #mayHaveBegun(key: string): boolean {
    return this.#unreplayed.some(({ sessions }) => sessions.has(key));
  }

  #isTold(number: number): boolean {
    return this.#status.cutOffGroups.includes(number) || this.#status.damagedGroupRanges.some((range) => holds(range, number));
  }

  /** Two sectors may be those of a table and of its copy. */
  get #areTwoPlacesHit(): boolean {
    return this.#case.damage.name === 'swapped sectors';
  }

  get #isLogCut(): boolean {
    return this.#case.file === 'log' && this.#case.damage.name.startsWith('cut');
  }

  get #isAnythingTold(): boolean {
    return this.#status.cutOffGroups.length + this.#status.damagedGroupRanges.length > 0;
  }
}

function holds(range: string, number: number): boolean {
  const [first = 0, last = first] = range.split('-').map(Number);
  return first <= number && number <= last;
}
