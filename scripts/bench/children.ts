// Every process the bench starts, so that none outlives it.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** From util-linux, which every Debian has; becomes the command it is given, so the process id stays. */
const PIN = 'taskset';

const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** How a process ended. */
export type Ending = { readonly status: number } | { readonly signal: NodeJS.Signals };

export interface Child {
  readonly process: ChildProcess;
  /** Of the command itself. */
  readonly pid: number;
  readonly ended: Promise<Ending>;
}

/** Starts `command` on one processor. */
export function startOn(core: number, command: Command, options: SpawnOptions): Child {
  const environment = { ...process.env, ...command.environment };
  const child = spawn(PIN, ['--cpu-list', `${core}`, command.program, ...command.args], { ...options, env: environment });
  running.add(child);
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      running.delete(child);
      resolve(signal === null ? { status: status ?? 1 } : { signal });
    });
  });
  if (child.pid === undefined) throw new Error(`cannot start ${PIN}: it is in the Debian package util-linux`);
  return { process: child, pid: child.pid, ended };
}

/** Runs `command` on one processor to its end. */
export async function runOn(core: number, command: Command): Promise<{ readonly ending: Ending; readonly stdout: string; readonly stderr: string }> {
  const child = startOn(core, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { ending: await child.ended, stdout, stderr };
}
