/** Numbers that look random and repeat with their seed. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform over the whole numbers from `from` to `to`, both included. */
  between(from: number, to: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of them; the list must not be empty. */
  pick<Item>(items: readonly Item[]): Item;
  /** Numbers of its own, so that what one part of a run draws does not shift what another gets. */
  fork(name: string): Random;
}

/** @param seed - any whole number. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    fork: (name) => seeded(Math.imul(seed ^ hashOf(name), 0x9e3779b1)),
  };
}

/** FNV-1a. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const octet of Buffer.from(name)) hash = Math.imul(hash ^ octet, 0x01000193);
  return hash;
}
