// The load generator: compiled from test/bench/load, run on its own processor, read as one JSON line.
import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { runOn } from './children.ts';
import type { Server } from './server.ts';

const WARNINGS = ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wstrict-prototypes', '-Werror'];
const C11 = ['-std=c11', '-D_GNU_SOURCE', '-O2', ...WARNINGS];
/** test/bench/load/support.h: 1 is a verdict (something acknowledged was lost), everything above a failed run. */
const NOT_PROVEN = 1;

/** @returns the path of the compiled generator. */
export function compileGenerator(gcc: string, directory: string): string {
  const program = join(directory, 'mqtt-load');
  execFileSync(gcc, [...C11, '-o', program, ...globSync('test/bench/load/*.c').sort()], { stdio: ['ignore', 2, 2] });
  return program;
}

/** @returns the path of the library that slows every flush when it is preloaded. */
export function compileSlowFsync(gcc: string, directory: string): string {
  return compileLibrary(gcc, directory, 'slow-fsync');
}

/** @returns the path of the library that makes calls on files fail when it is preloaded. */
export function compileFailingDisk(gcc: string, directory: string): string {
  return compileLibrary(gcc, directory, 'failing-disk');
}

/** @returns the path of the library that measures turns when it is preloaded. */
export function compileTurnTimes(gcc: string, directory: string): string {
  return compileLibrary(gcc, directory, 'turn-times');
}

function compileLibrary(gcc: string, directory: string, name: string): string {
  const library = join(directory, `${name}.so`);
  execFileSync(gcc, [...C11, '-shared', '-fPIC', '-o', library, `test/support/${name}.c`, '-ldl'], { stdio: ['ignore', 2, 2] });
  return library;
}

/** What one run of the generator printed. */
export interface Figures {
  readonly values: Readonly<Record<string, unknown>>;
}

/** @throws when the generator did not print that number. */
export function figure({ values }: Figures, name: string): number {
  const value = values[name];
  if (typeof value !== 'number') throw new Error(`the load generator printed no ${name}: ${JSON.stringify(values)}`);
  return value;
}

/** Options of the generator by name without dashes; `true` for one without a value. */
export type LoadOptions = Readonly<Record<string, string | number | true>>;

export interface Generator {
  /** Runs one load against `server`. */
  run(server: Server, options: LoadOptions): Promise<Figures>;
}

export function generator(program: string, core: number): Generator {
  return {
    run: async (server, options) => {
      const args = loadArguments({ ...options, port: server.port, pid: server.pid });
      const { ending, stdout, stderr } = await runOn(core, { program, args });
      const isVerdict = 'status' in ending && ending.status <= NOT_PROVEN;
      if (!isVerdict) throw new Error(`load against ${server.name} failed (${Object.values(ending).join()}): mqtt-load ${args.join(' ')}\n${stderr}`);
      return { values: JSON.parse(stdout) };
    },
  };
}

export function loadArguments(options: LoadOptions): string[] {
  return Object.entries(options).flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, `${value}`]));
}
