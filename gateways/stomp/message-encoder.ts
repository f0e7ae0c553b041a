// MESSAGE on its way out (STOMP 1.2 "MESSAGE"). What a message says to all is encoded once for each version and kept until the next message comes, so that
// a fan-out writes per subscriber only its own headers.
import { isUtf8 } from 'node:buffer';
import type { Message } from '../../src/model/message.ts';
import type { OutBuffer } from '../../src/wire/out-buffer.ts';
import { topicHeader } from './destinations.ts';
import { escaped, headerLines } from './encode.ts';
import type { StompVersion } from './packets.ts';
import { RESERVED } from './send.ts';

/** UTF-8 bytes a character of a string takes at most. */
const BYTES_PER_CHARACTER_MAX = 3;
const NUL = 0;

interface Room {
  reserve(size: number): OutBuffer;
}

export class MessageEncoder {
  readonly #version: StompVersion;
  readonly #rules: { readonly areDotsSlashes: boolean };
  #message: Message | undefined;
  #shared = Buffer.alloc(0);

  constructor(version: StompVersion, rules: { readonly areDotsSlashes: boolean }) {
    this.#version = version;
    this.#rules = rules;
  }

  /** @param own - header lines for this subscriber, escaped already. */
  write(room: Room, message: Message, own: string): void {
    if (this.#message !== message) this.#encode(message);
    const out = room.reserve(own.length * BYTES_PER_CHARACTER_MAX + this.#shared.length);
    out.length += out.bytes.write(own, out.length);
    out.length += this.#shared.copy(out.bytes, out.length);
  }

  #encode(message: Message): void {
    const { payload } = message;
    const lines = Buffer.from(`${this.#lines(message)}content-length:${payload.length}\n\n`);
    const shared = Buffer.allocUnsafe(lines.length + payload.length + 1);
    lines.copy(shared);
    shared.set(payload, lines.length);
    shared[shared.length - 1] = NUL;
    this.#shared = shared;
    this.#message = message;
  }

  /** The gateway's come first: of a name that is repeated the first counts. */
  #lines({ properties, qos }: Message): string {
    const about = qos > 0 ? `qos:${qos}\n` : '';
    if (properties === undefined) return about;
    const { contentType, responseTopic, correlationData, userProperties } = properties;
    return [
      about,
      contentType === undefined ? '' : this.#line('content-type', contentType),
      responseTopic === undefined ? '' : this.#line('reply-to', topicHeader(responseTopic, this.#rules)),
      correlationData === undefined ? '' : this.#line('correlation-id', textOf(correlationData)),
      userProperties === undefined
        ? ''
        : headerLines(
            userProperties.filter(([name]) => isSayable(name, this.#version)),
            this.#version,
          ),
    ].join('');
  }

  #line(name: string, value: string): string {
    return `${name}:${escaped(value, this.#version)}\n`;
  }
}

/** A publisher of another protocol may name its properties as it likes: none of them may stand for a header of ours, or break the frame. */
function isSayable(name: string, version: StompVersion): boolean {
  const read = version === '1.0' ? (name.split(':', 1)[0] ?? '') : name; // 1.0 cannot escape a colon
  return read !== '' && !RESERVED.has(read);
}

/** Correlation Data is bytes, a header is text without NUL: what is none goes as base64. */
function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) && !buffer.includes(NUL) ? buffer.toString() : buffer.toString('base64');
}
