// Topics in use, and what is known of each: interning and the cache of resolved routes are one table, so a publish looks its topic up once.
//
// The table forgets by generations: when the young half of its bytes is full, it becomes the old half and the previous old half is
// forgotten; a route that is used again moves to the young half. Topics that see traffic survive a flood of topics that do not.
import { isUtf8 } from 'node:buffer';
import { GatewayError } from '../model/errors.ts';
import { type Topic, type TopicName, type TopicTable, topicName } from '../model/topic.ts';
import type { Share } from './audience.ts';
import type { Match } from './match.ts';

/** Slots of the look-up by bytes, in pairs; a power of two. */
const SLOTS = 4_096;
/** Longer topics are looked up by their text: hashing them here would cost more than it saves. */
const SLOT_TOPIC_BYTES_MAX = 128;

const ROUTE_BYTES = 400; // route, map entry, headers of the string and of the byte array, as measured on Node 24
const MATCH_REFERENCE_BYTES = 8;
const MERGED_MATCH_BYTES = 120;

const NONE: readonly never[] = [];

/** A topic with the matches found for it last. Works on after the table forgot it: a connection may hold it. */
export class Route<S> implements Topic {
  readonly name: TopicName;
  readonly utf8: Uint8Array;
  readonly table: RouteTable<S>;
  /** `table.stamp` when the route was last known to be up to date and in use. */
  checkedAt = 0;
  /** `table.stamp` when the matches were found. */
  resolvedAt = 0;
  #matches: readonly Match<S>[] = NONE;
  #mergedCount = 0;
  shares: readonly Share<S>[] = NONE;
  /** What the table counts for it. */
  countedBytes = 0;

  constructor(table: RouteTable<S>, name: TopicName, utf8: Uint8Array) {
    this.table = table;
    this.name = name;
    this.utf8 = utf8;
  }

  get matches(): readonly Match<S>[] {
    return this.#matches;
  }

  /** @param mergedCount - how many of the matches were made for this route alone, because subscriptions of one subscriber overlap. */
  setMatches(matches: readonly Match<S>[], mergedCount: number): void {
    this.#matches = matches;
    this.#mergedCount = mergedCount;
  }

  /** Frees what the route holds on to; it is resolved anew when it is used again. */
  forgetMatches(): void {
    this.checkedAt = 0;
    this.resolvedAt = 0;
    this.setMatches(NONE, 0);
    this.shares = NONE;
  }

  /** An estimate from above: a list that several routes share is counted for each. */
  costBytes(): number {
    const nameBytes = this.name.length + this.utf8.length;
    return ROUTE_BYTES + nameBytes + (this.#matches.length + this.shares.length) * MATCH_REFERENCE_BYTES + this.#mergedCount * MERGED_MATCH_BYTES;
  }
}

export class RouteTable<S> implements TopicTable {
  /**
   * Moves on when subscriptions changed and when a generation ended. A route whose `checkedAt` equals it needs no look-up at all.
   * Starts above the 0 of a route that was never checked.
   */
  stamp = 1;
  readonly #halfBytesMax: number;
  #young = new Map<string, Route<S>>();
  #old = new Map<string, Route<S>>();
  #youngBytes = 0;
  #oldBytes = 0;
  #generations = 0;
  /** Routes of the young half by a hash of their bytes: no string is made for a topic that is found here. */
  readonly #slots: (Route<S> | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(bytesMax: number) {
    this.#halfBytesMax = bytesMax / 2;
  }

  get routeCount(): number {
    return this.#young.size + this.#old.size;
  }

  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  /** How often the older half was forgotten. */
  get generations(): number {
    return this.#generations;
  }

  intern(name: TopicName): Route<S> {
    return this.#find(name) ?? this.#add(name, new TextEncoder().encode(name));
  }

  internUtf8(bytes: Buffer, start: number, end: number): Route<S> {
    if (end - start > SLOT_TOPIC_BYTES_MAX) return this.#internText(bytes, start, end);
    const slot = slotOf(bytes, start, end);
    // Equal bytes are well-formed bytes: those of a route were checked when it was made.
    const first = this.#slots[slot];
    if (first !== undefined && isEqual(first.utf8, bytes, start, end)) return first;
    const second = this.#slots[slot + 1];
    if (second !== undefined && isEqual(second.utf8, bytes, start, end)) return second;
    const route = this.#internText(bytes, start, end);
    this.#slots[slot + 1] = this.#slots[slot]; // read again: a generation may have ended
    this.#slots[slot] = route;
    return route;
  }

