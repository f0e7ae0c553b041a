// An ext4 file system of a few megabytes in a file, mounted by a loop device. Needs root.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findPeer } from '../../../scripts/peers.ts';

const CHUNK = Buffer.alloc(64 * 1024, 0x2a);
const FILLER = 'of-somebody-else';

export class SmallDisk {
  /** Where it is mounted. */
  readonly directory: string;
  readonly #root: string;
  readonly #image: string;

  /** @throws when this machine mounts no loop devices. */
  constructor(bytes: number) {
    this.#root = mkdtempSync(join(tmpdir(), 'postern-small-'));
    this.directory = join(this.#root, 'mounted');
    this.#image = join(this.#root, 'image');
    mkdirSync(this.directory);
    writeFileSync(this.#image, '');
    truncateSync(this.#image, bytes);
    try {
      run('mke2fs', '-q', '-t', 'ext4', '-m', '0', '-J', 'size=4', this.#image);
      this.#mount();
    } catch (error) {
      rmSync(this.#root, { recursive: true });
      throw error;
    }
  }

  get freeBytes(): number {
    const { bsize, bavail } = statfsSync(this.directory);
    return bsize * bavail;
  }

  /** A file of somebody else takes all but `leftBytes`. */
  fill(leftBytes = 0): void {
    const file = openSync(join(this.directory, FILLER), 'a');
    try {
      while (this.freeBytes > leftBytes) writeSync(file, CHUNK, 0, Math.min(CHUNK.length, this.freeBytes - leftBytes));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
    } finally {
      closeSync(file);
    }
  }

  /** It goes away. */
  clear(): void {
    rmSync(join(this.directory, FILLER), { force: true });
  }

  /** The kernel finds the file system damaged, and writes to it no more. */
  turnReadOnly(): void {
    const device = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.split(' ')[1] === this.directory)
      ?.split(' ')[0];
    writeFileSync(`/sys/fs/ext4/${basename(device ?? '')}/trigger_fs_error`, 'planted');
  }

  /** Nobody may have a file of it open. */
  repair(): void {
    run('umount', this.directory);
    run('e2fsck', '-y', this.#image);
    this.#mount();
  }

  #mount(): void {
    run('mount', '-o', 'loop,noatime,errors=remount-ro', this.#image, this.directory);
  }

  remove(): void {
    run('umount', this.directory);
    rmSync(this.#root, { recursive: true });
  }

  /** After an error: nothing of it stays. */
  abandon(): void {
    spawnSync('umount', ['--lazy', this.directory], { stdio: 'ignore' });
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** Why there can be no small disk here; undefined: there can. */
export function obstacleToDisks(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root: it mounts file systems';
  try {
    new SmallDisk(16 * 1024 * 1024).remove();
    return undefined;
  } catch (error) {
    return `needs loop devices: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const E2FSCK_CORRECTED = 1;

function run(program: 'mke2fs' | 'e2fsck' | 'mount' | 'umount', ...args: string[]): void {
  const path = program === 'umount' ? program : (findPeer(program) ?? program);
  const { status, stderr, error } = spawnSync(path, args, { encoding: 'utf8' });
  const isDone = status === 0 || (program === 'e2fsck' && status === E2FSCK_CORRECTED);
  if (!isDone) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
