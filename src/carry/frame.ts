// The frames a file of exported messages consists of. What is fixed for every version is this head; docs/reference/queue-export.md has the whole.
//
//   magic 4 · version u8 · kind u8 · mark 8 · length u32 · crc32 of the body u32 · crc32 of the head so far u32 · body
//
// The mark is one random number for the whole file: a payload may itself be a file of exported messages, and must not pass for part of the one around it.
import { crc32 } from 'node:zlib';
import { CARRIED_BODY_BYTES_MAX } from '../model/limits.ts';

export const MAGIC = Buffer.from([0x89, 0x50, 0x53, 0x51]); // a byte no text has, then PSQ
export const VERSION = 1;
export const MARK_BYTES = 8;
export const HEAD_BYTES = 26;

export const KIND = { header: 1, message: 2, end: 3 } as const;
export type FrameKind = (typeof KIND)[keyof typeof KIND];

const AT = { version: 4, kind: 5, mark: 6, length: 14, bodyCrc: 18, headCrc: 22 } as const;

/** The head of a frame, intact. */
export interface FrameHead {
  readonly version: number;
  readonly kind: number;
  readonly mark: string;
  readonly length: number;
  readonly bodyCrc: number;
}

export function frame(kind: FrameKind, mark: Uint8Array, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + body.length);
  bytes.set(MAGIC);
  bytes[AT.version] = VERSION;
  bytes[AT.kind] = kind;
  bytes.set(mark, AT.mark);
  bytes.writeUInt32LE(body.length, AT.length);
  bytes.writeUInt32LE(crc32(body), AT.bodyCrc);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, AT.headCrc)), AT.headCrc);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

/** @returns undefined: no head begins there, or it is damaged. There must be `HEAD_BYTES` bytes. */
export function headAt(bytes: Buffer, at: number): FrameHead | undefined {
  if (bytes.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) !== 0) return undefined;
  if (bytes.readUInt32LE(at + AT.headCrc) !== crc32(bytes.subarray(at, at + AT.headCrc))) return undefined;
  const length = bytes.readUInt32LE(at + AT.length);
  if (length > CARRIED_BODY_BYTES_MAX) return undefined;
  return {
    version: bytes[at + AT.version] as number,
    kind: bytes[at + AT.kind] as number,
    mark: bytes.toString('hex', at + AT.mark, at + AT.length),
    length,
    bodyCrc: bytes.readUInt32LE(at + AT.bodyCrc),
  };
}
