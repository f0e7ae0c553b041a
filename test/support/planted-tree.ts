// A throw-away repository with this one's settings and planted contents, for gates and commands to run in.
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const BIN = join(REPOSITORY, 'node_modules/.bin');
const SETTINGS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'biome.json',
  'knip.json',
  'vitest.config.ts',
  '.dependency-cruiser.cjs',
  '.gitignore',
  '.npmrc',
];

/** Path below the root → content. */
export type Files = Readonly<Record<string, string>>;

export interface Outcome {
  readonly status: number | null;
  /** Standard output and standard error as they came, without empty lines. */
  readonly lines: readonly string[];
}

/** The files of this repository under `paths`, to be planted as they are. */
export function ours(...paths: readonly string[]): Files {
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(REPOSITORY, path), 'utf8')]));
}

export class PlantedTree implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'postern-planted-'));
  readonly #environment: Readonly<Record<string, string>>;
  /** Each leads a process group of its own. */
  readonly #children: ChildProcessByStdio<null, Readable, null>[] = [];

  /** @param files - beside them the tree has the repository's settings and its node_modules. */
  constructor(files: Files, environment: Readonly<Record<string, string>> = {}) {
    this.#environment = environment;
    for (const name of SETTINGS) copyFileSync(join(REPOSITORY, name), this.path(name));
    symlinkSync(join(REPOSITORY, 'node_modules'), this.path('node_modules'));
    this.write(files);
  }

  path(name: string): string {
    return join(this.root, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** A content that opens with `#!` becomes a program; those in bin/ come first in the PATH of what is run. */
  write(files: Files): void {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(this.path(name)), { recursive: true });
      writeFileSync(this.path(name), content);
      if (content.startsWith('#!')) chmodSync(this.path(name), 0o755);
    }
  }

  remove(name: string): void {
    rmSync(this.path(name), { recursive: true });
  }

  /** Runs to its end a script (`scripts/layers.ts`; the tree's own or else the repository's) or a program of node_modules/.bin or PATH. */
  run(program: string, ...args: readonly string[]): Outcome {
    const joined = ['-c', 'exec "$@" 2>&1', 'sh', ...this.#command(program), ...args];
    const { status, stdout } = spawnSync('/bin/sh', joined, { cwd: this.root, encoding: 'utf8', env: this.#env() });
    return { status, lines: stdout.split('\n').filter((line) => line !== '') };
  }

  /** As `run`, but leaves it running, at most until the tree is disposed of. */
  start(program: string, ...args: readonly string[]): ChildProcessByStdio<null, Readable, null> {
    const [command, ...rest] = this.#command(program);
    const child = spawn(command, [...rest, ...args], { cwd: this.root, env: this.#env(), stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    this.#children.push(child);
    return child;
  }

  #command(program: string): [string, ...string[]] {
    if (!program.startsWith('scripts/')) return [existsSync(join(BIN, program)) ? join(BIN, program) : program];
    return [process.execPath, existsSync(this.path(program)) ? this.path(program) : join(REPOSITORY, program)];
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: `${this.path('bin')}:${BIN}:${process.env['PATH']}`, NO_COLOR: '1', ...this.#environment };
  }

  [Symbol.dispose](): void {
    for (const { pid } of this.#children) if (pid !== undefined) endGroup(pid);
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A child that has ended may have left children of its own. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
