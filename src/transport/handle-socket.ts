import { getSystemErrorName } from 'node:util';
import type { Counter } from '../model/metrics.ts';
import type { OutBuffer } from '../wire/out-buffer.ts';
import type { Writing } from './link-output.ts';
import type { LinkSocket, SocketOwner } from './link-socket.ts';
import type { HandleRequest, StreamHandle, StreamInternals } from './stream-handle.ts';

/** As much as a socket of Node.js reads at once. */
const READ_BYTES = 64 * 1024;
const UV_EOF = -4095;

/** Where a handle keeps its socket: a property costs it less than a closure. */
const SOCKET = Symbol('socket');

interface OwnedHandle extends StreamHandle {
  [SOCKET]?: HandleSocket;
}

/** What the connections of one listener share: the buffer their reads go into one after the other, and a request for writes that are done at once. */
export class HandleSupport {
  readonly internals: StreamInternals;
  readonly bytesSent: Counter;
  readonly onClosed: () => void;
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #read = this.readBuffer;
  #spare: HandleRequest | undefined;

  constructor(internals: StreamInternals, bytesSent: Counter, onClosed: () => void) {
    this.internals = internals;
    this.bytesSent = bytesSent;
    this.onClosed = onClosed;
  }

  /** What was just read. Readings are alike: the view of the last one often serves again. */
  read(length: number): Buffer {
    if (this.#read.length !== length) this.#read = this.readBuffer.subarray(0, length);
    return this.#read;
  }

  /** A request to write with. It is not touched unless the write is still under way when it returns: then keep it, by `keepRequest`. */
  request(): HandleRequest {
    this.#spare ??= new this.internals.WriteWrap();
    return this.#spare;
  }

  keepRequest(): void {
    this.#spare = undefined;
  }
}

/** A connection below a link without the streams of Node.js: reads go from the kernel to the owner, writes from the buffers to the kernel. */
export class HandleSocket implements LinkSocket {
  readonly #handle: OwnedHandle;
  readonly #support: HandleSupport;
  #owner: SocketOwner | undefined;
  #reading: 'paused' | 'flowing' | 'ended' = 'paused';
  #writing: 'open' | 'ending' | 'ended' | 'closed' = 'open';

  constructor(handle: StreamHandle, support: HandleSupport) {
    this.#handle = handle;
    this.#support = support;
  }

  get headroom(): number {
    return 0;
  }

  start(owner: SocketOwner): void {
    this.#owner = owner;
    if (this.#writing === 'closed') return;
    this.#handle[SOCKET] = this;
    this.#handle.onread = onRead;
    this.#handle.useUserBuffer(this.#support.readBuffer);
    this.resume();
  }

  pause(): void {
    if (this.#writing === 'closed' || this.#reading !== 'flowing') return;
    this.#reading = 'paused';
    this.#handle.readStop();
  }

  resume(): void {
    if (this.#owner === undefined || this.#writing === 'closed' || this.#reading !== 'paused') return;
    this.#reading = 'flowing';
    const status = this.#handle.readStart();
    if (status < 0) this.#fail('read', status);
  }

  write(buffers: readonly OutBuffer[], writing: Writing): boolean {
    if (this.#writing === 'closed') return false;
    const { internals, bytesSent } = this.#support;
    const request = this.#support.request();
    const [first] = buffers;
    const isLone = buffers.length === 1 && first !== undefined;
    const status = isLone ? this.#handle.writeBuffer(request, first.filled) : this.#handle.writev(request, buffers.map(filled), true);
    if (status < 0) {
      this.#fail('write', status);
      return false;
    }
    for (const { length } of buffers) bytesSent.value += length;
    if (internals.streamBaseState[internals.kLastWriteWasAsync] === 0) return true;
    this.#support.keepRequest();
    request.buffers = buffers;
    request.oncomplete = (outcome) => this.#written(outcome, writing);
    return false;
  }

  end(): void {
    if (this.#writing !== 'open') return;
    this.#writing = 'ending';
    const request = new this.#support.internals.ShutdownWrap();
    request.oncomplete = () => this.#shutDown();
    if (this.#handle.shutdown(request) !== 0) this.#shutDown(); // there was nothing to wait for, or nobody is there any more
  }

  destroy(): void {
    if (this.#writing === 'closed') return;
    this.#writing = 'closed';
    this.#handle.close(() => {
      this.#support.onClosed();
      this.#owner?.closed();
    });
  }

  /** Called by the handle, after each read. */
  hasRead(): void {
    const owner = this.#owner;
    if (owner === undefined || this.#writing === 'closed') return;
    const { streamBaseState, kReadBytesOrError } = this.#support.internals;
    const outcome = streamBaseState[kReadBytesOrError] ?? 0; // how many bytes, or a negative errno
    if (outcome > 0) owner.received(this.#support.read(outcome));
    else if (outcome === UV_EOF) this.#endReading(owner);
    else if (outcome < 0) this.#fail('read', outcome);
  }

  #endReading(owner: SocketOwner): void {
    this.#reading = 'ended';
    owner.ended();
    this.#closeWhenEnded();
  }

  #written(status: number, writing: Writing): void {
    if (this.#writing === 'closed') return;
    if (status < 0) this.#fail('write', status);
    else writing.taken();
  }

  #shutDown(): void {
    if (this.#writing === 'ending') this.#writing = 'ended';
    this.#closeWhenEnded();
  }

  #closeWhenEnded(): void {
    if (this.#reading === 'ended' && this.#writing === 'ended') this.destroy();
  }

  #fail(call: string, status: number): void {
    this.#owner?.failed(`${call} ${getSystemErrorName(status)}`);
    this.destroy();
  }
}

function onRead(this: OwnedHandle): undefined {
  this[SOCKET]?.hasRead();
}

function filled(buffer: OutBuffer): Buffer {
  return buffer.filled;
}
