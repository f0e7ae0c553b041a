import type { GatewayMs } from '../model/clock.ts';
import type { Message } from '../model/message.ts';
import { PartedMap } from '../model/parted-map.ts';
import type { TopicFilter, TopicName } from '../model/topic.ts';
import { messageSize } from '../session/message-size.ts';

const NO_MESSAGES: readonly Message[] = [];

/** Of every level below which nothing is: nearly all of them. Never written to. */
const NO_CHILDREN: ReadonlyMap<string, Level> = new Map();

class Level {
  #children: PartedMap<string, Level> | undefined;
  message: Message | undefined;
  /** When the message came, counted in messages. */
  stamp = 0;

  get children(): ReadonlyMap<string, Level> {
    return this.#children ?? NO_CHILDREN;
  }

  grow(name: string): Level {
    const child = new Level();
    this.#children ??= new PartedMap();
    this.#children.set(name, child);
    return child;
  }

  prune(name: string): void {
    this.#children?.delete(name);
  }
}

/** Retained messages by topic level, so that a wildcard subscription visits only what it selects. */
export class RetainedIndex {
  readonly #root = new Level();
  /** No message held expires before it. */
  #expiresAtMs: GatewayMs = Number.POSITIVE_INFINITY;
  #count = 0;
  #bytes = 0;
  #lastStamp = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes of topics, payloads and properties held. */
  get bytes(): number {
    return this.#bytes;
  }

  get(topic: TopicName): Message | undefined {
    let level: Level | undefined = this.#root;
    for (const name of topic.split('/')) {
      level = level.children.get(name);
      if (level === undefined) return undefined;
    }
    return level.message;
  }

  set(message: Message): void {
    let level = this.#root;
    for (const name of message.topic.name.split('/')) level = level.children.get(name) ?? level.grow(name);
    this.#forget(level);
    level.message = message;
    this.#lastStamp += 1;
    level.stamp = this.#lastStamp;
    this.#expiresAtMs = Math.min(this.#expiresAtMs, message.expiresAtMs);
    this.#count += 1;
    this.#bytes += messageSize(message);
  }

  delete(topic: TopicName): boolean {
    const names = topic.split('/');
    const path: Level[] = [this.#root];
    for (const name of names) {
      const child = path[path.length - 1]?.children.get(name);
      if (child === undefined) return false;
      path.push(child);
    }
    const leaf = path[path.length - 1];
    if (leaf?.message === undefined) return false;
    this.#forget(leaf);
    for (let depth = names.length; depth > 0; depth -= 1) {
      const level = path[depth];
      if (level === undefined || level.message !== undefined || level.children.size > 0) break;
      path[depth - 1]?.prune(names[depth - 1] ?? '');
    }
    return true;
  }

  /** Removes what expired by then; looks at every message, but only when one may have. */
  takeExpired(nowMs: GatewayMs): readonly Message[] {
    if (this.#expiresAtMs > nowMs) return NO_MESSAGES;
    const expired: Message[] = [];
    let next: GatewayMs = Number.POSITIVE_INFINITY;
    for (const { message } of everythingBelow(this.#root, false)) {
      if (message === undefined) continue;
      if (message.expiresAtMs <= nowMs) expired.push(message);
      else next = Math.min(next, message.expiresAtMs);
    }
    this.#expiresAtMs = next;
    for (const { topic } of expired) this.delete(topic.name);
    return expired;
  }

  /** False when `filter` selects nothing, as far as its levels before the first wildcard tell: then there is no walk to begin. */
  maySelect(filter: TopicFilter): boolean {
    if (this.#count === 0) return false;
    let level: Level | undefined = this.#root;
    for (const name of filter.split('/')) {
      if (name === '+' || name === '#') return true;
      level = level.children.get(name);
      if (level === undefined) return false;
    }
    return level.message !== undefined;
  }

  /**
   * What `filter` selects; a leading wildcard selects no `$` topic (MQTT-4.7.2-1). May be walked over many turns: what is retained meanwhile is
   * left out, for the walker has seen it come in. Undefined stands for a level that was looked at and brings nothing, so that the walker can tell
   * how much work a step was.
   */
  matching(filter: TopicFilter): Generator<Message | undefined> {
    return messagesOf(select(this.#root, filter.split('/'), 0), this.#lastStamp);
  }

  #forget(level: Level): void {
    if (level.message === undefined) return;
    this.#count -= 1;
    this.#bytes -= messageSize(level.message);
    level.message = undefined;
  }
}

function* messagesOf(levels: Generator<Level | undefined>, lastStamp: number): Generator<Message | undefined> {
  for (const level of levels) yield level !== undefined && level.stamp <= lastStamp ? level.message : undefined;
}

/** Selected levels, whether they hold a message or not; undefined: a branch that ends before. */
function* select(level: Level, wanted: readonly string[], depth: number): Generator<Level | undefined> {
  const name = wanted[depth];
  if (name === undefined) {
    yield level;
    return;
  }
  if (name === '#') {
    yield* everythingBelow(level, depth === 0);
    return;
  }
  if (name !== '+') {
    const child = level.children.get(name);
    if (child === undefined) yield undefined;
    else yield* select(child, wanted, depth + 1);
    return;
  }
  for (const [childName, child] of level.children) {
    if (depth === 0 && childName.startsWith('$')) continue;
    yield* select(child, wanted, depth + 1);
  }
}

function* everythingBelow(level: Level, isRoot: boolean): Generator<Level> {
  yield level; // "#" includes the parent level (MQTT 5 §4.7.1.2)
  for (const [name, child] of level.children) {
    if (isRoot && name.startsWith('$')) continue;
    yield* everythingBelow(child, false);
  }
}
