// The options every command has that needs to know which gateway is meant.
import type { Command } from 'commander';
import type { FilePolicy } from '../config/files.ts';
import { type LoadOutcome, load, type Problem } from '../config/load.ts';
import type { Surroundings } from './surroundings.ts';

export interface ConfigOptions {
  readonly config?: string;
  readonly data?: string;
  readonly set: readonly string[];
}

export function withConfigOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file; without it every key has its default')
    .option('-d, --data <directory>', 'data directory, over what the configuration says')
    .option('-s, --set <key=value>', 'set one key, e.g. mqtt.tcp.bind=0.0.0.0:1883 (repeatable)', collect, []);
}

export function loadConfig(options: ConfigOptions, surroundings: Surroundings, files: FilePolicy): LoadOutcome {
  const { environment, hostname } = surroundings;
  return load({ file: options.config, dataDirectory: options.data, assignments: options.set, machine: { environment, hostname }, files });
}

/** One line each. */
export function problemText(problems: readonly Problem[]): string {
  return problems.map(({ where, message }) => `${where}: ${message}\n`).join('');
}

function collect(value: string, collected: readonly string[]): readonly string[] {
  return [...collected, value];
}
