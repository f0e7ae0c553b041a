// Bytes of one connection in, frames out to a visitor (STOMP 1.2 "Augmented BNF"). A frame that lies whole in a read is decoded where it lies; of one that
// is cut only the line or the body that is not complete is kept, and no byte is looked at twice.
import { Accumulator } from '../../src/wire/accumulator.ts';
import { decodeHeader, type Header } from './decode-headers.ts';
import { CLIENT_COMMANDS, type Command, type Frame, headerOf, NO_HEADERS, SERVER_COMMANDS, StompError, type StompVersion } from './packets.ts';

export interface FrameLimits {
  readonly headersMax: number;
  /** Name, colon and value, as on the wire. */
  readonly headerLineBytesMax: number;
  readonly bodyBytesMax: number;
}

export interface FrameVisitor {
  onFrame(frame: Frame): void;
}

const LF = 0x0a;
const CR = 0x0d;
const NUL = 0x00;
const EMPTY = Buffer.alloc(0);
/** What one read of a socket brings at most; it may follow the frame at which the decoder was paused. */
const READ_BYTES_MAX = 65_536;
/** A native search costs as much as looking at so many. */
const BYTES_LOOKED_AT_SINGLY = 64;

const COMMANDS: ReadonlyMap<string, Command> = new Map([...CLIENT_COMMANDS, ...SERVER_COMMANDS].map((command) => [command, command]));
/** Nothing longer than this is a command. */
const COMMAND_BYTES_MAX = Math.max(...[...COMMANDS.keys()].map(({ length }) => length));
/** STOMP 1.2 "Body": the others must not have one. */
const WITH_BODY: ReadonlySet<Command> = new Set(['SEND', 'MESSAGE', 'ERROR']);
/** No version escapes them ("Value Encoding"). */
const UNESCAPED: ReadonlySet<Command> = new Set(['CONNECT', 'STOMP', 'CONNECTED']);

type Part = 'command' | 'headers' | 'body';

