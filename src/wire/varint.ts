// Unsigned integers up to 2^53 in as few bytes as they need: seven bits each, least significant first, the high bit says that more follow.

/** Bytes `value` takes. */
export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let bytes = 3;
  for (let rest = value / 0x20_0000; rest >= 1; rest /= 0x80) bytes += 1;
  return bytes;
}

/** Writes `value` at `at`. @returns where it ends. */
export function putVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    bytes[end] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
    end += 1;
  }
  bytes[end] = rest;
  return end + 1;
}
