// Topics in use, and what is known of each: interning and the cache of resolved routes are one table, so a publish looks its topic up once.
//
// While there is room every topic is kept. Once the table is full, a topic is taken in when it comes back, and the oldest gives way; one that was used in
// the meantime goes to the end of the line instead, with a use less to its credit. So topics that see traffic survive a flood of topics that do not, and a
// scan over more topics than there is room for leaves alone what is there.
import { isUtf8 } from 'node:buffer';
import { GatewayError } from '../model/errors.ts';
import { type Topic, type TopicName, type TopicTable, topicName } from '../model/topic.ts';
import { Doorkeeper } from './doorkeeper.ts';
import { Resolution } from './resolution.ts';
import { RouteIndex, topicHash } from './route-index.ts';

const ROUTE_BYTES = 450; // route, map entry, place in the index, headers of the string and of the byte array, as measured on Node 24
const MATCH_REFERENCE_BYTES = 8;
const MERGED_MATCH_BYTES = 120;
/** Times a route passes the front of the line without further use. */
const CREDIT_MAX = 3;

/** A topic with the matches found for it last. Works on after the table forgot it: a connection may hold it. */
export class Route<S> extends Resolution<S> implements Topic {
  readonly name: TopicName;
  readonly utf8: Uint8Array;
  readonly table: RouteTable<S>;
  /** `Bus` time when the matches were found; 0: never. */
  resolvedAt = 0;
  /** Uses, but for the one it was taken in for, that count. */
  credit = 0;
  /** Not kept: it is used once, and has left no trace. */
  standing: 'kept' | 'passing' | 'wanted' = 'passing';
  /** What the table counts for it. */
  countedBytes = 0;

  constructor(table: RouteTable<S>, name: TopicName, utf8: Uint8Array) {
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
    const nameBytes = this.name.length + this.utf8.length;
    return ROUTE_BYTES + nameBytes + (this.matches.length + this.shares.length) * MATCH_REFERENCE_BYTES + this.mergedCount * MERGED_MATCH_BYTES;
  }
}

export class RouteTable<S> implements TopicTable {
  readonly #bytesMax: number;
  /** The oldest first. */
  readonly #byName = new Map<string, Route<S>>();
  #oldest = this.#byName.values();
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
    const utf8 = new TextEncoder().encode(name);
    return this.#made(name, utf8, topicHash(utf8, 0, utf8.length));
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
    this.#keep(route, topicHash(route.utf8, 0, route.utf8.length));
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
    const text = bytes.toString('utf8', start, end);
    const known = this.#byName.get(text);
    // Ill-formed bytes decode to U+FFFD, which is a character like others: the text alone would lead them to another topic's route.
    if (known !== undefined && bytes.compare(known.utf8, 0, known.utf8.length, start, end) === 0) {
      this.#index.add(hash, known);
      return used(known);
    }
    const utf8 = copyOf(bytes, start, end);
    if (!isUtf8(utf8)) throw new GatewayError('INVALID_TOPIC', 'ill-formed UTF-8 in topic [MQTT-1.5.4-1]');
    return this.#made(topicName(text), utf8, hash);
  }

  #made(name: TopicName, utf8: Uint8Array, hash: number): Route<S> {
    const route = new Route(this, name, utf8);
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
    const { value: route } = this.#oldest.next();
    if (route === undefined) {
      this.#oldest = this.#byName.values(); // it saw the end, and stays there
      return;
    }
    this.#byName.delete(route.name);
    if (route === newest || route.credit > 0) {
      route.credit = Math.max(0, route.credit - 1);
      this.#byName.set(route.name, route);
    } else this.#evict(route);
  }

  #evict(route: Route<S>): void {
    this.#index.remove(topicHash(route.utf8, 0, route.utf8.length), route);
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

function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  for (let index = 0; index < copy.length; index += 1) copy[index] = bytes[start + index] ?? 0;
  return copy;
}
