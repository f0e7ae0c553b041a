// The command line of `npm run durability`.

import { FAULTS, type FaultName, isFaultName } from '../../test/durability/e2e/faults.ts';
import type { CentreName } from '../../test/durability/e2e/workshop.ts';
import { COMMITTERS, type CommitterName } from '../../test/durability/store/process.ts';
import { optionValues, UsageError, wholeNumber } from '../command-line.ts';

export interface DurabilityArguments {
  /** A bridge whose both ends are killed, instead of all else. */
  readonly isBridge: boolean;
  /** Kills per long run. */
  readonly kills: number;
  readonly seed: number;
  readonly sensors: number;
  readonly centres: readonly CentreName[];
  /** Where the gateway commits; each has runs of its own. */
  readonly committers: readonly CommitterName[];
  /** Empty: the program as it ships. */
  readonly faults: readonly FaultName[];
  /** Longest a run may go on; undefined: until its kills are done. */
  readonly secondsMax: number | undefined;
}

const KILLS = 200;
const FAULT_KILLS = 6;
const SENSORS = 20;

export const HELP = `npm run durability -- [options]: kills a gateway again and again, and counts what is missing

  --bridge        kills both ends of a bridge and breaks the wire between them, instead of all else
  --kills N       kills per run (${KILLS}; with --fault ${FAULT_KILLS})
  --seed N        repeats what was drawn in an earlier run
  --sensors N     MQTT-SN sensors (${SENSORS})
  --centre NAME   the broker the bridge carries to: mosquitto, postern or both (both; with --fault mosquitto)
  --committer C   where commits run: inline, worker or both (both)
  --seconds S     ends each run after this long, however many kills it had
  --fault NAME    plants a fault and succeeds when it is reported; "all" for each of:
${Object.entries(FAULTS)
  .map(([name, { about }]) => `                    ${name.padEnd(22)} ${about}\n`)
  .join('')}  --help

Exit status: 0 the promises were kept (with --fault: the fault was seen), 1 not, 64 wrong usage. What the figures mean: docs/guides/durability.md
`;

/**
 * @param randomSeed - taken when none is asked for.
 * @returns what to do, or 'help'.
 * @throws UsageError
 */
export function parseArguments(argv: readonly string[], randomSeed: number): DurabilityArguments | 'help' {
  const values = parse(argv);
  if (values.help) return 'help';
  const faults = faultsOf(values.fault);
  const kills = wholeNumber('kills', values.kills, 1) ?? (faults.length > 0 ? FAULT_KILLS : KILLS);
  if (values.bridge && faults.length > 0) throw new UsageError('--fault and --bridge exclude each other');
  return {
    isBridge: values.bridge,
    kills,
    seed: wholeNumber('seed', values.seed, 0) ?? randomSeed,
    sensors: wholeNumber('sensors', values.sensors, 1) ?? SENSORS,
    centres: centresOf(values.centre ?? (faults.length > 0 ? 'mosquitto' : 'both')),
    committers: committersOf(values.committer ?? 'both'),
    faults,
    secondsMax: wholeNumber('seconds', values.seconds, 1),
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    bridge: { type: 'boolean', default: false },
    kills: text,
    seed: text,
    sensors: text,
    centre: text,
    committer: text,
    seconds: text,
    fault: text,
    help: { type: 'boolean', default: false },
  } as const;
  return optionValues(argv, options);
}

function faultsOf(name: string | undefined): readonly FaultName[] {
  if (name === undefined) return [];
  if (name === 'all') return Object.keys(FAULTS).filter(isFaultName);
  if (isFaultName(name)) return [name];
  throw new UsageError(`--fault wants one of all ${Object.keys(FAULTS).join(' ')}, not "${name}"`);
}

function centresOf(name: string): readonly CentreName[] {
  if (name === 'both') return ['mosquitto', 'postern'];
  if (name === 'mosquitto' || name === 'postern') return [name];
  throw new UsageError(`--centre wants mosquitto, postern or both, not "${name}"`);
}

function committersOf(name: string): readonly CommitterName[] {
  const chosen = COMMITTERS.filter((each) => name === 'both' || name === each);
  if (chosen.length > 0) return chosen;
  throw new UsageError(`--committer wants ${COMMITTERS.join(', ')} or both, not "${name}"`);
}
