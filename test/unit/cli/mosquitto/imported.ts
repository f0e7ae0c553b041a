// A mosquitto.conf of a few lines, imported and checked as a gateway checks its configuration.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { readConf } from '../../../../src/cli/mosquitto/conf-file.ts';
import { translate } from '../../../../src/cli/mosquitto/translate.ts';
import { load } from '../../../../src/config/load.ts';
import { temporaryDirectory } from '../../../support/postern-process.ts';

export interface Imported {
  readonly directory: string;
  /** The configuration, with `DIR` for the directory of the files. */
  readonly config: Record<string, unknown>;
  /** `3 log_dest missing`, in the order of the lines. */
  readonly remarks: readonly string[];
  readonly reasons: readonly string[];
  readonly files: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

/** @param files - beside mosquitto.conf; `DIR` in any of them is their directory. */
export function imported(text: string, files: Readonly<Record<string, string>> = {}): Imported {
  const directory = temporaryDirectory();
  for (const [name, content] of Object.entries({ ...files, 'mosquitto.conf': text })) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content.replaceAll('DIR', directory));
  }
  const translation = translate(readConf(join(directory, 'mosquitto.conf')), { hostname: 'board', source: 'mosquitto.conf' });
  const yaml = translation.yaml('/etc/postern');
  const made = join(directory, 'postern.yaml');
  writeFileSync(made, yaml);
  const loaded = load({ file: made, dataDirectory: undefined, assignments: [], machine: { environment: {}, hostname: 'board' }, files: 'ignored' });
  return {
    directory,
    config: parse(yaml.replaceAll(directory, 'DIR')),
    remarks: translation.remarks.map(({ line, what, kind }) => `${line} ${what} ${kind}`),
    reasons: translation.remarks.map(({ reason }) => reason),
    files: new Map(translation.files.map(({ name, text: content }) => [name, content])),
    problems: loaded.kind === 'invalid' ? loaded.problems.map(({ where, message }) => `${where}: ${message}`) : [],
  };
}

export function at(config: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, step) => (typeof value === 'object' && value !== null ? Object(value)[step] : undefined), config);
}
