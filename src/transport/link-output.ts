import { LINK_OUT_HIGH_BYTES } from '../model/limits.ts';
import type { OutBuffer } from '../wire/out-buffer.ts';
import { LARGE_BUFFER_BYTES } from './out-buffer-pool.ts';
import type { TurnOutput, TurnWriter } from './turn-writer.ts';

/** Where the output of a link goes: its socket. */
export interface OutputSink {
  /** Bytes it wants to itself before the output in each buffer. */
  readonly headroom: number;
  /**
   * Writes the buffers in one go, in order.
   * @returns true when their bytes were taken at once. Otherwise `writing.taken` follows, unless the connection breaks before; until then the
   * buffers stay as they are and nothing but the last write before the end is written.
   */
  write(buffers: readonly OutBuffer[], writing: Writing): boolean;
}

/** A write that was not done at once. */
export interface Writing {
  taken(): void;
}

/** Most links hold nothing most of the time. */
const NONE: readonly OutBuffer[] = [];

/** Who is told how full the output is, see `LinkHandlers`. */
export interface OutputWatcher {
  onFull(): void;
  onDrain(): void;
}

/**
 * The output of one link. While the kernel takes everything there is one buffer, written at the end of the turn or when it is full; while it
 * does not, one write is under way and what comes meanwhile waits here. A buffer is given back only when its bytes were taken.
 */
export class LinkOutput implements TurnOutput, Writing {
  readonly #writer: TurnWriter;
  readonly #sink: OutputSink;
  readonly #watcher: OutputWatcher;
  #current: OutBuffer | undefined;
  #waiting: readonly OutBuffer[] = NONE;
  #underWay: readonly OutBuffer[] = NONE;
  /** Of `#waiting` and `#underWay`. */
  #heldBytes = 0;
  #isFull = false;
  #isEnded = false;

  constructor(writer: TurnWriter, sink: OutputSink, watcher: OutputWatcher) {
    this.#writer = writer;
    this.#sink = sink;
    this.#watcher = watcher;
  }

  /** Bytes of earlier writes the kernel has not taken; more than `LINK_OUT_HIGH_BYTES` of them is what makes a link full. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** See `Link.reserve`. After `end` the room leads nowhere. */
  reserve(size: number): OutBuffer {
    const current = this.#current;
    if (current === undefined) return this.#open(size);
    if (current.free >= size && !this.#isEnded) return current;
    return this.#replace(current, size);
  }

  flush(): void {
    if (this.#underWay.length === 0 && !this.#isEnded) this.#writeAll();
  }

  /** Hands everything to the sink, behind what is under way; from now on output is thrown away. */
  end(): void {
    if (this.#isEnded) return;
    const buffers = this.#collect();
    this.#isEnded = true;
    if (buffers.length > 0) this.#sink.write(buffers, this);
  }

  /** Throws away what was not written; what is under way stays the kernel's. */
  discard(): void {
    this.#isEnded = true;
    this.#current = undefined;
    this.#waiting = NONE;
  }

  /** See `Writing`. */
  taken(): void {
    const taken = this.#underWay;
    this.#underWay = NONE;
    this.#giveBack(taken);
    if (this.#isEnded) return;
    this.#writeAll();
    if (this.#isFull && this.#heldBytes < LINK_OUT_HIGH_BYTES / 2) {
      this.#isFull = false;
      this.#watcher.onDrain();
    }
  }

  #open(size: number): OutBuffer {
    const buffer = this.#writer.buffers.take(size + this.#sink.headroom);
    buffer.length = this.#sink.headroom;
    this.#current = buffer;
    if (this.#underWay.length === 0 && !this.#isEnded) this.#writer.schedule(this);
    return buffer;
  }

  /** Room when the current buffer has too little: by growing it while that is cheaper than a second write, else by handing it on. */
  #replace(full: OutBuffer, size: number): OutBuffer {
    if (this.#isEnded || this.#isEmpty(full)) this.#dropCurrent(full);
    else if (full.bytes.length < LARGE_BUFFER_BYTES && full.length + size <= LARGE_BUFFER_BYTES) return this.#grow(full);
    else if (this.#underWay.length === 0) this.#writeAll();
    else this.#setAside(full);
    return this.reserve(size); // not #open: the owner may have written from within onFull
  }

  #grow(small: OutBuffer): OutBuffer {
    const grown = this.#writer.buffers.take(LARGE_BUFFER_BYTES);
    small.bytes.copy(grown.bytes, 0, 0, small.length);
    grown.length = small.length;
    this.#writer.buffers.giveBack(small);
    this.#current = grown;
    return grown;
  }

  #setAside(full: OutBuffer): void {
    this.#current = undefined;
    this.#waiting = [...this.#waiting, full];
    this.#heldBytes += full.length;
    this.#noteFull();
  }

  #isEmpty({ length }: OutBuffer): boolean {
    return length === this.#sink.headroom;
  }

  #dropCurrent(buffer: OutBuffer): void {
    this.#current = undefined;
    this.#writer.buffers.giveBack(buffer);
  }

  #writeAll(): void {
    const buffers = this.#collect();
    if (buffers.length === 0) return;
    if (this.#sink.write(buffers, this)) {
      this.#giveBack(buffers);
      return;
    }
    this.#underWay = buffers;
    this.#heldBytes = byteLength(buffers);
    this.#noteFull();
  }

  /** Everything that waits, oldest first. */
  #collect(): readonly OutBuffer[] {
    const waiting = this.#waiting;
    const current = this.#current;
    this.#waiting = NONE;
    if (current === undefined) return waiting;
    if (this.#isEmpty(current)) {
      this.#dropCurrent(current);
      return waiting;
    }
    this.#current = undefined;
    return waiting === NONE ? [current] : [...waiting, current];
  }

  #giveBack(buffers: readonly OutBuffer[]): void {
    for (const buffer of buffers) this.#writer.buffers.giveBack(buffer);
    this.#heldBytes = 0;
  }

  #noteFull(): void {
    if (this.#isFull || this.#heldBytes <= LINK_OUT_HIGH_BYTES) return;
    this.#isFull = true;
    this.#watcher.onFull();
  }
}

function byteLength(buffers: readonly OutBuffer[]): number {
  let length = 0;
  for (const buffer of buffers) length += buffer.length;
  return length;
}
