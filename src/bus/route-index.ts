// Finds routes by the bytes of their topics, so that no string is made for a topic that is known.
import type { Topic } from '../model/topic.ts';
import { isTopic, utf8Length } from '../model/topic-utf8.ts';

/** Longer topics are looked up by their text: hashing them here would cost more than it saves. */
const TOPIC_BYTES_MAX = 128;
/** Places a route may be in. */
const WAYS = 4;
const SLOTS_MIN = 4_096;

/**
 * Sets of four slots each. What finds its set full pushes another route out, which is then found by its text: a peer that makes topics collide gains
 * no more than that.
 */
export class RouteIndex<T extends Topic> {
  #routes: (T | undefined)[] = emptySlots(SLOTS_MIN);
  /** Of a name; written and read at once. */
  readonly #beginning = Buffer.allocUnsafeSlow(TOPIC_BYTES_MAX);
  /** Hashes of the routes, beside each other in memory: a set is compared without a look at its routes. */
  #hashes = new Int32Array(SLOTS_MIN);

  /** What `topicHash` gives for the bytes of the topic. */
  hashOf({ name, utf8 }: Topic): number {
    return utf8 === undefined ? topicHash(this.#beginning, 0, this.#beginning.write(name, 'latin1')) : topicHash(utf8, 0, utf8.length);
  }

  find(hash: number, bytes: Uint8Array, start: number, end: number): T | undefined {
    if (end - start > TOPIC_BYTES_MAX) return undefined;
    const first = this.#firstOf(hash);
    for (let slot = first; slot < first + WAYS; slot += 1) {
      if (this.#hashes[slot] !== hash) continue;
      const route = this.#routes[slot];
      // Equal bytes are well-formed bytes: those of a route were checked when it was made.
      if (route !== undefined && isTopic(route, bytes, start, end)) return route;
    }
    return undefined;
  }

  add(hash: number, route: T): void {
    if (utf8Length(route) > TOPIC_BYTES_MAX) return;
    const first = this.#firstOf(hash);
    let slot = first;
    while (slot < first + WAYS && this.#routes[slot] !== undefined) slot += 1;
    if (slot === first + WAYS) slot = first + ((hash >>> 16) & (WAYS - 1));
    this.#routes[slot] = route;
    this.#hashes[slot] = hash;
  }

  remove(hash: number, route: T): void {
    const first = this.#firstOf(hash);
    for (let slot = first; slot < first + WAYS; slot += 1) {
      if (this.#routes[slot] === route) this.#routes[slot] = undefined;
    }
  }

  /** Makes half of the slots or more stay empty. */
  growFor(routeCount: number): void {
    if (routeCount * 2 <= this.#routes.length) return;
    const routes = this.#routes;
    const hashes = this.#hashes;
    this.#routes = emptySlots(routes.length * 2);
    this.#hashes = new Int32Array(routes.length * 2);
    for (const [slot, route] of routes.entries()) {
      if (route !== undefined) this.add(hashes[slot] ?? 0, route);
    }
  }

  #firstOf(hash: number): number {
    return (hash ^ (hash >>> 15)) & (this.#routes.length - WAYS);
  }
}

/** FNV-1a in two lanes, for the processor works on both at once; of a long topic its beginning. */
export function topicHash(bytes: Uint8Array, start: number, end: number): number {
  const last = Math.min(end, start + TOPIC_BYTES_MAX);
  let even = 0x811c9dc5;
  let odd = 0x01000193;
  let at = start;
  for (; at + 1 < last; at += 2) {
    even = Math.imul(even ^ (bytes[at] ?? 0), 0x01000193);
    odd = Math.imul(odd ^ (bytes[at + 1] ?? 0), 0x01000193);
  }
  if (at < last) even = Math.imul(even ^ (bytes[at] ?? 0), 0x01000193);
  return even ^ (odd << 7) ^ (odd >>> 11);
}

function emptySlots<T>(count: number): (T | undefined)[] {
  return new Array(count).fill(undefined);
}
