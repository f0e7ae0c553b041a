// What of a configuration belongs into a backup: the file itself, what environment and command line make of it, and the files it names.
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { filesNamedBy } from '../config/files.ts';
import { formatPath } from '../config/paths.ts';
import { printYaml } from '../config/print-yaml.ts';
import type { BackupFile, FileToKeep } from '../model/backup.ts';

export interface ConfigurationGiven {
  readonly config: Config;
  /** `--config` */
  readonly file: string | undefined;
  /** What file, environment and command line say together; undefined: the file is all there is. */
  readonly written: unknown;
}

const CONFIGURATION = '--config';

export function filesToKeep({ config, file, written }: ConfigurationGiven): FileToKeep[] {
  const own = { key: CONFIGURATION, place: '', isSecret: false };
  const kept: FileToKeep[] = [];
  if (file !== undefined) kept.push({ ...own, name: basename(file), path: resolve(file), text: readFileSync(file, 'utf8') });
  if (written !== undefined) kept.push({ ...own, name: 'in-effect.yaml', path: 'the configuration in effect', text: printYaml(written) });
  const named = filesNamedBy(config).map(({ path, file: at, isSecret }) => {
    const place = dirname(at) === config.data.directory ? basename(at) : '';
    return { key: formatPath(path), name: basename(at), path: at, place, isSecret };
  });
  return withNamesOfTheirOwn([...kept, ...onceEach(named)]);
}

/** A certificate that two listeners use is one file; it is a secret when either says so. */
function onceEach(files: readonly BackupFile[]): BackupFile[] {
  const byPath = new Map<string, BackupFile>();
  for (const file of files) {
    const known = byPath.get(file.path);
    byPath.set(file.path, known === undefined ? file : { ...known, isSecret: known.isSecret || file.isSecret });
  }
  return [...byPath.values()];
}

function withNamesOfTheirOwn(files: readonly FileToKeep[]): FileToKeep[] {
  const taken = new Set<string>();
  return files.map((file) => {
    let name = file.name;
    for (let count = 2; taken.has(name); count += 1) name = `${count}-${file.name}`;
    taken.add(name);
    return { ...file, name };
  });
}
