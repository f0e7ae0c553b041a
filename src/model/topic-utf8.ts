// Topics as bytes. Of an ASCII name, as nearly all are, every character is its byte: it is written from the text and compared with it. Bytes kept
// beside the text would be most of what a topic in use takes: the object of a byte array alone is 240 bytes.
import type { Topic, TopicName } from './topic.ts';

/** A few characters are written faster one by one than by a call that leaves JavaScript. */
const SHORT_NAME = 48;

/** A topic that no table holds. */
export function topicOf(name: TopicName): Topic {
  return { name, utf8: utf8Of(name) };
}

/** What `Topic` keeps as `utf8`. */
export function utf8Of(name: TopicName): Uint8Array | undefined {
  return Buffer.byteLength(name) === name.length ? undefined : new TextEncoder().encode(name);
}

/** Bytes of the name. */
export function utf8Length({ name, utf8 }: Topic): number {
  return utf8 === undefined ? name.length : utf8.length;
}

/**
 * Writes the name, for which there must be room.
 *
 * @returns where it ends.
 */
export function putTopic(target: Buffer, at: number, { name, utf8 }: Topic): number {
  if (utf8 !== undefined) target.set(utf8, at);
  else if (name.length > SHORT_NAME) target.write(name, at, 'latin1');
  else for (let index = 0; index < name.length; index += 1) target[at + index] = name.charCodeAt(index);
  return at + (utf8 ?? name).length;
}

/** Whether `bytes[start, end)` are those of the name. */
export function isTopic({ name, utf8 }: Topic, bytes: Uint8Array, start: number, end: number): boolean {
  if ((utf8 ?? name).length !== end - start) return false;
  if (utf8 === undefined) {
    for (let index = 0; index < name.length; index += 1) if (name.charCodeAt(index) !== bytes[start + index]) return false;
  } else {
    for (let index = 0; index < utf8.length; index += 1) if (utf8[index] !== bytes[start + index]) return false;
  }
  return true;
}
