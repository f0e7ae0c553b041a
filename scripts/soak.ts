// `npm run soak`: hours of churn against one gateway. Its memory must stay flat, and everything it acknowledged must arrive.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { seeded } from '../test/durability/e2e/random.ts';
import { eventually } from '../test/durability/e2e/waiting.ts';
import { commitName } from './bench/machine.ts';
import { allowedCores, residentMB } from './bench/proc.ts';
import { freePort, type Server, start } from './bench/server.ts';
import { postern } from './bench/subjects.ts';
import { build } from './build.ts';
import { EXIT_USAGE, UsageError } from './command-line.ts';
import type { Actor, Stage } from './soak/actor.ts';
import { HELP, parseArguments, type SoakArguments } from './soak/arguments.ts';
import { memoryTrend, type Sample } from './soak/memory.ts';
import { Messenger } from './soak/messengers.ts';
import { Noticeboard } from './soak/noticeboard.ts';
import { report, type SoakResult, violations } from './soak/report.ts';
import { Visitors } from './soak/visitors.ts';

const SAMPLE_MS = 2_000;
const SETTLE_MS_MAX = 120_000;
/** Receivers that stay, that are away for a moment, and that are away for a while. */
const MESSENGERS = [
  { prefix: 'here', number: 5, pauseMsMax: 20, awayMsMax: 0 },
  { prefix: 'blinking', number: 5, pauseMsMax: 40, awayMsMax: 200 },
  { prefix: 'away', number: 10, pauseMsMax: 60, awayMsMax: 30_000 },
];

function say(text: string): void {
  process.stdout.write(text);
}

function cast(stage: Stage): Actor[] {
  const messengers = MESSENGERS.flatMap(({ prefix, number, ...times }) =>
    Array.from({ length: number }, (_, index) => new Messenger(stage, { name: `${prefix}-${index}`, ...times })),
  );
  return [...messengers, new Visitors(stage), new Noticeboard(stage)];
}

/** @returns the resident size over time. */
async function watch(server: Server, seconds: number): Promise<Sample[]> {
  const began = performance.now();
  const samples: Sample[] = [];
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - began) / 1000) {
    samples.push({ seconds: elapsed, megabytes: residentMB(server.pid) });
    if (process.stderr.isTTY) process.stderr.write(`\r${(elapsed / 60).toFixed(1)} min, ${samples.at(-1)?.megabytes.toFixed(1)} MB `);
    await delay(SAMPLE_MS);
  }
  return samples;
}

async function soak(args: SoakArguments, entry: string, directory: string): Promise<SoakResult> {
  const server = await start(postern(entry), { port: await freePort(), directory }, { core: allowedCores()[0] ?? 0 });
  const stage: Stage = { port: server.port, random: seeded(args.seed), counts: new Map() };
  const actors = cast(stage);
  for (const actor of actors) await actor.run();
  const samples = await watch(server, args.minutes * 60);
  await Promise.all(actors.map((actor) => actor.rest()));
  const accounts = actors.flatMap((actor) => actor.accounts);
  await eventually(() => accounts.every((account) => account.missing().length === 0), SETTLE_MS_MAX);
  const complaints = (await Promise.all(actors.map((actor) => actor.complaints()))).flat();
  for (const actor of actors) await actor.close();
  await server.stop();
  const heading = [`soak of ${commitName()}, Node ${process.version}, seed ${args.seed}, ${args.minutes} minutes`];
  return { heading, trend: memoryTrend(samples), accounts, counts: stage.counts, complaints };
}

async function run(args: SoakArguments): Promise<boolean> {
  const built = build();
  if (built === undefined) throw new Error('Postern does not compile');
  const workshop = mkdtempSync(join(resolve(args.directory ?? '.'), 'dist.soak-'));
  process.on('exit', () => rmSync(workshop, { recursive: true, force: true }));
  const program = join(workshop, 'program'); // a build that replaces dist/ meanwhile changes nothing
  cpSync(dirname(dirname(built)), program, { recursive: true });
  const result = await soak(args, join(program, 'src/main.js'), workshop);
  say(report(result));
  return violations(result).length === 0;
}

try {
  const args = parseArguments(process.argv.slice(2), Math.floor(Math.random() * 2 ** 31));
  if (args === 'help') say(HELP);
  else process.exit((await run(args)) ? 0 : 1);
} catch (error) {
  process.stderr.write(`soak: ${error instanceof Error ? error.message : error}\n`);
  process.exit(error instanceof UsageError ? EXIT_USAGE : 1); // the gateway may still run: it ends with this process
}
