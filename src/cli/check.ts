import { printYaml } from '../config/print-yaml.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

export interface CheckOptions extends ConfigOptions {
  readonly print?: boolean;
}

/** Says whether a gateway would start with this configuration, and everything that is wrong with it. */
export function check(options: CheckOptions, surroundings: Surroundings): number {
  const outcome = loadConfig(options, surroundings, 'checked');
  if (outcome.kind === 'invalid') {
    surroundings.complain(problemText(outcome.problems));
    return EXIT.config;
  }
  surroundings.complain(outcome.warnings.map(({ where, message }) => `${where}: warning: ${message}\n`).join(''));
  surroundings.write(options.print ? printYaml(outcome.written) : 'ok\n');
  return EXIT.ok;
}
