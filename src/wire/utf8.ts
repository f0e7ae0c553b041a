// UTF-8 as protocols judge it. Decoding alone cannot tell: it replaces what is ill-formed and says nothing.

/**
 * - `plain`: well-formed, nothing to remark.
 * - `discouraged`: well-formed, but holds control characters (U+0001..U+001F, U+007F..U+009F) or non-characters (MQTT 5 §1.5.4 lets a
 *   receiver refuse them).
 * - `nul`: holds U+0000.
 * - `ill-formed`: overlong, a surrogate, beyond U+10FFFF, or cut off (Unicode 15 §3.9, table 3-7).
 */
export type TextKind = 'plain' | 'discouraged' | 'nul' | 'ill-formed';

/** Judges `bytes[start, end)`, which must lie inside `bytes`. */
export function inspectUtf8(bytes: Uint8Array, start: number, end: number): TextKind {
  let kind: TextKind = 'plain';
  let at = start;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x20 && byte < 0x7f) {
      at += 1;
      continue;
    }
    if (byte === 0) return 'nul';
    const length = sequenceLength(byte);
    const codePoint = at + length > end ? -1 : decodeSequence(bytes, at, length);
    if (codePoint < 0) return 'ill-formed';
    if (isDiscouraged(codePoint)) kind = 'discouraged';
    at += length;
  }
  return kind;
}

/** Bytes that `lead` announces; 0 when nothing well-formed starts with it. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0; // a continuation, or an overlong two-byte form
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

const SMALLEST = [0, 0, 0x80, 0x800, 0x10000]; // by length: below it the form is overlong

/** Code point of the `length` bytes at `at`, -1 when they are ill-formed. */
function decodeSequence(bytes: Uint8Array, at: number, length: number): number {
  if (length < 2) return length === 0 ? -1 : (bytes[at] ?? 0);
  let codePoint = (bytes[at] ?? 0) & (0x7f >> length);
  for (let i = 1; i < length; i += 1) {
    const byte = bytes[at + i] ?? 0;
    if ((byte & 0xc0) !== 0x80) return -1;
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return isSurrogate || codePoint > 0x10ffff || codePoint < (SMALLEST[length] ?? 0) ? -1 : codePoint;
}

function isDiscouraged(codePoint: number): boolean {
  if (codePoint < 0xa0) return codePoint < 0x20 || codePoint >= 0x7f;
  return (codePoint >= 0xfdd0 && codePoint <= 0xfdef) || (codePoint & 0xfffe) === 0xfffe;
}
