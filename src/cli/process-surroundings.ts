// The process as commands see it.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { hostname } from 'node:os';
import { promisify } from 'node:util';
import type { StartGateway } from '../control/running-gateway.ts';
import { createLog, standardError } from '../observe/log.ts';
import { SystemClock } from '../observe/system-clock.ts';
import type { Surroundings } from './surroundings.ts';

/** A notification that takes longer would only hold up the next one. */
const PROGRAM_TIMEOUT_MS = 5_000;

export function processSurroundings(): Surroundings {
  const clock = new SystemClock();
  return {
    environment: process.env,
    hostname: hostname(),
    version: ownVersion(),
    clock,
    write: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    isTerminal: process.stderr.isTTY,
    openLog: (settings) => createLog(settings, { clock, output: standardError() }),
    onSignal: (signal, run) => void process.on(signal, run),
    onCrash: (run) => void process.on('uncaughtException', run), // unhandled rejections come here as well
    exit: (code) => process.exit(code),
    execute: async (program, args) => void (await promisify(execFile)(program, args, { timeout: PROGRAM_TIMEOUT_MS })),
    startGateway,
  };
}

/** Loaded when it is used: commands that only ask need no database. */
const startGateway: StartGateway = async (options) => {
  const runtime = await import('../runtime.ts');
  return runtime.startGateway(options);
};

function ownVersion(): string {
  const path = findPackageJSON('..', import.meta.url);
  const { version }: { version?: unknown } = path === undefined ? {} : JSON.parse(readFileSync(path, 'utf8'));
  return String(version);
}