export class StompDecoder {
  readonly #rest = new Accumulator();
  #limits: FrameLimits;
  /** Room for the longest part of a frame, and for what was read behind one at which the decoder was paused. */
  #bufferMax: number;
  #state: 'running' | 'paused' | 'closed' = 'running';
  #part: Part = 'command';
  #command: Command = 'SEND';
  #headers: Header[] = [];
  /** Octets of the body; undefined: up to the first NUL. */
  #contentLength: number | undefined;
  /** How much of what is kept was looked at already. */
  #seen = 0;
  #isGreeted = false;
  /** What was agreed on; before, what every version has. */
  version: StompVersion | undefined;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
    this.#bufferMax = bufferMaxOf(limits);
  }

  /** A frame has come in at all: who sends it speaks STOMP. */
  get isGreeted(): boolean {
    return this.#isGreeted;
  }

  /** Of a frame that is not complete, or of what came after the decoder was paused. */
  get bufferedBytes(): number {
    return this.#rest.length;
  }

  limit(limits: FrameLimits): void {
    this.#limits = limits;
    this.#bufferMax = bufferMaxOf(limits);
  }

  /**
   * @param bytes - borrowed.
   * @throws StompError - from then on nothing more can be read.
   */
  push(bytes: Buffer, visitor: FrameVisitor): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'paused' || this.#rest.length > 0) {
      this.#rest.append(bytes, { start: 0, end: bytes.length }, this.#bufferMax);
      if (this.#state === 'paused') return;
      this.#decodeRest(visitor);
      return;
    }
    const end = this.#decode(bytes, bytes.length, visitor);
    if (end < bytes.length && !this.#isClosed) this.#rest.append(bytes, { start: end, end: bytes.length }, this.#bufferMax);
  }

  /** Frames that have come in, too, wait; may be called from within a visit. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  resume(visitor: FrameVisitor): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    if (this.#rest.length > 0) this.#decodeRest(visitor);
  }

  close(): void {
    this.#state = 'closed';
    this.#rest.take();
  }

  #decodeRest(visitor: FrameVisitor): void {
    const end = this.#decode(this.#rest.bytes, this.#rest.length, visitor);
    if (end > 0 && !this.#isClosed) this.#rest.consume(end);
  }

  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** @returns where the first part of `bytes[0, length)` begins that is not complete. */
  #decode(bytes: Buffer, length: number, visitor: FrameVisitor): number {
    let at = 0;
    while (this.#state === 'running' && at < length) {
      const next = this.#part === 'body' ? this.#body(bytes, at, length, visitor) : this.#line(bytes, at, length);
      if (next < 0) break;
      at = next;
    }
    return at;
  }

  /** @returns where the line after this one begins; -1: this one is not complete. */
  #line(bytes: Buffer, start: number, length: number): number {
    let end = start + this.#seen;
    while (end < length && bytes[end] !== LF) end += 1;
    this.#checkLine(end - start);
    if (end === length) {
      this.#seen = end - start;
      return -1;
    }
    this.#seen = 0;
    const isCarried = end > start && bytes[end - 1] === CR && (this.version === undefined || this.version === '1.2'); // 1.2 EOL
    this.#takeLine(bytes, start, isCarried ? end - 1 : end);
    return end + 1;
  }

  #checkLine(length: number): void {
    if (this.#part === 'command') {
      if (length > COMMAND_BYTES_MAX + 1) throw new StompError('STOMP 1.2 augmented BNF', 'what comes first is no command');
    } else if (length > this.#limits.headerLineBytesMax + 1) {
      throw new StompError('STOMP 1.2 size limits', `a header line of more than ${this.#limits.headerLineBytesMax} bytes (headerLineBytesMax)`);
    }
  }

  #takeLine(bytes: Buffer, start: number, end: number): void {
    if (this.#part === 'headers') {
      if (start === end) this.#beginBody();
      else this.#takeHeader(bytes, start, end);
    } else if (start < end) {
      // An empty line is an EOL between frames: a heart-beat.
      this.#command = commandOf(bytes, start, end);
      this.#part = 'headers';
    }
  }

  #takeHeader(bytes: Buffer, start: number, end: number): void {
    if (this.#headers.length >= this.#limits.headersMax) {
      throw new StompError('STOMP 1.2 size limits', `more than ${this.#limits.headersMax} headers (headersMax)`);
    }
    this.#headers.push(decodeHeader(bytes, { start, end }, UNESCAPED.has(this.#command) ? undefined : this.version));
  }

  #beginBody(): void {
    this.#part = 'body';
    const stated = headerOf(this.#headers, 'content-length');
    this.#contentLength = stated === undefined ? undefined : contentLength(stated);
    if ((this.#contentLength ?? 0) > this.#limits.bodyBytesMax) throw this.#tooLarge();
  }

  /** @returns where the next frame begins; -1: this one is not complete. */
  #body(bytes: Buffer, start: number, length: number, visitor: FrameVisitor): number {
    const stated = this.#contentLength;
    const end = stated === undefined ? endOfBody(bytes, start + this.#seen, length) : start + stated;
    if (end - start > this.#limits.bodyBytesMax) throw this.#tooLarge();
    if (end >= length) {
      this.#seen = length - start;
      return -1;
    }
    if (bytes[end] !== NUL) throw new StompError('STOMP 1.2 header content-length', 'no NUL behind as many octets as content-length says');
    this.#seen = 0;
    this.#visit(start === end ? EMPTY : bytes.subarray(start, end), visitor);
    return end + 1;
  }

  #visit(body: Buffer, visitor: FrameVisitor): void {
    const frame = { command: this.#command, headers: this.#headers.length === 0 ? NO_HEADERS : this.#headers, body };
    this.#part = 'command';
    if (this.#headers.length > 0) this.#headers = [];
    if (body.length > 0 && !WITH_BODY.has(frame.command) && !(this.version === '1.0' && frame.command === 'SUBSCRIBE')) {
      throw new StompError('STOMP 1.2 body', `${frame.command} has a body`);
    }
    this.#isGreeted = true;
    visitor.onFrame(frame);
  }

  #tooLarge(): StompError {
    return new StompError('STOMP 1.2 size limits', `a body of more than ${this.#limits.bodyBytesMax} bytes (bodyBytesMax)`);
  }
}

function bufferMaxOf({ bodyBytesMax, headerLineBytesMax }: FrameLimits): number {
  return Math.max(bodyBytesMax, headerLineBytesMax) + READ_BYTES_MAX;
}

/** @returns `length` when there is no NUL before it. */
function endOfBody(bytes: Buffer, start: number, length: number): number {
  const near = Math.min(length, start + BYTES_LOOKED_AT_SINGLY);
  for (let at = start; at < near; at += 1) if (bytes[at] === NUL) return at;
  if (near === length) return length;
  const end = bytes.indexOf(NUL, near);
  return end < 0 ? length : Math.min(end, length);
}

function commandOf(bytes: Buffer, start: number, end: number): Command {
  const command = COMMANDS.get(bytes.toString('latin1', start, end));
  if (command === undefined) throw new StompError('STOMP 1.2 augmented BNF', 'what comes first is no command');
  return command;
}

function contentLength(stated: string): number {
  if (!/^\d{1,15}$/u.test(stated)) throw new StompError('STOMP 1.2 header content-length', 'content-length is no number of octets');
  return Number(stated);
}
