// `npm run bitrot`: the files of stores are damaged, thousands of times, one damage at a time; the store must open, lose at most what was hit, and say what.

import { type BitRotReport, rot } from '../test/durability/bitrot/bit-rot.ts';
import { rotUnderGateways } from '../test/durability/bitrot/gateways.ts';
import { commitName } from './bench/machine.ts';
import { type BitRotArguments, HELP, parseArguments } from './bitrot/arguments.ts';
import { EXIT_USAGE, UsageError } from './command-line.ts';

const VIOLATIONS_TOLD = 10;
const VIOLATION_CHARACTERS_TOLD = 1_500;

function say(text: string): void {
  process.stdout.write(text);
}

function tell({ cases, byKind, whole, losing, groupsLost, messagesLost, messagesAgain, setAside, violations }: BitRotReport): void {
  for (const [kind, count] of [...byKind].sort()) say(`  ${kind.padEnd(44)} ${String(count).padStart(5)}\n`);
  say(`${cases} damages: ${whole} left nothing different, ${setAside} moved the store to a fresh file\n`);
  say(`${losing} cost groups whose bytes were hit: ${groupsLost} groups, ${messagesLost} entries of queues; ${messagesAgain} settled entries came back\n`);
  tellViolations(violations);
}

function tellViolations(violations: readonly string[]): void {
  say(`${violations.length} violations\n`);
  for (const violation of violations.slice(0, VIOLATIONS_TOLD)) say(`  VIOLATION ${violation.slice(0, VIOLATION_CHARACTERS_TOLD)}\n`);
}

async function main({ cases, gateways, seed, only }: BitRotArguments): Promise<boolean> {
  say(`bit rot of ${commitName()}, Node ${process.version}, seed ${seed}\n`);
  const onCase = (done: number): void => void (process.stderr.isTTY && process.stderr.write(`\r${done} of ${cases} `));
  const report = await rot({ cases, seed, only, onCase });
  if (process.stderr.isTTY) process.stderr.write('\r');
  tell(report);
  if (only !== undefined || gateways === 0) return report.violations.length === 0;
  const { started, setAside, violations } = await rotUnderGateways(gateways, seed);
  say(`the gateway itself: ${started} of ${gateways} started on damaged files, ${setAside} of them moved the store to a fresh file\n`);
  tellViolations(violations);
  return report.violations.length + violations.length === 0 && started === gateways;
}

try {
  const args = parseArguments(process.argv.slice(2), Math.floor(Math.random() * 2 ** 31));
  if (args === 'help') say(HELP);
  else {
    const isGood = await main(args);
    say(`${isGood ? 'PASSED' : 'FAILED'}\n`);
    process.exitCode = isGood ? 0 : 1;
  }
} catch (error) {
  process.stderr.write(`bitrot: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
}
