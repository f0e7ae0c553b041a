// The command line of `npm run soak`.
import { optionValues, UsageError } from '../command-line.ts';

export interface SoakArguments {
  readonly minutes: number;
  readonly seed: number;
  /** Where the data directory is made. */
  readonly directory: string | undefined;
}

const HOURS = 2;
/** Less leaves nothing after the warm-up to draw a line through. */
const MINUTES_MIN = 1;

export const HELP = `npm run soak -- [options]: a gateway under churn for hours, whose memory must not grow and which must lose nothing it acknowledged

  --hours H      how long (${HOURS})
  --minutes M    the same in minutes
  --seed N       repeats what was drawn in an earlier run
  --dir DIR      where the data directory is made
  --help

Exit status: 0 flat memory and nothing lost, 1 not, 64 wrong usage. What it does: docs/bench/README.md
`;

/**
 * @param randomSeed - taken when none is asked for.
 * @returns what to do, or 'help'.
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[], randomSeed: number): SoakArguments | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  if (values.hours !== undefined && values.minutes !== undefined) throw new UsageError('--hours and --minutes say the same: give one of them');
  const minutes = values.minutes === undefined ? 60 * number('hours', values.hours ?? `${HOURS}`) : number('minutes', values.minutes);
  if (minutes < MINUTES_MIN) throw new UsageError(`a soak of less than ${MINUTES_MIN} minute shows nothing`);
  const seed = values.seed === undefined ? randomSeed : number('seed', values.seed);
  if (!Number.isSafeInteger(seed)) throw new UsageError(`--seed wants a whole number, not "${values.seed}"`);
  return { minutes, seed, directory: values.dir };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { hours: text, minutes: text, seed: text, dir: text, help: { type: 'boolean', default: false } } as const;
  return optionValues(argv, options);
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new UsageError(`--${name} wants a number, not "${text}"`);
  return value;
}
