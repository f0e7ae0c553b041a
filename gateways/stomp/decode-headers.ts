// One header line, as each version reads it (STOMP 1.0 "Frames", 1.1 and 1.2 "Value Encoding").
import { inspectUtf8 } from '../../src/wire/utf8.ts';
import { StompError, type StompVersion } from './packets.ts';

const NUL = 0x00;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const ASCII_MAX = 0x7f;

export type Header = readonly [name: string, value: string];

/** `undefined`: of CONNECT and CONNECTED, which no version escapes, so that every version can read them. */
type Escapes = StompVersion | undefined;

const ESCAPED: Readonly<Record<Exclude<StompVersion, '1.0'>, Readonly<Record<string, string>>>> = {
  '1.1': { n: '\n', c: ':', '\\': '\\' },
  '1.2': { r: '\r', n: '\n', c: ':', '\\': '\\' },
};

/**
 * Reads `bytes[start, end)`, a line without its EOL.
 *
 * @throws StompError - a NUL, no colon, no name, an escape the version does not have, or bytes that are not UTF-8.
 */
export function decodeHeader(bytes: Buffer, line: { readonly start: number; readonly end: number }, escapes: Escapes): Header {
  const { start, end } = line;
  const { colon, hasBackslash, isAscii } = inspect(bytes, start, end);
  if (colon < 0) throw new StompError('STOMP 1.2 augmented BNF', 'a header line without a colon');
  if (colon === start) throw new StompError('STOMP 1.2 augmented BNF', 'a header without a name');
  if (!isAscii && inspectUtf8(bytes, start, end) === 'ill-formed') throw new StompError('STOMP 1.2 value encoding', 'a header that is not UTF-8');
  const isLenient = escapes === undefined || escapes === '1.0';
  const hasSpace = isLenient && colon + 1 < end && bytes[colon + 1] === SPACE; // 1.0 writes "name: value"
  const name = textOf(bytes, start, colon, isAscii);
  const value = textOf(bytes, hasSpace ? colon + 2 : colon + 1, end, isAscii);
  return isLenient || !hasBackslash ? [name, value] : [unescaped(name, escapes), unescaped(value, escapes)];
}

function inspect(bytes: Buffer, start: number, end: number): { readonly colon: number; readonly hasBackslash: boolean; readonly isAscii: boolean } {
  let colon = -1;
  let hasBackslash = false;
  let isAscii = true;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    if (byte === COLON && colon < 0) colon = at;
    else if (byte === BACKSLASH) hasBackslash = true;
    else if (byte > ASCII_MAX) isAscii = false;
    else if (byte === NUL) throw new StompError('STOMP 1.2 augmented BNF', 'the frame ends before its headers do');
  }
  return { colon, hasBackslash, isAscii };
}

function textOf(bytes: Buffer, start: number, end: number, isAscii: boolean): string {
  return bytes.toString(isAscii ? 'latin1' : 'utf8', start, end);
}

function unescaped(text: string, version: Exclude<StompVersion, '1.0'>): string {
  const octets = ESCAPED[version];
  return text.replace(/\\(.?)/gsu, (sequence, code: string) => {
    const octet = octets[code];
    if (octet === undefined) throw new StompError(`STOMP ${version} value encoding`, `the escape ${sequence} is undefined`);
    return octet;
  });
}
