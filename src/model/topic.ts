// Topics: the one place that knows what a valid name or filter is and what selects what (MQTT 5 §4.7, which every protocol here maps to).
import { GatewayError } from './errors.ts';
import { TOPIC_LEVELS_MAX } from './limits.ts';

declare const brand: unique symbol;

/** A topic a message is published to: no wildcards, 1..65535 bytes of UTF-8 (MQTT 5 §4.7.3). */
export type TopicName = string & { readonly [brand]: 'TopicName' };

/** A subscription pattern; may hold `+` and a final `#` (MQTT 5 §4.7.1). */
export type TopicFilter = string & { readonly [brand]: 'TopicFilter' };

/** A topic name in use, one object per distinct name: what is known of a topic (its routes, its bytes) hangs on it. */
export interface Topic {
  readonly name: TopicName;
  /** UTF-8 of `name`; undefined when it is ASCII, and every character is its byte. */
  readonly utf8: Uint8Array | undefined;
}

/** Where topics are interned. Bounded: a name that is no longer in the table is simply interned again. */
export interface TopicTable {
  intern(name: TopicName): Topic;
  /**
   * The topic written in `bytes[start, end)`.
   * @throws GatewayError INVALID_TOPIC - not UTF-8, empty, NUL, or a wildcard.
   */
  internUtf8(bytes: Buffer, start: number, end: number): Topic;
}

export const TOPIC_BYTES_MAX = 65_535; // MQTT 5 §1.5.4, two-byte length prefix
const WILDCARD = /[+#]/;
/** Each looks at a character and its neighbours: a filter of 65,535 levels is judged without making as many strings. */
const MISPLACED_HASH = /[^/]#|#./s;
const MISPLACED_PLUS = /[^/]\+|\+[^/]/;

/** @throws GatewayError INVALID_TOPIC - with the clause in its message. */
export function topicName(text: string): TopicName {
  requireTopicText(text);
  requireDepth(text);
  if (WILDCARD.test(text)) throw new GatewayError('INVALID_TOPIC', `wildcard in topic name "${text}" [MQTT-4.7.1-1]`);
  return text as TopicName;
}

/** @throws GatewayError INVALID_TOPIC - with the clause in its message. */
export function topicFilter(text: string): TopicFilter {
  requireDepth(text);
  return topicFilterOfAnyDepth(text);
}

/** For protocols that refuse a filter that `isTooDeep` with a code of its own, and go on with the others. @throws GatewayError - as `topicFilter`. */
export function topicFilterOfAnyDepth(text: string): TopicFilter {
  requireTopicText(text);
  if (MISPLACED_HASH.test(text)) throw new GatewayError('INVALID_TOPIC', `"#" must be the whole last level: "${text}" [MQTT-4.7.1-1]`);
  if (MISPLACED_PLUS.test(text)) throw new GatewayError('INVALID_TOPIC', `"+" must fill a whole level: "${text}" [MQTT-4.7.1-2]`);
  return text as TopicFilter;
}

export function hasWildcard(filter: TopicFilter): boolean {
  return WILDCARD.test(filter);
}

/** True when `filter` selects `topic`. A leading wildcard never selects a `$` topic (MQTT-4.7.2-1). */
export function topicMatches(filter: TopicFilter, topic: TopicName): boolean {
  if (topic.startsWith('$') && !filter.startsWith('$')) return false;
  const wanted = filter.split('/');
  const given = topic.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= given.length) return false;
    if (level !== '+' && level !== given[index]) return false;
  }
  return wanted.length === given.length;
}

/** Whether text from elsewhere (a client id, a user name) can be a level of a topic or filter without widening or moving it. */
export function isPlainLevel(text: string): boolean {
  return text !== '' && text.isWellFormed() && !/[+#/\0]/.test(text);
}

/** Where a bridge tells, here and at its remote, whether it is connected, as Mosquitto names it. A client id too long for it gives no valid name. */
export function connectionStateTopic(clientId: string): string {
  return `$SYS/broker/connection/${asLevel(clientId)}/state`;
}

/** Where a bridge tells its remote what is not in the messages themselves. */
export function bridgeReportTopic(clientId: string): string {
  return `postern/${asLevel(clientId)}/report`;
}

function asLevel(clientId: string): string {
  return clientId.replace(/[+#/]/g, '_');
}

/** `#` would select a name without levels and `/#` the empty name; neither exists (MQTT-4.7.3-1), so they select what these do. */
const SAME_TOPICS: ReadonlyMap<string, string> = new Map([
  ['#', '+/#'],
  ['/#', '/+/#'],
]);

/** True when every topic `requested` selects is selected by `filter` too. */
export function filterCovers(filter: TopicFilter, requested: TopicFilter): boolean {
  if (requested.startsWith('$') && !filter.startsWith('$')) return false; // MQTT-4.7.2-1
  const covering = filter.split('/');
  const covered = (SAME_TOPICS.get(requested) ?? requested).split('/');
  for (const [index, level] of covering.entries()) {
    if (level === '#') return true;
    const given = covered[index];
    if (given === undefined || given === '#') return false;
    if (level !== '+' && level !== given) return false;
  }
  return covering.length === covered.length;
}

/** True when there is a topic both select. */
export function filtersMeet(one: TopicFilter, other: TopicFilter): boolean {
  if (one.startsWith('$') !== other.startsWith('$')) return false; // MQTT-4.7.2-1
  const [levels, others] = [one.split('/'), other.split('/')];
  for (let at = 0; ; at += 1) {
    const level = levels[at];
    const facing = others[at];
    if (level === '#' || facing === '#') return true;
    if (level === undefined || facing === undefined) return level === facing;
    if (level !== facing && level !== '+' && facing !== '+') return false;
  }
}

function requireTopicText(text: string): void {
  if (text.length === 0) throw new GatewayError('INVALID_TOPIC', 'empty topic [MQTT-4.7.3-1]');
  if (text.includes('\0')) throw new GatewayError('INVALID_TOPIC', 'NUL in topic [MQTT-4.7.3-2]');
  if (!text.isWellFormed()) throw new GatewayError('INVALID_TOPIC', 'lone surrogate in topic [MQTT-1.5.4-1]');
  if (text.length * 3 > TOPIC_BYTES_MAX && Buffer.byteLength(text) > TOPIC_BYTES_MAX) {
    throw new GatewayError('INVALID_TOPIC', `topic longer than ${TOPIC_BYTES_MAX} bytes [MQTT-4.7.3-3]`);
  }
}

function requireDepth(text: string): void {
  if (isTooDeep(text)) throw new GatewayError('INVALID_TOPIC', `topic deeper than ${TOPIC_LEVELS_MAX} levels, the limit of this gateway`);
}

/** More than `TOPIC_LEVELS_MAX` levels. */
export function isTooDeep(text: string): boolean {
  if (text.length < TOPIC_LEVELS_MAX) return false;
  let at = -1;
  for (let level = 1; level <= TOPIC_LEVELS_MAX; level += 1) {
    at = text.indexOf('/', at + 1);
    if (at === -1) return false;
  }
  return true;
}
