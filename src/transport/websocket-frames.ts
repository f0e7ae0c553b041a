// The frames of RFC 6455 as a stream: no frame and no message is ever collected, what arrives of a payload goes on at once. A peer can make us
// hold nothing but the 125 bytes of a control frame, and needs no bound of its own for fragments, small pieces and slow senders.
import { OutBuffer } from '../wire/out-buffer.ts';

/** Opcodes, RFC 6455 §5.2. */
const CONTINUATION = 0x0;
const TEXT = 0x1;
const BINARY = 0x2;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;

const FINAL = 0x80;
const RESERVED_BITS = 0x70;
const OPCODE_BITS = 0x0f;
export const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const CONTROL_PAYLOAD_MAX = 125; // §5.5

/** Status codes, RFC 6455 §7.4.1. */
export const CLOSE_STATUS = { normal: 1000, protocolError: 1002, unsupportedData: 1003, tooBig: 1009 } as const;

/** Room before the payload of a frame of any length, unmasked as those of a server are (§5.1). */
export const FRAME_HEADER_BYTES_MAX = 10;

/** What ends the frames of a peer. */
type FramesEnd =
  /** It said so. `status` is absent when it gave none. */
  { readonly kind: 'closed'; readonly status: number | undefined } | { readonly kind: 'violation'; readonly status: number; readonly reason: string };

type Stage = 'opcode' | 'length' | 'extended-length' | 'mask' | 'payload';

/** Takes apart what the peer sends, read by read. */
export class FrameDecoder {
  readonly #payloadBytesMax: number;
  /** Frames of clients are masked, those of servers are not (§5.1). */
  readonly #isMasked: boolean;
  readonly #onPing: (payload: Buffer) => void;
  #stage: Stage = 'opcode';
  #opcode = CONTINUATION;
  #isFinal = true;
  /** Inside a message of several frames. */
  #isFragmented = false;
  /** Of the extended length or the mask: bytes still to come. */
  #headerLeft = 0;
  /** Of the payload: bytes still to come. */
  #left = 0;
  #mask = 0;
  /** Which byte of the mask the next byte of the payload meets. */
  #maskAt = 0;
  /** What arrived of the control frame at hand. */
  #control: OutBuffer | undefined;
  #end: FramesEnd | undefined;

  /** @param payloadBytesMax - of one frame. */
  constructor(payloadBytesMax: number, onPing: (payload: Buffer) => void, sender: 'client' | 'server' = 'client') {
    this.#payloadBytesMax = payloadBytesMax;
    this.#isMasked = sender === 'client';
    this.#onPing = onPing;
  }

  /** Set once the frames have ended; nothing is decoded from then on. */
  get end(): FramesEnd | undefined {
    return this.#end;
  }

