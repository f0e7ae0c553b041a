// The command line of `npm run bench`.
import { optionValues, UsageError } from '../command-line.ts';

/** How long and how often. */
export interface Schedule {
  /** Interleaved pairs per routing scenario. */
  readonly pairs: number;
  /** The same for the sparse ones, which scatter more. */
  readonly sparsePairs: number;
  /** Measured seconds per run. */
  readonly seconds: number;
  /** Seconds under load before each measured span. */
  readonly warmupSeconds: number;
  /** Seconds of window-1 load on either side before the sparse pairs. */
  readonly sparseWarmupSeconds: number;
  /** Fresh data directories filled, killed and drained per durable scenario. */
  readonly rounds: number;
  /** Starts measured. */
  readonly starts: number;
  /** Messages stored before a restart, and half of that before a drain. */
  readonly stored: number;
  /** Seconds without a packet before the memory of idle connections is read. */
  readonly restSeconds: number;
}

export interface BenchArguments {
  readonly schedule: Schedule;
  /** Beginnings of scenario names; empty: all. */
  readonly only: readonly string[];
  readonly isSmoke: boolean;
  readonly isSaved: boolean;
  /** A command line with `{port}` and, if wanted, `{dir}`, measured in place of Postern. */
  readonly standIn: string | undefined;
  /** Where data directories are made: the disk under test. */
  readonly directory: string | undefined;
}

const FULL: Schedule = {
  pairs: 5,
  sparsePairs: 9,
  seconds: 4,
  warmupSeconds: 1,
  sparseWarmupSeconds: 5,
  rounds: 3,
  starts: 5,
  stored: 1_000_000,
  restSeconds: 30,
};
const QUICK: Schedule = {
  pairs: 3,
  sparsePairs: 3,
  seconds: 1.5,
  warmupSeconds: 0.5,
  sparseWarmupSeconds: 3,
  rounds: 1,
  starts: 3,
  stored: 200_000,
  restSeconds: 5,
};
const SMOKE: Schedule = {
  pairs: 1,
  sparsePairs: 1,
  seconds: 0.5,
  warmupSeconds: 0.3,
  sparseWarmupSeconds: 1,
  rounds: 1,
  starts: 1,
  stored: 4_000,
  restSeconds: 0.5,
};

export const HELP = `npm run bench -- [options]: Postern, Mosquitto and aedes side by side, on this machine, now

  --only NAME      only scenarios whose name starts so (repeatable): pairs fanin fanout sparse window1 durable
                   memory start connections subscriptions retained tls access abuse slow-disk restart drain bridge wear
  --pairs N        interleaved rounds per scenario (${FULL.pairs}; sparse ${FULL.sparsePairs})
  --seconds S      measured seconds per run (${FULL.seconds})
  --stored N       messages stored before a restart (${FULL.stored})
  --quick          fewer and shorter rounds: what to look at while changing something, not what to claim
  --smoke          everything once and briefly: shows that it runs, its figures mean nothing
  --save           also writes docs/bench/<date>-<commit>.md
  --dir DIR        where data directories are made, to measure another disk
  --subject "CMD"  measures another server in place of Postern; {port} and {dir} are filled in
  --help

Exit status: 0 every floor met (or --smoke), 1 a floor missed or the run failed, 64 wrong usage. What the figures mean: docs/bench/README.md
`;

/**
 * @returns what to do, or 'help'.
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[]): BenchArguments | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  if (values.subject !== undefined && !values.subject.includes('{port}')) throw new UsageError('--subject needs {port} where the command takes its port');
  return {
    schedule: scheduleOf(values),
    only: values.only ?? [],
    isSmoke: values.smoke,
    isSaved: values.save,
    standIn: values.subject,
    directory: values.dir,
  };
}

/** One of the three, with what is said beside it. */
function scheduleOf(values: ReturnType<typeof parse>): Schedule {
  const schedule = values.smoke ? SMOKE : values.quick ? QUICK : FULL;
  const pairs = values.pairs === undefined ? undefined : positive('pairs', values.pairs);
  if (pairs !== undefined && !Number.isInteger(pairs)) throw new UsageError(`--pairs wants a whole number, not "${values.pairs}"`);
  return {
    ...schedule,
    ...(pairs !== undefined && { pairs, sparsePairs: pairs }),
    ...(values.seconds !== undefined && { seconds: positive('seconds', values.seconds) }),
    ...(values.stored !== undefined && { stored: positive('stored', values.stored) }),
  };
}

function parse(argv: readonly string[]) {
  const options = {
    only: { type: 'string', multiple: true },
    pairs: { type: 'string' },
    seconds: { type: 'string' },
    stored: { type: 'string' },
    quick: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
    subject: { type: 'string' },
    dir: { type: 'string' },
    help: { type: 'boolean', default: false },
  } as const;
  return optionValues(argv, options);
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isFinite(number) || number <= 0) throw new UsageError(`--${name} wants a number above 0, not "${text}"`);
  return number;
}
