/** Who is on a roster. `rosterPlace` is the roster's to write. */
export interface Listed {
  rosterPlace: number;
}

/** A set of things that come and go, each on one roster at most, in no order. Why it is no Set: see `SlotMap`. */
export class Roster<Member extends Listed> implements Iterable<Member> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: Member): void {
    member.rosterPlace = this.#members.length;
    this.#members.push(member);
  }

  /** @param member - on this roster. */
  delete(member: Member): void {
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    this.#members[member.rosterPlace] = last;
    last.rosterPlace = member.rosterPlace;
  }

  [Symbol.iterator](): IterableIterator<Member> {
    return this.#members.values();
  }
}
