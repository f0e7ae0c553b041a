// The command line of `npm run diskfull`.
import { COMMITTERS, type CommitterName } from '../../test/durability/store/process.ts';
import { optionValues, UsageError, wholeNumber } from '../command-line.ts';

export interface DiskFullArguments {
  readonly committers: readonly CommitterName[];
  /** Places at which each kind of call fails. */
  readonly places: number;
  readonly seed: number;
}

const PLACES = 120;

export const HELP = `npm run diskfull -- [options]: fills the disk of a gateway in every way there is, and lets the calls on its files fail one by one

  --committer NAME  ${COMMITTERS.join(' or ')} only
  --places N        places at which each kind of call fails (${PLACES})
  --seed N          repeats what was drawn in an earlier run
  --help

Needs root and loop devices, gcc, libc6-dev and e2fsprogs. Exit status: 0 nothing acknowledged was lost beyond what queues may drop and counted, 1 not,
64 wrong usage. What is looked at: docs/guides/durability.md
`;

/**
 * @param randomSeed - taken when none is asked for.
 * @returns what to do, or 'help'.
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[], randomSeed: number): DiskFullArguments | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  const committer = COMMITTERS.find((name) => name === values.committer);
  if (committer !== values.committer) throw new UsageError(`--committer wants one of ${COMMITTERS.join(' ')}, not "${values.committer}"`);
  return {
    committers: committer === undefined ? COMMITTERS : [committer],
    places: wholeNumber('places', values.places, 1) ?? PLACES,
    seed: wholeNumber('seed', values.seed, 0) ?? randomSeed,
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  return optionValues(argv, { committer: text, places: text, seed: text, help: { type: 'boolean', default: false } } as const);
}
