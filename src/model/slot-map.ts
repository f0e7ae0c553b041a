/**
 * A map for values that come and go: sessions, connections. A Map or Set of JavaScript leaves a trail behind: each time it grows or shrinks, the old
 * table keeps a reference to the new one and to all that was in it. Once one such table is in the old generation, every table after it and every value
 * they ever held survive each scavenge until the next full collection (docs/decisions/0035). Here the tables hold numbers, and a slot that is
 * free holds nothing.
 */
export class SlotMap<Key extends string | number, Value> implements ReadonlyMap<Key, Value> {
  readonly #places = new Map<Key, number>();
  readonly #slots: (Value | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  get(key: Key): Value | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#slots[place];
  }

  has(key: Key): boolean {
    return this.#places.has(key);
  }

  set(key: Key, value: Value): void {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#free.pop() ?? this.#slots.length;
      this.#places.set(key, place);
    }
    this.#slots[place] = value;
  }

  delete(key: Key): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    this.#slots[place] = undefined;
    this.#free.push(place);
    return true;
  }

  keys(): MapIterator<Key> {
    return this.#places.keys();
  }

  /** In the order their keys came. */
  *values(): MapIterator<Value> {
    for (const place of this.#places.values()) yield this.#slots[place] as Value;
  }

  *entries(): MapIterator<[Key, Value]> {
    for (const [key, place] of this.#places) yield [key, this.#slots[place] as Value];
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, key: Key, map: ReadonlyMap<Key, Value>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }
}
