// A file of exported messages, as written and as read back. What is in it is docs/reference/queue-export.md.
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { frame, KIND, MARK_BYTES } from '../carry/frame.ts';
import { GatewayError } from '../model/errors.ts';

const OWNER_ONLY = 0o600;
const CHUNK_BYTES = 256 * 1024;

/** What a file says of itself in its first frame, for whoever imports it. */
export interface CarriedHeader {
  readonly clientId: string;
  readonly realm: string | undefined;
  readonly madeBy: string;
  readonly madeAtMs: number;
}

/** Under a name of its own until it is whole. */
export class CarriedFile {
  readonly #path: string;
  readonly #draft: string;
  readonly #handle: number;
  readonly #mark = randomBytes(MARK_BYTES);
  #isOpen = true;
  #messages = 0;
  #bytes = 0;

  private constructor(path: string, handle: number) {
    this.#path = path;
    this.#draft = draftOf(path);
    this.#handle = handle;
  }

  /** @throws GatewayError STORE_UNAVAILABLE - it is there already, or is being written; or it cannot be. */
  static create(path: string, header: CarriedHeader): CarriedFile {
    requireAbsent(path);
    const draft = draftOf(path);
    if (existsSync(draft))
      throw new GatewayError(
        'STORE_UNAVAILABLE',
        `${draft} exists: an export writes it or was cut short, and nothing was removed for it: remove it, and try again`,
      );
    const handle = attempt(path, () => openSync(draft, 'wx', OWNER_ONLY)); // not through a link that somebody put there
    const file = new CarriedFile(path, handle);
    try {
      file.#append(frame(KIND.header, file.#mark, Buffer.from(JSON.stringify(header))));
    } catch (error) {
      file.abandon();
      throw error;
    }
    return file;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bodies: readonly Buffer[]): void {
    this.#append(Buffer.concat(bodies.map((body) => frame(KIND.message, this.#mark, body))));
    this.#messages += bodies.length;
  }

  /** It survives a power cut from now on. */
  finish(): void {
    this.#append(frame(KIND.end, this.#mark, Buffer.from(JSON.stringify({ messages: this.#messages }))));
    attempt(this.#path, () => {
      fsyncSync(this.#handle);
      this.#close();
      requireAbsent(this.#path);
      renameSync(this.#draft, this.#path);
      syncDirectory(dirname(this.#path));
    });
  }

  abandon(): void {
    this.#close();
    rmSync(this.#draft, { force: true });
  }

  #close(): void {
    if (this.#isOpen) closeSync(this.#handle);
    this.#isOpen = false;
  }

  #append(bytes: Buffer): void {
    attempt(this.#path, () => {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#handle, bytes, written);
    });
    this.#bytes += bytes.length;
  }
}

/** A file from its beginning on, piece by piece. @throws GatewayError STORE_UNAVAILABLE - it cannot be read. */
export function* chunksOf(path: string): Generator<Buffer> {
  const handle = attempt(path, () => openSync(path, 'r'));
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const length = attempt(path, () => readSync(handle, chunk));
      if (length === 0) return;
      yield chunk.subarray(0, length);
    }
  } finally {
    closeSync(handle);
  }
}

function draftOf(path: string): string {
  return `${path}.new`;
}

function syncDirectory(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** One that is there may hold what no queue has any more. */
function requireAbsent(path: string): void {
  if (existsSync(path)) throw new GatewayError('STORE_UNAVAILABLE', `${path} exists: choose another name`);
}

function attempt<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('STORE_UNAVAILABLE', `${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
