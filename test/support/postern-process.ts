// The program as a process of its own, on a temporary data directory.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** A module loaded first. */
  readonly before?: string;
}

/** A directory of this test, gone after it. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export class PosternProcess {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #output = { stdout: '', stderr: '' };
  #wake: () => void = () => undefined;

  /** Killed when the test ends. */
  constructor(args: readonly string[], { environment = {}, before }: ProcessOptions = {}) {
    const program = [...(before === undefined ? [] : ['--import', before]), 'src/main.ts', ...args];
    const { CREDENTIALS_DIRECTORY: _, NOTIFY_SOCKET: __, STATE_DIRECTORY: ___, npm_lifecycle_event: ____, ...inherited } = process.env;
    this.#child = spawn(process.execPath, program, { env: { ...inherited, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text;
        this.#wake();
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        resolve({ code, signal, ...this.#output });
        this.#wake();
      });
    });
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get output(): string {
    return this.#output.stdout + this.#output.stderr;
  }

  /** @returns what `pattern` matched in the output so far. @throws when the process ends without it. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match;
      const ended = await Promise.race([
        this.ended,
        new Promise<undefined>((resolve) => {
          this.#wake = () => resolve(undefined);
        }),
      ]);
      if (ended && !pattern.test(this.output)) throw new Error(`ended with ${ended.code ?? ended.signal} without ${pattern}:\n${this.output}`);
    }
  }

  /** What it prints from now on meets a closed pipe. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Runs to the end. */
export function postern(args: readonly string[], options?: ProcessOptions): Promise<Ended> {
  return new PosternProcess(args, options).ended;
}
