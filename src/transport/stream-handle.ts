// What is below a socket of Node.js, and private to it: the handle of a connection, whose reads and writes a socket turns into two streams with
// their buffers, states and events. A link needs none of that (docs/decisions/0029-bare-handles.md). Node.js may change it any day: whoever asks
// here gets it only in the shape known, and takes sockets otherwise.
import type { Server } from 'node:net';

/** A request a handle was given; told when it is done. Status 0, or a negative errno. */
export interface HandleRequest {
  oncomplete: (status: number) => void;
  /** What is being written: the handle knows its address only. */
  buffers?: readonly unknown[];
}

/** A connection. Each method returns 0, or a negative errno; a shutdown that is done at once 1. */
export interface StreamHandle {
  /** After a read: of how many bytes, or with which errno, says the state. Whatever it returns would be read into next. */
  onread: (this: StreamHandle) => undefined;
  readStart(): number;
  readStop(): number;
  /** Reads go into `bytes` from now on. It must live as long as the handle, which knows its address only. */
  useUserBuffer(bytes: Uint8Array): void;
  writeBuffer(request: HandleRequest, bytes: Uint8Array): number;
  writev(request: HandleRequest, chunks: readonly Uint8Array[], areBuffers: true): number;
  shutdown(request: HandleRequest): number;
  close(onClosed?: () => void): void;
  /** Of TCP only. */
  getpeername?(end: { address?: string; port?: number }): number;
  setNoDelay?(isOn: boolean): number;
}

/** What the handles of the process have in common. */
export interface StreamInternals {
  /** Of the call that was made last, or the callback that is being made. */
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  readonly WriteWrap: new () => HandleRequest;
  readonly ShutdownWrap: new () => HandleRequest;
}

const METHODS = ['readStart', 'readStop', 'useUserBuffer', 'writeBuffer', 'writev', 'shutdown', 'close'] as const;

/** @returns undefined: this Node.js does not give them, or not in the shape known. */
export function streamInternals(node: object = process): StreamInternals | undefined {
  const binding: unknown = Reflect.get(node, 'binding');
  if (typeof binding !== 'function') return undefined;
  try {
    const streams: unknown = Reflect.apply(binding, node, ['stream_wrap']);
    return isStreamInternals(streams) ? streams : undefined;
  } catch {
    return undefined; // forbidden by the permissions Node.js was started with, say
  }
}

function isStreamInternals(binding: unknown): binding is StreamInternals {
  if (typeof binding !== 'object' || binding === null) return false;
  const part = (name: keyof StreamInternals): unknown => Reflect.get(binding, name);
  return (
    part('streamBaseState') instanceof Int32Array &&
    typeof part('kReadBytesOrError') === 'number' &&
    typeof part('kLastWriteWasAsync') === 'number' &&
    typeof part('WriteWrap') === 'function' &&
    typeof part('ShutdownWrap') === 'function'
  );
}

function isStreamHandle(handle: unknown): handle is StreamHandle {
  return typeof handle === 'object' && handle !== null && 'onread' in handle && METHODS.every((name) => typeof Reflect.get(handle, name) === 'function');
}

/**
 * Takes the handles of new connections from a server that listens; what has another shape, and what could not be accepted, stays the server's.
 *
 * @returns false: this server has nothing to take them from.
 */
export function takeHandles(server: Server, onHandle: (handle: StreamHandle) => void): boolean {
  const listening: unknown = Reflect.get(server, '_handle');
  if (typeof listening !== 'object' || listening === null) return false;
  const accept: unknown = Reflect.get(listening, 'onconnection');
  if (typeof accept !== 'function') return false;
  const take = (status: number, handle: unknown): void => {
    if (status === 0 && isStreamHandle(handle)) onHandle(handle);
    else Reflect.apply(accept, listening, [status, handle]);
  };
  return Reflect.set(listening, 'onconnection', take);
}
