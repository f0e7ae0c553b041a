import type { GatewayMs } from '../model/clock.ts';
import type { Message } from '../model/message.ts';
import type { TopicFilter, TopicName } from '../model/topic.ts';
import { messageSize } from '../session/message-size.ts';

const NO_MESSAGES: readonly Message[] = [];

class Level {
  readonly children = new Map<string, Level>();
  message: Message | undefined;
  /** When the message came, counted in messages. */
  stamp = 0;
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
    for (const name of message.topic.name.split('/')) {
      let child = level.children.get(name);
      if (child === undefined) {
        child = new Level();
        level.children.set(name, child);
      }
      level = child;
    }
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
      path[depth - 1]?.children.delete(names[depth - 1] ?? '');
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

  /**
   * What `filter` selects; a leading wildcard selects no `$` topic (MQTT-4.7.2-1). May be walked over many turns: what is retained meanwhile is
   * left out, for the walker has seen it come in.
   */
  matching(filter: TopicFilter): Generator<Message> {
    return messagesOf(select(this.#root, filter.split('/'), 0), this.#lastStamp);
  }

  #forget(level: Level): void {
    if (level.message === undefined) return;
    this.#count -= 1;
    this.#bytes -= messageSize(level.message);
    level.message = undefined;
  }
}

function* messagesOf(levels: Generator<Level>, lastStamp: number): Generator<Message> {
  for (const { message, stamp } of levels) if (message !== undefined && stamp <= lastStamp) yield message;
}

/** Levels that hold a message. */
function* select(level: Level, wanted: readonly string[], depth: number): Generator<Level> {
  const name = wanted[depth];
  if (name === undefined) {
    if (level.message !== undefined) yield level;
    return;
  }
  if (name === '#') {
    yield* everythingBelow(level, depth === 0);
    return;
  }
  if (name !== '+') {
    const child = level.children.get(name);
    if (child !== undefined) yield* select(child, wanted, depth + 1);
    return;
  }
  for (const [childName, child] of level.children) {
    if (depth === 0 && childName.startsWith('$')) continue;
    yield* select(child, wanted, depth + 1);
  }
}

function* everythingBelow(level: Level, isRoot: boolean): Generator<Level> {
  if (level.message !== undefined) yield level; // "#" includes the parent level (MQTT 5 §4.7.1.2)
  for (const [name, child] of level.children) {
    if (isRoot && name.startsWith('$')) continue;
    yield* everythingBelow(child, false);
  }
}