  /** The route that stands for `topic`, which may come from elsewhere, e.g. out of the store. */
  routeOf(topic: Topic): Route<S> {
    return topic instanceof Route && topic.table === this ? topic : this.intern(topic.name);
  }

  /** Notes that a route is in use and what it costs now. May move `stamp` on. */
  keep(route: Route<S>): void {
    const young = this.#young.get(route.name);
    if (young === route) this.#count(route);
    else if (young === undefined && (this.#old.get(route.name) ?? route) === route) this.#insert(route);
    // Else it was forgotten while a connection held it, and its name was interned again: the table keeps the newer one.
  }

  /** Drops every match: those that are out of date may hold on to subscribers that are gone. */
  forgetMatches(): void {
    for (const routes of [this.#young, this.#old]) {
      for (const route of routes.values()) route.forgetMatches();
    }
    this.#youngBytes = recount(this.#young);
    this.#oldBytes = recount(this.#old);
  }

  #internText(bytes: Buffer, start: number, end: number): Route<S> {
    const text = bytes.toString('utf8', start, end);
    const known = this.#find(text);
    // Ill-formed bytes decode to U+FFFD, which is a character like others: the text alone would lead them to another topic's route.
    if (known !== undefined && bytes.compare(known.utf8, 0, known.utf8.length, start, end) === 0) return known;
    const utf8 = new Uint8Array(end - start);
    utf8.set(bytes.subarray(start, end));
    if (!isUtf8(utf8)) throw new GatewayError('INVALID_TOPIC', 'ill-formed UTF-8 in topic [MQTT-1.5.4-1]');
    return this.#add(topicName(text), utf8);
  }

  /** Moves the route to the young half when it is in the old one. */
  #find(text: string): Route<S> | undefined {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old !== undefined) this.#insert(old);
    return old;
  }

  #add(name: TopicName, utf8: Uint8Array): Route<S> {
    const route = new Route(this, name, utf8);
    this.#insert(route);
    return route;
  }

  #insert(route: Route<S>): void {
    const old = this.#old.get(route.name);
    if (old !== undefined) {
      this.#old.delete(route.name);
      this.#oldBytes -= old.countedBytes;
    }
    this.#young.set(route.name, route);
    route.countedBytes = 0;
    this.#count(route);
  }

  /** The route is in the young half. */
  #count(route: Route<S>): void {
    const bytes = route.costBytes();
    this.#youngBytes += bytes - route.countedBytes;
    route.countedBytes = bytes;
    if (this.#youngBytes > this.#halfBytesMax && this.#young.size > 1) this.#endGeneration(); // one route alone stays, whatever it costs
  }

  #endGeneration(): void {
    for (const route of this.#old.values()) route.forgetMatches(); // who holds one must not hold its subscribers too
    this.#old = this.#young;
    this.#oldBytes = this.#youngBytes;
    this.#young = new Map();
    this.#youngBytes = 0;
    this.#slots.fill(undefined); // they are of the young half
    this.#generations += 1;
    this.stamp += 1; // a route in use is checked once more, which moves it to the young half
  }
}

function recount<S>(routes: ReadonlyMap<string, Route<S>>): number {
  let total = 0;
  for (const route of routes.values()) {
    route.countedBytes = route.costBytes();
    total += route.countedBytes;
  }
  return total;
}

/**
 * FNV-1a in two lanes, for the processor works on both at once. A peer that makes topics collide only sends them to the look-up by text.
 *
 * @returns the first of the two slots the topic may be in.
 */
function slotOf(bytes: Uint8Array, start: number, end: number): number {
  let even = 0x811c9dc5;
  let odd = 0x01000193;
  let at = start;
  for (; at + 1 < end; at += 2) {
    even = Math.imul(even ^ (bytes[at] ?? 0), 0x01000193);
    odd = Math.imul(odd ^ (bytes[at + 1] ?? 0), 0x01000193);
  }
  if (at < end) even = Math.imul(even ^ (bytes[at] ?? 0), 0x01000193);
  const hash = even ^ (odd << 7) ^ (odd >>> 11);
  return (hash ^ (hash >>> 15)) & (SLOTS - 2);
}

function isEqual(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let index = 0; index < known.length; index += 1) {
    if (known[index] !== bytes[start + index]) return false;
  }
  return true;
}
