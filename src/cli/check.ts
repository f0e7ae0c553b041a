import { printYaml } from '../config/print-yaml.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

export interface CheckOptions extends ConfigOptions {
  readonly print?: boolean;
}

/** Says whether a gateway would start with this configuration, and everything that is wrong with it and with the files it names. */
export async function check(options: CheckOptions, surroundings: Surroundings): Promise<number> {
  const outcome = loadConfig(options, surroundings, 'checked');
  if (outcome.kind === 'invalid') {
    surroundings.complain(problemText(outcome.problems));
    return EXIT.config;
  }
  const problems = await surroundings.fileProblems(outcome.config);
  if (problems.length > 0) {
    surroundings.complain(problems.map((problem) => `${problem}\n`).join(''));
    return EXIT.config;
  }
  surroundings.complain(outcome.warnings.map(({ where, message }) => `${where}: warning: ${message}\n`).join(''));
  surroundings.write(options.print ? printYaml(outcome.written) : 'ok\n');
  return EXIT.ok;
}
