// Topics in use, and what is known of each: interning and the cache of resolved routes are one table, so a publish looks its topic up once.
//
// While there is room every topic is kept. Once the table is full, a topic is taken in when it comes back, and the oldest gives way; one that was used in
// the meantime goes to the end of the line instead, with a use less to its credit. So topics that see traffic survive a flood of topics that do not, and a
// scan over more topics than there is room for leaves alone what is there.
import { isUtf8 } from 'node:buffer';
import { GatewayError } from '../model/errors.ts';
import { type Topic, type TopicName, type TopicTable, topicName } from '../model/topic.ts';
import { isTopic, utf8Of } from '../model/topic-utf8.ts';
import { Doorkeeper } from './doorkeeper.ts';
import { Resolution } from './resolution.ts';
import { RouteIndex, topicHash } from './route-index.ts';

/** Route, map entry, place in the index, header of the string, as measured on Node 24 when the tables have just doubled; 195 when they are nearly full. */
const ROUTE_BYTES = 232;
/** Object of the byte array of a name that is not ASCII. */
const BYTE_ARRAY_BYTES = 240;
const MATCH_REFERENCE_BYTES = 8;
const MERGED_MATCH_BYTES = 120;
/** Two lists of the route's own, without what they hold; the list of a single subscription is made once for all topics it selects. */
const LISTS_BYTES = 96;
/** Times a route passes the front of the line without further use. */
const CREDIT_MAX = 3;

/** A topic with the matches found for it last. Works on after the table forgot it: a connection may hold it. */
export class Route<S> extends Resolution<S> implements Topic {
  readonly name: TopicName;
  readonly utf8: Uint8Array | undefined;
  readonly table: RouteTable<S>;
  /** `Bus` time when the matches were found; 0: never. */
  resolvedAt = 0;
  /** Uses, but for the one it was taken in for, that count. */
  credit = 0;
  /** Not kept: it is used once, and has left no trace. */
  standing: 'kept' | 'passing' | 'wanted' = 'passing';
  /** What the table counts for it. */
  countedBytes = 0;

  constructor(table: RouteTable<S>, name: TopicName, utf8: Uint8Array | undefined) {
    super();
    this.table = table;
    this.name = name;
    this.utf8 = utf8;
  }

  /** It is resolved anew when it is used again. */
  override clear(): void {
    super.clear();
    this.resolvedAt = 0;
  }

  /** An estimate from above: a list that several routes share is counted for each. */
  costBytes(): number {
    const { name, utf8, mergedCount } = this;
    const nameBytes = utf8 === undefined ? name.length : name.length * 2 + utf8.length + BYTE_ARRAY_BYTES;
    const references = this.matches.length + this.shares.length;
    const listBytes = references > 1 || mergedCount > 0 ? LISTS_BYTES : 0;
    return ROUTE_BYTES + nameBytes + listBytes + references * MATCH_REFERENCE_BYTES + mergedCount * MERGED_MATCH_BYTES;
  }
}

export class RouteTable<S> implements TopicTable {
  readonly #bytesMax: number;
  /** The oldest first. */
  readonly #byName = new Map<string, Route<S>>();
  /** Made when there is something to evict: until it is asked, an iterator holds every table the growing map left behind. */
  #oldest: Iterator<Route<S>> | undefined;
  readonly #index = new RouteIndex<Route<S>>();
  readonly #doorkeeper = new Doorkeeper();
  #bytes = 0;
  #evictionCount = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get routeCount(): number {
    return this.#byName.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Routes taken out to make room. */
  get evictionCount(): number {
    return this.#evictionCount;
  }

  intern(name: TopicName): Route<S> {
    const known = this.#byName.get(name);
    if (known !== undefined) return used(known);
    const route = new Route(this, name, utf8Of(name));
    return this.#made(route, this.#index.hashOf(route));
  }

