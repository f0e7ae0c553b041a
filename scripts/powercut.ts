// `npm run powercut`: the disk of a working store is cut off its power, hundreds of times, and nothing acknowledged may be missing afterwards; with
// --fault that the proof would notice.

import { cutPower, type PowerCutReport, type PowerCutRun } from '../test/durability/powercut/power-cuts.ts';
import { COMMITTERS } from '../test/durability/store/process.ts';
import { commitName } from './bench/machine.ts';
import { EXIT_USAGE, UsageError } from './command-line.ts';
import { installCommand, missingPackages, type Peer } from './peers.ts';
import { HELP, type PowerCutArguments, parseArguments } from './powercut/arguments.ts';

const NEEDED: readonly Peer[] = ['qemu-storage-daemon', 'mke2fs', 'mount'];
/** Small, so that cuts meet checkpoints, compaction, dropped segments and groups that were split. */
const LIMITS = { checkpointLogBytes: 30_000, groupBytesMax: 8_000, compactGainBytes: 0 };
const VIOLATIONS_TOLD = 10;

function say(text: string): void {
  process.stdout.write(text);
}

async function cut(run: PowerCutRun): Promise<PowerCutReport> {
  const onCut = (done: number): void => void (process.stderr.isTTY && process.stderr.write(`\r${done} of ${run.cuts} `));
  const report = await cutPower({ ...run, limits: LIMITS, onCut });
  if (process.stderr.isTTY) process.stderr.write('\r');
  const { cuts, acknowledged, requests, flushes, compacted, losing, lostMost, violations } = report;
  say(
    `committer ${run.committer}: ${cuts} cuts of ${acknowledged} acknowledged operations (${requests} requests to the disk, ${flushes} of them flushes, ${compacted} segments compacted), `,
  );
  say(`${losing} lost something (${lostMost} operations at most), ${violations.length} violations\n`);
  if (run.fault === undefined) for (const violation of violations.slice(0, VIOLATIONS_TOLD)) say(`  VIOLATION ${violation}\n`);
  return report;
}

/** @returns whether everything was kept, or with a fault planted: whether that was seen. */
async function prove({ fault, ...args }: PowerCutArguments): Promise<boolean> {
  const reports: PowerCutReport[] = [];
  for (const [index, committer] of COMMITTERS.entries()) {
    reports.push(await cut({ ...args, fault, committer, cuts: Math.ceil(args.cuts / COMMITTERS.length), seed: args.seed + index }));
  }
  if (fault === undefined) return reports.every(({ violations }) => violations.length === 0);
  return reports.every(({ losing }) => losing > 0);
}

async function main(args: PowerCutArguments): Promise<boolean> {
  const missing = missingPackages(NEEDED);
  if (missing.length > 0) throw new Error(`programs are missing: ${installCommand(missing)}`);
  if (process.getuid?.() !== 0) throw new Error('needs root: it mounts file systems');
  say(`power cuts of ${commitName()}, Node ${process.version}, seed ${args.seed}${args.fault === undefined ? '' : `, planted: ${args.fault}`}\n`);
  const isGood = await prove(args);
  say(`${isGood ? 'PASSED' : 'FAILED'}\n`);
  return isGood;
}

try {
  const args = parseArguments(process.argv.slice(2), Math.floor(Math.random() * 2 ** 31));
  if (args === 'help') say(HELP);
  else process.exitCode = (await main(args)) ? 0 : 1;
} catch (error) {
  process.stderr.write(`powercut: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
}
