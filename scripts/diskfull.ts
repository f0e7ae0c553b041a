// `npm run diskfull`: calls on the files of a store fail at hundreds of places, and the disk of a gateway is filled in every way there is. Nothing
// acknowledged may be lost beyond what queues may drop and counted, and everything must come back by itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SystemClock } from '../src/observe/system-clock.ts';
import { DiskFullRun, PHASES } from '../test/durability/diskfull/disk-full.ts';
import { obstacleToDisks } from '../test/durability/diskfull/small-disk.ts';
import { failCalls, type IoFaultRun } from '../test/durability/store/io-faults.ts';
import type { CommitterName } from '../test/durability/store/process.ts';
import { compileFailingDisk } from './bench/generator.ts';
import { commitName } from './bench/machine.ts';
import { EXIT_USAGE, UsageError } from './command-line.ts';
import { type DiskFullArguments, HELP, parseArguments } from './diskfull/arguments.ts';
import { findPeer, installCommand, missingPackages, type Peer } from './peers.ts';
import { RUNTIME_OPTIONS } from './runtime-options.ts';

const NEEDED: readonly Peer[] = ['gcc', '/usr/include/stdio.h', 'mke2fs', 'e2fsck', 'mount'];
const VIOLATIONS_TOLD = 10;
/** Calls between two copies of SQLite's log into the file: further on they are the same again. */
const WRITES_MAX = 3_000;
const SYNCS_MAX = 40;
const ALL = ['write', 'sync', 'truncate', 'open', 'remove'] as const;

type FaultKind = Pick<IoFaultRun, 'errno' | 'calls' | 'places' | 'isKilledMeanwhile'>;

function say(text: string): void {
  process.stdout.write(text);
}

/** Half of them one behind the other, the rest spread. */
function spread(count: number, max: number): number[] {
  const dense = Math.ceil(count / 2);
  const sparse = count - dense;
  const rest = Array.from({ length: sparse }, (_, index) => dense + Math.ceil(((index + 1) * Math.max(0, max - dense)) / sparse));
  return [...Array.from({ length: dense }, (_, index) => index + 1), ...rest];
}

function faultKinds(places: number): readonly FaultKind[] {
  const whole = Array.from({ length: Math.max(2, Math.ceil(places / 10)) }, () => 0);
  return [
    { errno: 'ENOSPC', calls: ['write'], places: spread(places, WRITES_MAX) },
    { errno: 'EIO', calls: ['write'], places: spread(places, WRITES_MAX) },
    { errno: 'short', calls: ['write'], places: spread(places, WRITES_MAX) },
    { errno: 'EIO', calls: ['sync'], places: spread(Math.min(places, SYNCS_MAX), SYNCS_MAX) },
    { errno: 'EIO', calls: ['sync:postern.db'], places: whole.map((_, index) => index % 3) },
    { errno: 'ENOSPC', calls: ['write:postern.db'], places: whole.map((_, index) => index % 5) },
    { errno: 'EIO', calls: ALL, places: whole },
    { errno: 'EDQUOT', calls: ['write'], places: whole },
    { errno: 'EROFS', calls: ['write', 'open', 'truncate', 'remove'], places: whole },
    { errno: 'EIO', calls: ['sync'], places: whole, isKilledMeanwhile: true },
  ];
}

async function failEach(committer: CommitterName, { places, seed }: DiskFullArguments, library: string): Promise<boolean> {
  let isGood = true;
  for (const kind of faultKinds(places)) {
    const { faults, failedCalls, acknowledged, violations } = await failCalls({ library, committer, seed, ...kind });
    const name = `${kind.errno} of ${kind.calls.join(', ')}${kind.isKilledMeanwhile === true ? ', killed meanwhile' : ''}`;
    say(`  ${name}: ${faults} faults, ${failedCalls} failed calls, ${acknowledged} operations acknowledged, ${violations.length} violations\n`);
    for (const violation of violations.slice(0, VIOLATIONS_TOLD)) say(`    VIOLATION ${violation}\n`);
    isGood &&= violations.length === 0;
  }
  return isGood;
}

async function fill(committer: CommitterName, { directory, library }: { readonly directory: string; readonly library: string }): Promise<boolean> {
  const run = new DiskFullRun({
    entry: [...RUNTIME_OPTIONS, resolve('src/main.ts')],
    committer,
    clock: new SystemClock(),
    directory,
    failingDisk: library,
    phases: PHASES,
    say: (line) => say(`  ${line}\n`),
  });
  const { acknowledged, evicted, steps, memoryMbMost, violations } = await run.run();
  say(`  ${acknowledged} messages acknowledged, ${evicted} of them let go of and counted, ${steps.length} steps, at most ${memoryMbMost} MB of memory, `);
  say(`${violations.length} violations\n`);
  return violations.length === 0;
}

async function main(args: DiskFullArguments): Promise<boolean> {
  const missing = missingPackages(NEEDED);
  if (missing.length > 0) throw new Error(`programs are missing: ${installCommand(missing)}`);
  const obstacle = obstacleToDisks();
  if (obstacle !== undefined) throw new Error(obstacle);
  const root = mkdtempSync(join(tmpdir(), 'postern-diskfull-'));
  say(`full and failing disks, ${commitName()}, Node ${process.version}, seed ${args.seed}\n`);
  let isGood = true;
  try {
    const library = compileFailingDisk(findPeer('gcc') ?? 'gcc', root);
    for (const committer of args.committers) {
      say(`committer ${committer}: the store alone, calls that fail\n`);
      isGood = (await failEach(committer, args, library)) && isGood;
      say(`committer ${committer}: a gateway on a disk of 64 MB\n`);
      isGood = (await fill(committer, { directory: mkdtempSync(join(root, 'gateway-')), library })) && isGood;
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  say(`${isGood ? 'PASSED' : 'FAILED'}\n`);
  return isGood;
}

try {
  const args = parseArguments(process.argv.slice(2), Math.floor(Math.random() * 2 ** 31));
  if (args === 'help') say(HELP);
  else process.exitCode = (await main(args)) ? 0 : 1;
} catch (error) {
  process.stderr.write(`diskfull: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
}
