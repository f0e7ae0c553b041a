// The command line of `npm run powercut`.
import { optionValues, UsageError, wholeNumber } from '../command-line.ts';

/** Mistakes that only a power cut shows; the store's surface keeps its promises with them. */
const FAULTS = ['synchronous-normal', 'synchronous-off'] as const;

export interface PowerCutArguments {
  readonly cuts: number;
  /** Operations the store acknowledges before it is over, per committer. */
  readonly operations: number;
  readonly seed: number;
  readonly fault: (typeof FAULTS)[number] | undefined;
}

const CUTS = 600;
const OPERATIONS = 3_000;

export const HELP = `npm run powercut -- [options]: cuts a working store off its power, and compares what the next boot finds with what was acknowledged

  --cuts N        moments the power is cut at, half of them with each committer (${CUTS})
  --operations N  operations acknowledged while the disk is recorded (${OPERATIONS})
  --seed N        repeats what was drawn in an earlier run
  --fault NAME    plants a fault and succeeds when it is reported: ${FAULTS.join(', ')}
  --help

Needs root, FUSE, loop devices and qemu-storage-daemon (Debian: qemu-system-common). Exit status: 0 nothing was lost (with --fault: the loss was seen),
1 not, 64 wrong usage. What the figures mean: docs/guides/durability.md
`;

/**
 * @param randomSeed - taken when none is asked for.
 * @returns what to do, or 'help'.
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[], randomSeed: number): PowerCutArguments | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  const fault = FAULTS.find((name) => name === values.fault);
  if (fault !== values.fault) throw new UsageError(`--fault wants one of ${FAULTS.join(' ')}, not "${values.fault}"`);
  return {
    cuts: wholeNumber('cuts', values.cuts, 2) ?? CUTS,
    operations: wholeNumber('operations', values.operations, 1) ?? OPERATIONS,
    seed: wholeNumber('seed', values.seed, 0) ?? randomSeed,
    fault,
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { cuts: text, operations: text, seed: text, fault: text, help: { type: 'boolean', default: false } } as const;
  return optionValues(argv, options);
}
