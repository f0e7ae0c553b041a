// `npm run durability`: the long proof that nothing acknowledged is lost, and with --fault that the proof would notice.

import { runBridgeChaos } from '../test/durability/e2e/bridge-chaos.ts';
import { bridgeSummary, bridgeWeaknesses } from '../test/durability/e2e/bridge-report.ts';
import { runChaos } from '../test/durability/e2e/chaos.ts';
import { FAULTS, type FaultName } from '../test/durability/e2e/faults.ts';
import { summary, violations, weaknesses } from '../test/durability/e2e/report.ts';
import { runSlowDisk, type SlowDiskReport } from '../test/durability/e2e/slow-disk.ts';
import { type CentreName, NEEDED, type Variant, Workshop } from '../test/durability/e2e/workshop.ts';
import { killStore } from '../test/durability/store/harness.ts';
import type { CommitterName } from '../test/durability/store/process.ts';
import { commitName } from './bench/machine.ts';
import { EXIT_USAGE, UsageError } from './command-line.ts';
import { type DurabilityArguments, HELP, parseArguments } from './durability/arguments.ts';
import { installCommand, missingPackages } from './peers.ts';

const SYNC_MS = 200;
const SLOW_DISK_ROUNDS = 3;
/** Of every run with the usual 200 kills. */
const ACKNOWLEDGED_PER_KILL_MIN = 100;
/** Readings as well as commands; the run of a bridge has fewer publishers. */
const BRIDGED_PER_KILL_MIN = 20;
/** Side runs get this share of the kills. */
const SIDE_SHARE = 0.1;
const CALM_MS_MAX = 60_000;
/** What a planted fault has broken is not worth a long wait. */
const CALM_WITH_FAULT_MS_MAX = 8_000;

function say(text: string): void {
  process.stdout.write(text);
}

interface Run {
  readonly centre: CentreName;
  readonly bridgeQos: 1 | 2;
  readonly committer: CommitterName;
  readonly variant: Variant;
  readonly kills: number;
}

async function runStore({ kills, seed }: DurabilityArguments, committer: CommitterName): Promise<boolean> {
  const { acknowledged, killsBetween, violations: broken, ...report } = await killStore({ kills, seed, committer });
  say(
    `the store alone, committer ${committer}, seed ${seed}: ${report.kills} kills, ${killsBetween} between operation and acknowledgement, ${acknowledged} operations acknowledged\n`,
  );
  for (const violation of broken) say(`  VIOLATION ${violation}\n`);
  return broken.length === 0;
}

function tellSlowDisk(told: string, { syncMs, answers, violations: early }: SlowDiskReport): void {
  say(`a disk that takes ${syncMs} ms to flush (${told}), soonest answers:\n`);
  for (const { name, soonestMs, count } of answers) say(`  ${name.padEnd(20)} ${soonestMs.toFixed(1)} ms (of ${count})\n`);
  for (const violation of early) say(`  VIOLATION ${violation}\n`);
}

async function slowDisk(workshop: Workshop, variant: Variant, committer: CommitterName): Promise<SlowDiskReport> {
  const { slowFsync, clock } = workshop;
  const directory = workshop.place('slow-disk');
  const report = await runSlowDisk({ entry: workshop.entryOf(variant), slowFsync, clock, committer, directory, syncMs: SYNC_MS, rounds: SLOW_DISK_ROUNDS });
  tellSlowDisk(`${variant}, committer ${committer}`, report);
  return report;
}

