// A disk of its own for one measurement: a file as a loop device, with ext4 as an SD card has it. Its counters see what this file system had written, and nobody else.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';

const IMAGE_BYTES = 1024 ** 3;
/** In memory, where it can be: what is counted are bytes, not time. */
const MEMORY = '/dev/shm';

export class LoopDisk {
  /** Where it is mounted. */
  readonly directory: string;
  /** The device's counters. */
  readonly statFile: string;
  readonly #place: string;
  readonly #device: string;

  private constructor(place: string, device: string) {
    this.#place = place;
    this.#device = device;
    this.directory = join(place, 'mounted');
    this.statFile = `/sys/block/${basename(device)}/stat`;
  }

  /** Why there can be none here; undefined: there can. */
  static obstacle(): string | undefined {
    if (process.getuid?.() !== 0) return 'it needs root, for a loop device and a mount';
    if (!existsSync('/dev/loop-control')) return 'this kernel has no loop devices';
    const missing = ['losetup', 'mkfs.ext4', 'mount'].find((program) => spawnSync('which', [program]).status !== 0);
    return missing && `${missing} is missing: it is in the Debian packages mount and e2fsprogs`;
  }

  static make(fallback: string): LoopDisk {
    const place = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : fallback, 'postern-wear-'));
    const image = join(place, 'image');
    const file = openSync(image, 'w');
    ftruncateSync(file, IMAGE_BYTES);
    closeSync(file);
    const device = run('losetup', '--find', '--show', image);
    const disk = new LoopDisk(place, device);
    process.once('exit', () => disk.remove()); // a bench that is stopped leaves neither mount nor device behind
    try {
      run('mkfs.ext4', '-q', '-b', '4096', '-E', 'lazy_itable_init=0,lazy_journal_init=0', device);
      mkdirSync(disk.directory);
      run('mount', '-t', 'ext4', '-o', 'data=ordered', device, disk.directory);
      return disk;
    } catch (error) {
      disk.remove();
      throw error;
    }
  }

  /** May be said again. */
  remove(): void {
    if (!existsSync(this.#place)) return;
    spawnSync('umount', ['--lazy', this.directory]);
    spawnSync('losetup', ['--detach', this.#device]);
    rmSync(this.#place, { recursive: true, force: true });
  }
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8' }).trim();
}
