// Where and with what the figures were made: a ratio without this is a rumour.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** statfs(2): the kinds of file system a data directory is likely to be on. */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs (memory: its commits cost nothing)',
  2035054128: 'overlay',
  2435016766: 'btrfs',
  1481003842: 'xfs',
  4076150800: 'f2fs',
};

/** `a1b2c3d`, with `-modified` when the tree differs from it; `uncommitted` before the first commit. */
export function commitName(): string {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  if (status !== 0) return 'uncommitted';
  const changes = execFileSync('git', ['status', '--porcelain'], { encoding: 'utf8' });
  return changes === '' ? stdout.trim() : `${stdout.trim()}-modified`;
}

/** Lines of `name: value` that head a report. */
export function machineLines({
  directory,
  mosquitto,
  cores,
}: {
  directory: string;
  mosquitto: string;
  cores: readonly [server: number, load: number];
}): string[] {
  const fileSystem = statfsSync(directory).type;
  const load = loadavg().map((average) => average.toFixed(2));
  return [
    `machine: ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores, ${(totalmem() / 1e9).toFixed(1)} GB, Linux ${release()}`,
    `placement: servers on core ${cores[0]}, load generator on core ${cores[1]}; load average before the run ${load.join(' ')}`,
    `disk of the durable scenarios: ${FILE_SYSTEMS[fileSystem] ?? `0x${fileSystem.toString(16)}`}`,
    `Node: ${process.version}; SQLite by better-sqlite3; Mosquitto: ${mosquittoVersion(mosquitto)}; aedes: ${aedesVersion()}`,
  ];
}

function aedesVersion(): string {
  const { version }: { version: string } = JSON.parse(readFileSync('node_modules/aedes/package.json', 'utf8'));
  return version;
}

function mosquittoVersion(program: string): string {
  const { stdout } = spawnSync(program, ['-h'], { encoding: 'utf8' });
  return /mosquitto version (\S+)/.exec(stdout)?.[1] ?? 'unknown';
}
