// A disk whose every write and flush is logged: an ext4 file system in a file, exported by qemu-storage-daemon through FUSE with its block log driver,
// and mounted from there by a loop device. Needs root.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../e2e/waiting.ts';

const DISK_BYTES = 48 * 1024 * 1024;
const READY_MS_MAX = 5_000;

/** Where a crash state is mounted to be looked at. */
export interface Medium {
  /** Calls `look` with the directory the medium is mounted at; the journal of the file system is replayed before. */
  mounted<Result>(content: Buffer, look: (directory: string) => Promise<Result>): Promise<Result>;
}

export class LoggedDisk {
  /** Mounted here while it is open. */
  readonly directory: string;
  readonly logFile: string;
  readonly #root: string;
  #daemon: ChildProcess | undefined;

  /** @param root - an empty directory. */
  constructor(root: string) {
    this.#root = root;
    this.directory = join(root, 'mounted');
    this.logFile = join(root, 'log.raw');
  }

  async open(): Promise<void> {
    const [data, disk] = [this.#path('data.raw'), this.#path('disk')];
    mkdirSync(this.directory);
    for (const file of [data, this.logFile, disk]) writeFileSync(file, '');
    truncateSync(data, DISK_BYTES);
    run('mke2fs', '-q', '-t', 'ext4', '-m', '0', '-E', 'lazy_itable_init=0,lazy_journal_init=0', data);
    copyFileSync(data, this.#path('base.raw'));
    const blocks = [
      `driver=file,filename=${data},node-name=data`,
      `driver=file,filename=${this.logFile},node-name=log`,
      'driver=blklogwrites,file=data,log=log,log-sector-size=512,node-name=logged',
    ];
    const exported = `type=fuse,id=disk,node-name=logged,mountpoint=${disk},writable=on`;
    this.#daemon = spawn('qemu-storage-daemon', [...blocks.flatMap((block) => ['--blockdev', block]), '--export', exported], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (!(await eventually(() => statSync(disk).size === DISK_BYTES, READY_MS_MAX))) throw new Error('qemu-storage-daemon did not export the disk');
    run('mount', '-o', 'loop,noatime', disk, this.directory);
  }

  /** What was on the medium before the first write, and the log of everything since. */
  async close(): Promise<{ readonly base: Buffer; readonly log: Buffer }> {
    const log = readFileSync(this.logFile); // before the unmount, which writes what a power cut would not have
    run('umount', this.directory);
    const ended = new Promise((resolve) => this.#daemon?.once('close', resolve));
    this.#daemon?.kill('SIGTERM');
    await ended;
    return { base: readFileSync(this.#path('base.raw')), log };
  }

  /** After an error: nothing of it stays mounted or running. */
  abandon(): void {
    spawnSync('umount', ['--lazy', this.directory], { stdio: 'ignore' });
    this.#daemon?.kill('SIGKILL');
  }

  #path(name: string): string {
    return join(this.#root, name);
  }
}

/** @param root - a directory for the image and its mount point. */
export function crashMedium(root: string): Medium {
  const [image, directory] = [join(root, 'crash.raw'), join(root, 'crashed')];
  mkdirSync(directory);
  return {
    async mounted(content, look) {
      writeFileSync(image, content);
      run('mount', '-o', 'loop,noatime', image, directory);
      try {
        return await look(directory);
      } finally {
        run('umount', directory);
      }
    },
  };
}

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
