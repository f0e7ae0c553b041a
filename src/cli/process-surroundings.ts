// The process as commands see it.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { StartGateway } from '../control/running-gateway.ts';
import { createLog, standardError } from '../observe/log.ts';
import { machineTime } from '../observe/machine-time.ts';
import { SystemClock } from '../observe/system-clock.ts';
import { readSecret } from './secret-input.ts';
import type { Surroundings } from './surroundings.ts';

/** A notification that takes longer would only hold up the next one. */
const PROGRAM_TIMEOUT_MS = 5_000;
/** Only who means to talk to the service manager may: other programs of systemd report their own failures through it unasked. */
const SERVICE_MANAGER = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'];
/** A larger one takes longer than anybody should wait for who connects right after the start. */
const RELEASED_HEAP_BYTES_MAX = 32 * 1024 * 1024;

export function processSurroundings(): Surroundings {
  const clock = new SystemClock();
  const environment = { ...process.env };
  for (const name of SERVICE_MANAGER) delete process.env[name];
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {}); // whoever read it is gone; that is no reason to end
  return {
    environment,
    hostname: hostname(),
    version: ownVersion(),
    clock,
    write: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    readSecret: (called) => readSecret(process.stdin, (text) => void process.stderr.write(text), called),
    isTerminal: process.stderr.isTTY,
    openLog: (settings) => createLog(settings, { clock, output: standardError() }),
    onSignal: (signal, run) => void process.on(signal, run),
    onCrash: (run) => void process.on('uncaughtException', run), // unhandled rejections come here as well
    exit: (code) => process.exit(code),
    execute: async (program, args) => void (await promisify(execFile)(program, args, { timeout: PROGRAM_TIMEOUT_MS, env: environment })),
    releaseMemory,
    startGateway: startWith(clock),
    maintenance: async () => (await import('../runtime.ts')).maintenance,
    fileProblems: async (config) => (await import('../runtime.ts')).fileProblems(config),
  };
}

/** Loaded when it is used: commands that only ask need no database. */
function startWith(clock: SystemClock): StartGateway {
  return async (options) => {
    const [runtime] = await Promise.all([import('../runtime.ts'), clock.asked()]); // how long the gateway was away depends on the answer
    return runtime.startGateway({ ...options, machine: machineTime() });
  };
}

/**
 * A start makes garbage in a young generation that has grown for it, and no collection V8 makes by itself follows in a gateway with little to do. One with
 * much in its queues has had collections, and would stand still for too long (docs/decisions/0034-idle-memory.md).
 */
function releaseMemory(): void {
  if (process.memoryUsage().heapUsed <= RELEASED_HEAP_BYTES_MAX) globalThis.gc?.({ type: 'major', flavor: 'last-resort' });
}

function ownVersion(): string {
  const { version }: { version?: unknown } = JSON.parse(readFileSync(nearestManifest(import.meta.dirname), 'utf8'));
  return String(version);
}

/** The package.json at or above `directory`: this file lies deeper in the repository than in the bundle that ships. */
function nearestManifest(directory: string): string {
  const path = join(directory, 'package.json');
  const parent = dirname(directory);
  return existsSync(path) || parent === directory ? path : nearestManifest(parent);
}
