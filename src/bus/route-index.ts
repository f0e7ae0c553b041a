// Finds routes by the bytes of their topics, so that no string is made for a topic that is known.
import type { Topic } from '../model/topic.ts';
import { isTopic, utf8Length } from '../model/topic-utf8.ts';

/** Longer topics are looked up by their text: hashing them here would cost more than it saves. */
const TOPIC_BYTES_MAX = 128;
/** Places a route may be in. */
const WAYS = 4;
const SEGMENT_SHIFT = 12;
const SEGMENT_SLOTS = 1 << SEGMENT_SHIFT;

/** Slots in one piece. */
class Segment<T> {
  readonly routes: (T | undefined)[] = new Array(SEGMENT_SLOTS).fill(undefined);
  /** Hashes of the routes, beside each other in memory: a set is compared without a look at its routes. */
  readonly hashes = new Int32Array(SEGMENT_SLOTS);
}

/**
 * Sets of four slots each. What finds its set full pushes another route out, which is then found by its text: a peer that makes topics collide gains
 * no more than that. It grows set by set (linear hashing): to move 100,000 routes at once would hold everybody up for 10 ms.
 */
export class RouteIndex<T extends Topic> {
  readonly #segments: Segment<T>[] = [new Segment()];
  /** Slots when it was last doubled; a power of two. */
  #doubled = SEGMENT_SLOTS;
  /** Sets that begin below it have shared what they held with the set so many slots above. */
  #split = 0;
  /** Of a name; written and read at once. */
  readonly #beginning = Buffer.allocUnsafeSlow(TOPIC_BYTES_MAX);

  /** What `topicHash` gives for the bytes of the topic. */
  hashOf({ name, utf8 }: Topic): number {
    return utf8 === undefined ? topicHash(this.#beginning, 0, this.#beginning.write(name, 'latin1')) : topicHash(utf8, 0, utf8.length);
  }

  find(hash: number, bytes: Uint8Array, start: number, end: number): T | undefined {
    if (end - start > TOPIC_BYTES_MAX) return undefined;
    const place = this.#placeOf(hash);
    const { routes, hashes } = this.#segmentOf(place);
    const first = place & (SEGMENT_SLOTS - 1);
    for (let slot = first; slot < first + WAYS; slot += 1) {
      if (hashes[slot] !== hash) continue;
      const route = routes[slot];
      // Equal bytes are well-formed bytes: those of a route were checked when it was made.
      if (route !== undefined && isTopic(route, bytes, start, end)) return route;
    }
    return undefined;
  }

  add(hash: number, route: T): void {
    if (utf8Length(route) > TOPIC_BYTES_MAX) return;
    const place = this.#placeOf(hash);
    const { routes, hashes } = this.#segmentOf(place);
    const first = place & (SEGMENT_SLOTS - 1);
    let slot = first;
    while (slot < first + WAYS && routes[slot] !== undefined) slot += 1;
    if (slot === first + WAYS) slot = first + ((hash >>> 16) & (WAYS - 1));
    routes[slot] = route;
    hashes[slot] = hash;
  }

  remove(hash: number, route: T): void {
    const place = this.#placeOf(hash);
    const { routes } = this.#segmentOf(place);
    const first = place & (SEGMENT_SLOTS - 1);
    for (let slot = first; slot < first + WAYS; slot += 1) {
      if (routes[slot] === route) routes[slot] = undefined;
    }
  }

  /** Makes three quarters of the slots or more stay empty: sets that have not shared yet are fuller than others. To be called for each route that comes. */
  growFor(routeCount: number): void {
    while (routeCount * 4 > this.#doubled + this.#split) this.#splitSet();
  }

  /** Shares the next set with a new one, by one more bit of the hashes. */
  #splitSet(): void {
    const from = this.#split;
    if (((from + this.#doubled) & (SEGMENT_SLOTS - 1)) === 0) this.#segments.push(new Segment());
    this.#split += WAYS;
    const { routes, hashes } = this.#segmentOf(from);
    const first = from & (SEGMENT_SLOTS - 1);
    for (let slot = first; slot < first + WAYS; slot += 1) {
      const route = routes[slot];
      const hash = hashes[slot] ?? 0;
      if (route === undefined || this.#placeOf(hash) === from) continue;
      routes[slot] = undefined;
      this.add(hash, route);
    }
    if (this.#split < this.#doubled) return;
    this.#doubled *= 2;
    this.#split = 0;
  }

  /** The first slot of its set. */
  #placeOf(hash: number): number {
    const mixed = hash ^ (hash >>> 15);
    const place = mixed & (this.#doubled - WAYS);
    return place < this.#split ? mixed & (2 * this.#doubled - WAYS) : place;
  }

  #segmentOf(place: number): Segment<T> {
    return this.#segments[place >>> SEGMENT_SHIFT] as Segment<T>;
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
