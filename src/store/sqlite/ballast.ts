// A file that takes room so that there is some to give up. On a full file system even a deletion fails, because SQLite writes it to its log first: what
// the ballast had is enough for the group that is under way, the one behind it, and the copy of the log that makes deleted pages free.
import { randomFillSync } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

const BALLAST_FILE = 'postern.ballast';
/** Written at once: between two of them others get their turn at the disk. */
const CHUNK_BYTES = 128 * 1024;
const BLOCK_BYTES = 512; // stat(2): st_blocks

export class Ballast {
  /** What it takes when it is whole. */
  readonly bytesWanted: number;
  readonly #path: string;
  #making: Promise<void> | undefined;
  #isStopped = false;

  constructor(directory: string, bytesWanted: number) {
    this.#path = join(directory, BALLAST_FILE);
    this.bytesWanted = bytesWanted;
  }

  /** What it really takes on the disk. */
  get bytes(): number {
    return (statSync(this.#path, { throwIfNoEntry: false })?.blocks ?? 0) * BLOCK_BYTES;
  }

  get missingBytes(): number {
    return Math.max(0, this.bytesWanted - this.bytes);
  }

  /** @returns whether there was any, and the file system took it back. */
  giveUp(): boolean {
    const had = this.bytes;
    if (had === 0) return false;
    try {
      rmSync(this.#path);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    return this.bytes < had;
  }

  /** Makes it whole, chunk by chunk. A disk that refuses takes it back. Made once at a time. */
  make(): Promise<void> {
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  /** What is there stays. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#making;
  }

  async #make(): Promise<void> {
    if (this.missingBytes === 0 || this.#isStopped) return;
    let file: FileHandle | undefined;
    try {
      file = await open(this.#path, 'w', 0o600);
      await fill(file, this.bytesWanted, () => this.bytes > 0 && !this.#isStopped);
      await file.sync();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.giveUp();
    } finally {
      await file?.close();
    }
  }
}

/** Random bytes: file systems that compress, or leave out what is zero, would give it no blocks. */
async function fill(file: FileHandle, bytes: number, isWanted: () => boolean): Promise<void> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; at < bytes && (at === 0 || isWanted()); at += CHUNK_BYTES) {
    randomFillSync(chunk);
    await file.write(chunk, 0, Math.min(CHUNK_BYTES, bytes - at), at);
  }
}

/** What the operating system says, and not a mistake of ours. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