function tell(kills: number, acknowledged: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${kills} kills, ${acknowledged} acknowledged `);
}

/** @returns what was broken, and what the run failed to show. */
async function chaos(workshop: Workshop, args: DurabilityArguments, { centre, variant, ...run }: Run): Promise<{ broken: string[]; weak: string[] }> {
  const { slowFsync, mosquittoPub, clock } = workshop;
  const { seed, sensors, secondsMax } = args;
  const directory = workshop.place('chaos');
  const isSound = variant === 'as-shipped';
  say(`\n${isSound ? '' : `${variant}, `}committer ${run.committer}: `);
  const report = await runChaos({
    ...run,
    seed,
    sensors,
    entry: workshop.entryOf(variant),
    centre: await workshop.centre(centre, directory),
    slowFsync,
    mosquittoPub,
    clock,
    directory,
    calmMsMax: isSound ? CALM_MS_MAX : CALM_WITH_FAULT_MS_MAX,
    ...(secondsMax === undefined ? {} : { secondsMax }),
    onRound: tell,
  });
  if (process.stderr.isTTY) process.stderr.write('\r');
  say(summary(report));
  const weak = weaknesses(report, report.kills * ACKNOWLEDGED_PER_KILL_MIN);
  if (isSound) for (const weakness of weak) say(`  SHOWS TOO LITTLE ${weakness}\n`);
  return { broken: violations(report), weak };
}

/** The long one of each centre and committer, and a short one with the bridge at QoS 1. */
function runsOf({ centres, committers, kills }: DurabilityArguments): Run[] {
  const side = Math.max(1, Math.round(kills * SIDE_SHARE));
  return centres.flatMap((centre) =>
    committers.flatMap((committer): Run[] => [
      { centre, committer, bridgeQos: 2, variant: 'as-shipped', kills },
      { centre, committer, bridgeQos: 1, variant: 'as-shipped', kills: side },
    ]),
  );
}

async function prove(workshop: Workshop, args: DurabilityArguments): Promise<boolean> {
  let isProven = true;
  for (const committer of args.committers) {
    if (!(await runStore(args, committer))) isProven = false;
    if ((await slowDisk(workshop, 'as-shipped', committer)).violations.length > 0) isProven = false;
  }
  for (const run of runsOf(args)) {
    const { broken, weak } = await chaos(workshop, args, run);
    if (broken.length + weak.length > 0) isProven = false;
  }
  return isProven;
}

/** @returns whether the promises were kept, and enough was shown. */
async function bridgeChaos(workshop: Workshop, args: DurabilityArguments, { centre, variant, ...run }: Run): Promise<boolean> {
  const { slowFsync, clock } = workshop;
  const { seed, secondsMax } = args;
  const directory = workshop.place('bridge');
  say(`\ncommitter ${run.committer}: `);
  const report = await runBridgeChaos({
    ...run,
    seed,
    entry: workshop.entryOf(variant),
    centre: await workshop.centre(centre, directory),
    slowFsync,
    clock,
    directory,
    calmMsMax: CALM_MS_MAX,
    ...(secondsMax === undefined ? {} : { secondsMax }),
    onRound: tell,
  });
  say(bridgeSummary(report));
  const weak = bridgeWeaknesses(report, BRIDGED_PER_KILL_MIN);
  for (const weakness of weak) say(`  SHOWS TOO LITTLE ${weakness}\n`);
  return violations(report).length + weak.length === 0;
}

/** One run after the other, whatever came out of the ones before. */
async function proveBridge(workshop: Workshop, args: DurabilityArguments): Promise<boolean> {
  let isProven = true;
  for (const run of runsOf(args)) if (!(await bridgeChaos(workshop, args, run))) isProven = false;
  return isProven;
}

/** @returns whether the harness sees it. */
async function sees(workshop: Workshop, args: DurabilityArguments, fault: FaultName): Promise<boolean> {
  const { about, seenBy } = FAULTS[fault];
  say(`\nplanted: ${fault}, ${about}\n`);
  for (const committer of args.committers) {
    if (seenBy === 'slow-disk') {
      if ((await slowDisk(workshop, fault, committer)).violations.length === 0) return false;
      continue;
    }
    for (const centre of args.centres) {
      const { broken } = await chaos(workshop, args, { centre, committer, bridgeQos: 2, variant: fault, kills: args.kills });
      if (broken.length === 0) return false;
    }
  }
  return true;
}

async function seeAll(workshop: Workshop, args: DurabilityArguments): Promise<boolean> {
  const unseen: FaultName[] = [];
  for (const fault of args.faults) {
    const isSeen = await sees(workshop, args, fault);
    say(isSeen ? `${fault}: reported, as it must be\n` : `${fault}: NOT NOTICED\n`);
    if (!isSeen) unseen.push(fault);
  }
  return unseen.length === 0;
}

async function run(args: DurabilityArguments): Promise<boolean> {
  const missing = missingPackages(NEEDED);
  if (missing.length > 0) throw new Error(`peers are missing: ${installCommand(missing)}`);
  const workshop = new Workshop();
  process.on('exit', () => workshop.close());
  say(`durability of ${commitName()}, Node ${process.version}, seed ${args.seed}\n`);
  const work = args.isBridge ? proveBridge : args.faults.length > 0 ? seeAll : prove;
  const isGood = await work(workshop, args);
  say(`\n${isGood ? 'PASSED' : 'FAILED'}\n`);
  return isGood;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
try {
  const args = parseArguments(process.argv.slice(2), Math.floor(Math.random() * 2 ** 31));
  if (args === 'help') say(HELP);
  else process.exit((await run(args)) ? 0 : 1);
} catch (error) {
  process.stderr.write(`durability: ${error instanceof Error ? error.message : error}\n`);
  process.exit(error instanceof UsageError ? EXIT_USAGE : 1);
}
