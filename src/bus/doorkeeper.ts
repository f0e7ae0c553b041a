// Which topics come back: asked when the route cache is full. A scan over more topics than the cache holds would otherwise push out each before it comes
// again, and no topic would ever be found; so the cache keeps what it has, and what is new is taken in when it is seen a second time.

/** Topics seen last that are remembered, by their hashes; a power of two. */
const REMEMBERED = 16_384;
/** Of so many topics that were not seen lately one is taken in all the same: topics may come back too seldom to be remembered. */
const STRANGERS_PER_ADMISSION = 128;

export class Doorkeeper {
  /** Made when first asked. A hash pushes another out of its place, and those that are equal are taken for one: it is an opinion, not a fact. */
  #seen: Int32Array | undefined;
  #strangers = 0;

  admits(hash: number): boolean {
    this.#seen ??= new Int32Array(REMEMBERED);
    const place = (hash ^ (hash >>> 15)) & (REMEMBERED - 1);
    if (this.#seen[place] === hash) return true;
    this.#seen[place] = hash;
    this.#strangers += 1;
    return this.#strangers % STRANGERS_PER_ADMISSION === 0;
  }
}
