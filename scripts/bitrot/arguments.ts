// The command line of `npm run bitrot`.
import { optionValues, UsageError, wholeNumber } from '../command-line.ts';

export interface BitRotArguments {
  readonly cases: number;
  readonly gateways: number;
  readonly seed: number;
  readonly only: number | undefined;
}

const CASES = 2_000;
const GATEWAYS = 24;

export const HELP = `npm run bitrot -- [options]: damages the files of stores, one damage at a time, and compares what the next start finds with what was hit

  --cases N     damages, each of them followed by a start (${CASES})
  --gateways N  damages before a start of the whole gateway (${GATEWAYS})
  --seed N      repeats an earlier run
  --only N      one case of that run, counted from 0
  --help

Exit status: 0 every store opened, lost at most what was hit and said which groups that were, 1 not, 64 wrong usage.
What the figures mean: docs/guides/durability.md
`;

/**
 * @param randomSeed - taken when none is asked for.
 * @returns what to do, or 'help'.
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[], randomSeed: number): BitRotArguments | 'help' {
  const text = { type: 'string' } as const;
  const values = optionValues(argv, { cases: text, gateways: text, seed: text, only: text, help: { type: 'boolean', default: false } });
  if (values.help) return 'help';
  const only = wholeNumber('only', values.only, 0);
  if (only !== undefined && values.seed === undefined) throw new UsageError('--only wants the --seed of its run');
  return {
    cases: wholeNumber('cases', values.cases, 1) ?? CASES,
    gateways: wholeNumber('gateways', values.gateways, 0) ?? GATEWAYS,
    seed: wholeNumber('seed', values.seed, 0) ?? randomSeed,
    only,
  };
}