  internUtf8(bytes: Buffer, start: number, end: number): Route<S> {
    const hash = topicHash(bytes, start, end);
    const known = this.#index.find(hash, bytes, start, end);
    return known === undefined ? this.#internText(bytes, start, end, hash) : used(known);
  }

  /** The route that stands for `topic`, which may come from elsewhere, e.g. out of the store. */
  routeOf(topic: Topic): Route<S> {
    return topic instanceof Route && topic.table === this ? topic : this.intern(topic.name);
  }

  /** The kept route of a topic that is used again though the table did not keep it, for a connection holds it. */
  takeBack(route: Route<S>): Route<S> {
    const known = this.#byName.get(route.name);
    if (known !== undefined) return known; // its name was interned again
    this.#keep(route, this.#index.hashOf(route));
    return route;
  }

  /** Notes what a kept route costs now, and makes room for it. */
  recount(route: Route<S>): void {
    const bytes = route.costBytes();
    this.#bytes += bytes - route.countedBytes;
    route.countedBytes = bytes;
    while (this.#bytes > this.#bytesMax && this.#byName.size > 1) this.#moveOn(route); // one route alone stays, whatever it costs
  }

  /** Drops every match: those that are out of date may hold on to subscribers that are gone. */
  clearRoutes(): void {
    for (const route of this.#byName.values()) {
      route.clear();
      this.recount(route);
    }
  }

  #internText(bytes: Buffer, start: number, end: number, hash: number): Route<S> {
    const isPlain = isAscii(bytes, start, end);
    const text = bytes.toString(isPlain ? 'latin1' : 'utf8', start, end);
    const known = this.#byName.get(text);
    // Ill-formed bytes decode to U+FFFD, which is a character like others: the text alone would lead them to another topic's route.
    if (known !== undefined && isTopic(known, bytes, start, end)) {
      this.#index.add(hash, known);
      return used(known);
    }
    const utf8 = isPlain ? undefined : wellFormed(bytes, start, end);
    return this.#made(new Route(this, topicName(text), utf8), hash);
  }

  #made(route: Route<S>, hash: number): Route<S> {
    if (this.#bytes + route.costBytes() <= this.#bytesMax || this.#doorkeeper.admits(hash)) this.#keep(route, hash);
    return route;
  }

  #keep(route: Route<S>, hash: number): void {
    route.standing = 'kept';
    route.countedBytes = 0;
    this.#byName.set(route.name, route);
    this.#index.growFor(this.#byName.size);
    this.#index.add(hash, route);
    this.recount(route);
  }

  /** @param newest - that room is made for. */
  #moveOn(newest: Route<S>): void {
    this.#oldest ??= this.#byName.values();
    const { value: route, done: isAtEnd } = this.#oldest.next();
    if (isAtEnd === true) {
      this.#oldest = undefined; // it saw the end, and stays there
      return;
    }
    this.#byName.delete(route.name);
    if (route === newest || route.credit > 0) {
      route.credit = Math.max(0, route.credit - 1);
      this.#byName.set(route.name, route);
    } else this.#evict(route);
  }

  #evict(route: Route<S>): void {
    this.#index.remove(this.#index.hashOf(route), route);
    this.#bytes -= route.countedBytes;
    this.#evictionCount += 1;
    route.standing = 'wanted';
    route.clear(); // who holds it must not hold its subscribers too
  }
}

/** A route that was found. */
export function used<S>(route: Route<S>): Route<S> {
  if (route.credit < CREDIT_MAX) route.credit += 1;
  return route;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) if ((bytes[at] ?? 0) > 0x7f) return false;
  return true;
}

/** A copy. @throws GatewayError INVALID_TOPIC - it is not UTF-8. */
function wellFormed(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = Uint8Array.prototype.slice.call(bytes, start, end);
  if (!isUtf8(copy)) throw new GatewayError('INVALID_TOPIC', 'ill-formed UTF-8 in topic [MQTT-1.5.4-1]');
  return copy;
}
