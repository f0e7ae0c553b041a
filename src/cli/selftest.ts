// `postern selftest`: for a person with a board, a plug and the question whether its card keeps what it says.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import type { PowerLossRun, Selftest } from '../control/selftest.ts';
import { GatewayError } from '../model/errors.ts';
import { silentLog } from '../model/log.ts';
import type { NumberReport } from '../model/selftest.ts';
import { harmless } from '../observe/text-line.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { EXIT, EXIT_OF } from './exit-codes.ts';
import { beginText, foundText, verdictOf } from './selftest-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface SelftestOptions extends ConfigOptions {
  readonly powerLoss?: boolean;
  readonly directory?: string;
  readonly reportTo?: string;
  readonly seconds?: string;
  /** True: nobody knows a number; it may be in `heard`. */
  readonly verify?: string | true;
  /** The file of a receiver. */
  readonly heard?: string;
  readonly clean?: boolean;
  readonly receive?: string;
  readonly file?: string;
}

/** Lines a person can follow. */
const TOLD_EVERY_MS = 200;

export async function selftest(options: SelftestOptions, surroundings: Surroundings): Promise<number> {
  const loaded = loadConfig(options, surroundings, 'ignored');
  if (loaded.kind === 'invalid') {
    surroundings.complain(problemText(loaded.problems));
    return EXIT.config;
  }
  try {
    const parts = { tests: (await surroundings.maintenance()).selftest, options, surroundings };
    return await chosen(parts, loaded.config);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${harmless(error.message)}\n`);
    return error.code === 'PROTOCOL_VIOLATION' ? EXIT.usage : EXIT_OF[error.code];
  }
}

interface Parts {
  readonly tests: Selftest;
  readonly options: SelftestOptions;
  readonly surroundings: Surroundings;
}

function chosen(parts: Parts, config: Config): Promise<number> {
  const { options, tests, surroundings } = parts;
  if (options.receive !== undefined) return receive(options.receive, parts);
  if (options.powerLoss !== true) throw usage('say what to test: --power-loss; or --receive PORT on the host that listens');
  const scratch = join(resolve(options.directory ?? config.data.directory), 'selftest');
  if (options.verify !== undefined || options.heard !== undefined) return verify(scratch, parts);
  if (options.clean !== true) return run(scratch, config, parts);
  tests.clean(scratch);
  surroundings.write(`${scratch} removed\n`);
  return Promise.resolve(EXIT.ok);
}

async function run(scratch: string, config: Config, { tests, options, surroundings }: Parts): Promise<number> {
  const { clock, write } = surroundings;
  const told = { number: 0, atMs: Number.NEGATIVE_INFINITY };
  const reportTo = options.reportTo === undefined ? undefined : placeOf(options.reportTo);
  const lastsMs = options.seconds === undefined ? undefined : 1_000 * wholeNumber('--seconds', options.seconds);
  const begun = await tests.begin({
    scratch,
    committer: config.store.committer,
    reportTo,
    clock,
    log: silentLog,
    onAcknowledged: (number) => {
      told.number = number;
      if (clock.monotonicMs() - told.atMs < TOLD_EVERY_MS) return;
      told.atMs = clock.monotonicMs();
      write(`acknowledged ${number}\n`);
    },
  });
  write(beginText(begun, { scratch, reportTo: options.reportTo }));
  await ended(begun, lastsMs, surroundings);
  write(`acknowledged ${told.number}\nstopped, and nothing was cut; to look at what was written: postern selftest --power-loss --verify ${told.number}\n`);
  return EXIT.ok;
}

async function ended(begun: PowerLossRun, lastsMs: number | undefined, { clock, onSignal }: Surroundings): Promise<void> {
  const over = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) onSignal(signal, over.resolve);
  if (lastsMs !== undefined) clock.after(lastsMs, over.resolve);
  try {
    await Promise.race([over.promise, begun.failure]);
  } finally {
    await begun.stop();
  }
}

async function verify(scratch: string, { tests, options, surroundings }: Parts): Promise<number> {
  const found = await tests.verify(scratch, surroundings.clock);
  const acknowledged = acknowledgedIn(options, found.run);
  if (acknowledged === undefined) {
    surroundings.write(`run ${found.run}: found up to ${found.last}\n`);
    throw usage('say what was acknowledged: --verify NUMBER, the last one you read, or --heard FILE of the receiver');
  }
  const verdict = verdictOf(found, acknowledged);
  surroundings.write(foundText(found, { acknowledged, verdict, scratch }));
  if (!verdict.isKept) return EXIT.dataError; // and the evidence stays
  tests.clean(scratch);
  return EXIT.ok;
}

function acknowledgedIn({ verify: typed, heard }: SelftestOptions, run: string): number | undefined {
  const numbers = typeof typed === 'string' ? [wholeNumber('--verify', typed)] : [];
  if (heard !== undefined) {
    const report = readReport(heard);
    if (report.run !== run) throw usage(`${heard} is of another run (${report.run}), and ${run} lies on this disk`);
    numbers.push(report.number);
  }
  return numbers.length === 0 ? undefined : Math.max(...numbers);
}

/** Runs on another host. Each number is in the file before the next one is heard. */
async function receive(port: string, { tests, options, surroundings }: Parts): Promise<number> {
  const { write, clock, onSignal } = surroundings;
  const file = resolve(options.file ?? 'selftest-heard.txt');
  let last: NumberReport | undefined;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const receiver = await tests.receive({
    port: wholeNumber('--receive', port),
    log: silentLog,
    onHeard: (report) => {
      last = report;
      writeFileSync(file, `${report.run} ${report.number}\n`);
      if (clock.monotonicMs() - toldAtMs < TOLD_EVERY_MS) return;
      toldAtMs = clock.monotonicMs();
      write(`run ${report.run} acknowledged ${report.number}\n`);
    },
  });
  write(`listening on ${receiver.address}, writing to ${file}; Ctrl+C ends it\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) onSignal(signal, () => resolve());
  });
  await receiver.stop();
  write(
    last === undefined ? 'nothing was heard\n' : `run ${last.run} acknowledged ${last.number}\nto compare: postern selftest --power-loss --heard ${file}\n`,
  );
  return EXIT.ok;
}

function readReport(file: string): NumberReport {
  try {
    const [, run, number] = /^([0-9a-f]{8}) (\d+)\n$/.exec(readFileSync(file, 'utf8')) ?? [];
    if (run !== undefined && number !== undefined) return { run, number: Number(number) };
  } catch (error) {
    throw usage(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw usage(`${file} was not written by --receive`);
}

function placeOf(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^\[?([^[\]]+)\]?:(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw usage(`--report-to wants HOST:PORT, not ${text}`);
  return { host, port: Number(port) };
}

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw usage(`${option} wants a whole number, not ${text}`);
  return Number(text);
}

/** Wrong words of the caller. */
function usage(message: string): GatewayError {
  return new GatewayError('PROTOCOL_VIOLATION', message);
}