  /** @returns the payload within `bytes`: a part of it, put together and unmasked in place. */
  decode(bytes: Buffer): Buffer {
    let kept = 0;
    let at = 0;
    while (at < bytes.length && this.#end === undefined) {
      if (this.#stage !== 'payload') {
        this.#header(this.#stage, bytes[at] ?? 0);
        at += 1;
      } else {
        const size = Math.min(this.#left, bytes.length - at);
        if (isControl(this.#opcode)) this.#keepControl(bytes, at, size);
        else {
          this.#unmask(bytes, { from: at, to: kept, size });
          kept += size;
        }
        at += size;
        this.#left -= size;
      }
      if (this.#isFrameComplete()) this.#frameEnds();
    }
    return kept === bytes.length ? bytes : bytes.subarray(0, kept);
  }

  #header(stage: Exclude<Stage, 'payload'>, byte: number): void {
    switch (stage) {
      case 'opcode':
        this.#readOpcode(byte);
        break;
      case 'length':
        this.#readLength(byte);
        break;
      case 'extended-length':
        this.#left = this.#left * 256 + byte; // exact up to 2^53, and far above the maximum beyond
        this.#headerLeft -= 1;
        if (this.#headerLeft === 0) this.#lengthIsKnown();
        break;
      case 'mask':
        this.#mask = (this.#mask << 8) | byte;
        this.#headerLeft -= 1;
        if (this.#headerLeft === 0) this.#stage = 'payload';
        break;
    }
  }

  #isFrameComplete(): boolean {
    return this.#stage === 'payload' && this.#left === 0;
  }

  #readOpcode(byte: number): void {
    this.#opcode = byte & OPCODE_BITS;
    this.#isFinal = (byte & FINAL) !== 0;
    const problem = this.#opcodeProblem(byte);
    if (problem !== undefined) this.#violate(CLOSE_STATUS.protocolError, problem);
    else if (this.#opcode === TEXT)
      this.#violate(CLOSE_STATUS.unsupportedData, 'text frame'); // MQTT-6.0.0-1
    else this.#stage = 'length';
  }

  #opcodeProblem(byte: number): string | undefined {
    if ((byte & RESERVED_BITS) !== 0) return 'reserved bit'; // §5.2: no extension was agreed on
    switch (this.#opcode) {
      case CONTINUATION:
        return this.#isFragmented ? undefined : 'continuation of no message'; // §5.4
      case TEXT:
      case BINARY:
        return this.#isFragmented ? 'message within a message' : undefined; // §5.4
      case CLOSE:
      case PING:
      case PONG:
        return this.#isFinal ? undefined : 'control frame in fragments'; // §5.5
      default:
        return 'reserved opcode';
    }
  }

  #readLength(byte: number): void {
    if (((byte & MASKED) !== 0) !== this.#isMasked) {
      this.#violate(CLOSE_STATUS.protocolError, this.#isMasked ? 'frame without mask' : 'frame with a mask'); // §5.1
      return;
    }
    const length = byte & LENGTH_BITS;
    if (isControl(this.#opcode) && length > CONTROL_PAYLOAD_MAX) {
      this.#violate(CLOSE_STATUS.protocolError, 'control frame too long'); // §5.5
      return;
    }
    if (length < LENGTH_16) {
      this.#left = length;
      this.#lengthIsKnown();
      return;
    }
    this.#left = 0;
    this.#headerLeft = length === LENGTH_64 ? 8 : 2;
    this.#stage = 'extended-length';
  }

  #lengthIsKnown(): void {
    if (this.#left > this.#payloadBytesMax) {
      this.#violate(CLOSE_STATUS.tooBig, `frame above ${this.#payloadBytesMax} bytes`);
      return;
    }
    this.#headerLeft = 4;
    this.#mask = 0;
    this.#maskAt = 0;
    this.#stage = this.#isMasked ? 'mask' : 'payload';
  }

  /** Moves the payload to the left, over the headers before it. */
  #unmask(bytes: Buffer, { from, to, size }: { readonly from: number; readonly to: number; readonly size: number }): void {
    if (!this.#isMasked) {
      bytes.copyWithin(to, from, from + size);
      return;
    }
    const mask = (this.#mask << (8 * this.#maskAt)) | (this.#mask >>> (32 - 8 * this.#maskAt));
    const [first, second, third, fourth] = [mask >>> 24, (mask >>> 16) & 0xff, (mask >>> 8) & 0xff, mask & 0xff];
    const whole = size - (size % 4);
    for (let offset = 0; offset < whole; offset += 4) {
      bytes[to + offset] = (bytes[from + offset] ?? 0) ^ first;
      bytes[to + offset + 1] = (bytes[from + offset + 1] ?? 0) ^ second;
      bytes[to + offset + 2] = (bytes[from + offset + 2] ?? 0) ^ third;
      bytes[to + offset + 3] = (bytes[from + offset + 3] ?? 0) ^ fourth;
    }
    for (let offset = whole; offset < size; offset += 1) {
      bytes[to + offset] = (bytes[from + offset] ?? 0) ^ ((mask >>> (24 - 8 * (offset % 4))) & 0xff);
    }
    this.#maskAt = (this.#maskAt + size) % 4;
  }

  #keepControl(bytes: Buffer, at: number, size: number): void {
    this.#control ??= new OutBuffer(CONTROL_PAYLOAD_MAX);
    const { bytes: kept, length } = this.#control;
    bytes.copy(kept, length, at, at + size);
    this.#unmask(kept, { from: length, to: length, size });
    this.#control.length += size;
  }

  #frameEnds(): void {
    this.#stage = 'opcode';
    if (!isControl(this.#opcode)) {
      this.#isFragmented = !this.#isFinal;
      return;
    }
    const payload = this.#control?.bytes.subarray(0, this.#control.length) ?? NOTHING;
    this.#control = undefined;
    if (this.#opcode === PING) this.#onPing(payload);
    if (this.#opcode === CLOSE) this.#closes(payload);
  }

  #closes(payload: Buffer): void {
    if (payload.length === 0) {
      this.#end = { kind: 'closed', status: undefined };
      return;
    }
    const status = payload.length === 1 ? 0 : payload.readUInt16BE(0);
    if (isPeerStatus(status)) this.#end = { kind: 'closed', status };
    else this.#violate(CLOSE_STATUS.protocolError, 'close frame without a valid status code'); // §5.5.1, §7.4
  }

  #violate(status: number, reason: string): void {
    this.#end = { kind: 'violation', status, reason };
  }
}

const NOTHING = Buffer.alloc(0);

function isControl(opcode: number): boolean {
  return opcode >= CLOSE;
}

/** Codes an endpoint may send: the registered ones but 1004 to 1006 and 1015, those of libraries, and private ones (§7.4). */
function isPeerStatus(status: number): boolean {
  return (status >= 1000 && status <= 1014 && (status < 1004 || status > 1006)) || (status >= 3000 && status < 5000);
}

/**
 * Makes a binary frame of `buffer`, whose payload begins at FRAME_HEADER_BYTES_MAX.
 *
 * @returns the frame, within the bytes of `buffer`.
 */
export function binaryFrame({ bytes, length }: OutBuffer): Buffer {
  return bytes.subarray(putBinaryHeader(bytes, FRAME_HEADER_BYTES_MAX, length - FRAME_HEADER_BYTES_MAX), length);
}

/**
 * Writes opcode and length of a binary frame of `size` bytes before `end`.
 *
 * @param maskBit - `MASKED` for a frame of a client, whose key stands at `end`.
 * @returns where they begin.
 */
export function putBinaryHeader(bytes: Buffer, end: number, size: number, maskBit: typeof MASKED | 0 = 0): number {
  const start = end - (size < LENGTH_16 ? 2 : size < 65_536 ? 4 : 10);
  bytes[start] = FINAL | BINARY;
  if (size < LENGTH_16) bytes[start + 1] = maskBit | size;
  else if (size < 65_536) {
    bytes[start + 1] = maskBit | LENGTH_16;
    bytes.writeUInt16BE(size, start + 2);
  } else {
    bytes[start + 1] = maskBit | LENGTH_64;
    bytes.writeUInt32BE(0, start + 2);
    bytes.writeUInt32BE(size, start + 6);
  }
  return start;
}

/** Answers a ping (§5.5.3). */
export function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([FINAL | PONG, payload.length]), payload]);
}

/** @param status - undefined: none is given. */
export function closeFrame(status: number | undefined): Buffer {
  return status === undefined ? Buffer.from([FINAL | CLOSE, 0]) : Buffer.from([FINAL | CLOSE, 2, status >> 8, status & 0xff]);
}
