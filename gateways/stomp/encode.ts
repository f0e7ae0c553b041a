// Frames to bytes. MESSAGE, which goes out often, has an encoder of its own (message-encoder.ts).
import type { Headers, ServerCommand, StompVersion } from './packets.ts';

/** Octets that may not stand in a header as they are, by version (STOMP 1.1 and 1.2 "Value Encoding"). */
const ESCAPABLE: Readonly<Record<StompVersion, RegExp>> = { '1.0': /\n/gu, '1.1': /[\n:\\]/gu, '1.2': /[\r\n:\\]/gu };
const ESCAPES: Readonly<Record<string, string>> = { '\r': '\\r', '\n': '\\n', ':': '\\c', '\\': '\\\\' };

/** In 1.0 a line break cannot be sent at all: a space stands for it. */
export function escaped(text: string, version: StompVersion): string {
  const pattern = ESCAPABLE[version];
  pattern.lastIndex = 0;
  if (!pattern.test(text)) return text;
  return text.replace(pattern, (octet) => (version === '1.0' ? ' ' : (ESCAPES[octet] as string)));
}

export function headerLines(headers: Headers, version: StompVersion): string {
  return headers.map(([name, value]) => `${escaped(name, version)}:${escaped(value, version)}\n`).join('');
}

/** CONNECTED, RECEIPT and ERROR. A body is UTF-8 text, and says so. */
export function encodeFrame(
  command: Exclude<ServerCommand, 'MESSAGE'>,
  headers: Headers,
  how: { readonly version: StompVersion; readonly body?: string },
): Buffer {
  const { version, body = '' } = how;
  const lines = command === 'CONNECTED' ? headers.map(([name, value]) => `${name}:${value}\n`).join('') : headerLines(headers, version);
  const about = body === '' ? '' : `content-type:text/plain\ncontent-length:${Buffer.byteLength(body)}\n`;
  return Buffer.from(`${command}\n${lines}${about}\n${body}\0`);
}
