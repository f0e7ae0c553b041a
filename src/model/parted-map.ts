/** A Map this large is cut into parts: to grow takes it 0.1 ms. */
const WHOLE_MAX = 2_048;
const PARTS_SHIFT = 26;
const PARTS = 1 << (32 - PARTS_SHIFT);
/** Spreads what differs in few bits: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e3779b1;

/**
 * A map by name that grows without holding everybody up: a Map of JavaScript moves all it has when it is full, 65,536 entries in 5 ms, and those that belong
 * together are full at the same moment (docs/decisions/0035). In no order. Walking through it shows what was there when the walk began, changes of it
 * perhaps.
 */
export class PartedMap<Key extends string, Value> implements ReadonlyMap<Key, Value> {
  /** One, or `PARTS`. */
  #parts: readonly Map<Key, Value>[] = [new Map()];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    return this.#partOf(key).get(key);
  }

  has(key: Key): boolean {
    return this.#partOf(key).has(key);
  }

  set(key: Key, value: Value): void {
    const part = this.#partOf(key);
    const before = part.size;
    part.set(key, value);
    this.#size += part.size - before;
    if (this.#size > WHOLE_MAX && this.#parts.length === 1) this.#cut(part);
  }

  delete(key: Key): boolean {
    const isGone = this.#partOf(key).delete(key);
    if (isGone) this.#size -= 1;
    return isGone;
  }

  *keys(): MapIterator<Key> {
    for (const part of this.#parts) yield* part.keys();
  }

  *values(): MapIterator<Value> {
    for (const part of this.#parts) yield* part.values();
  }

  *entries(): MapIterator<[Key, Value]> {
    for (const part of this.#parts) yield* part.entries();
  }

  [Symbol.iterator](): MapIterator<[Key, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, key: Key, map: ReadonlyMap<Key, Value>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  /** The whole stays as it is, for those who walk through it. */
  #cut(whole: ReadonlyMap<Key, Value>): void {
    this.#parts = Array.from({ length: PARTS }, () => new Map());
    for (const [key, value] of whole) this.#partOf(key).set(key, value);
  }

  #partOf(key: Key): Map<Key, Value> {
    const index = this.#parts.length === 1 ? 0 : partIndex(key);
    return this.#parts[index] as Map<Key, Value>;
  }
}

/** By a few characters of the name: of topics that are alike mostly the end differs, or the middle. */
function partIndex(key: string): number {
  const { length } = key;
  let hash = length;
  for (let back = 1; back <= 4; back += 1) hash = Math.imul(hash ^ (key.charCodeAt(length - back) | 0), SPREAD);
  hash = Math.imul(hash ^ (key.charCodeAt(length >>> 1) | 0), SPREAD);
  hash = Math.imul(hash ^ (key.charCodeAt((length >>> 2) * 3) | 0), SPREAD);
  return hash >>> PARTS_SHIFT;
}
