// `postern import mosquitto FILE`: a mosquitto.conf as postern.yaml and the files it names. Everything is tried in a directory of its own first, so that
// either all of it is written, and a gateway starts with it, or nothing.
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { replaceFile } from '../access/users/replace-file.ts';
import { readUserFile } from '../access/users/user-file.ts';
import { load } from '../config/load.ts';
import { GatewayError } from '../model/errors.ts';
import { harmless } from '../observe/text-line.ts';
import { problemText } from './config-options.ts';
import { EXIT, EXIT_OF } from './exit-codes.ts';
import { ConfError, messageOf, readConf } from './mosquitto/conf-file.ts';
import { remarksText } from './mosquitto/remarks-text.ts';
import { type Translation, translate } from './mosquitto/translate.ts';
import type { Surroundings } from './surroundings.ts';

export interface ImportOptions {
  readonly output: string;
  readonly force?: boolean;
  readonly strict?: boolean;
  readonly dryRun?: boolean;
}

export async function importMosquitto(file: string, options: ImportOptions, surroundings: Surroundings): Promise<number> {
  try {
    const { hostname } = surroundings;
    const target = resolve(options.output);
    const translation = translate(readConf(file), { hostname, source: harmless(resolve(file)) });
    if (options.dryRun !== true) requireTargets(target, translation, options);
    const problems = await tried(translation, { target, beside: options.dryRun === true ? tmpdir() : dirname(target) }, surroundings);
    if (problems !== '') {
      surroundings.complain(`${problems}postern: the gateway would not start with this; nothing was written\n`);
      return EXIT.config;
    }
    const isSame = translation.remarks.every(({ kind }) => kind === 'needless');
    surroundings.write(harmlessLines(remarksText(translation.remarks)));
    if (options.strict === true && !isSame) {
      surroundings.complain('postern: not everything has an equivalent; nothing was written\n');
      return EXIT.dataError;
    }
    if (options.dryRun !== true) await writeAll(target, translation, surroundings);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof ConfError) {
      surroundings.complain(`${harmless(`${error.place.file}:${error.place.line}: ${error.message}`)}\npostern: nothing was written\n`);
      return EXIT.dataError;
    }
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${harmless(error.message)}; nothing was written\n`);
    return EXIT_OF[error.code];
  }
}

function requireTargets(target: string, { files }: Translation, { force = false }: ImportOptions): void {
  const directory = dirname(target);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) throw new GatewayError('STORE_UNAVAILABLE', `there is no directory ${directory}`);
  const same = files.find(({ name }) => join(directory, name) === target);
  if (same !== undefined) throw new GatewayError('STORE_UNAVAILABLE', `${same.name} is the name of another file of the import: choose another --output`);
  const [taken] = [target, ...files.map(({ name }) => join(directory, name))].filter((path) => existsSync(path));
  if (taken !== undefined && !force) throw new GatewayError('STORE_UNAVAILABLE', `${taken} exists: choose another --output, or --force to replace it`);
}

interface Trial {
  readonly target: string;
  /** Where the directory for it is made: where all will lie, so that what is secret is on no other disk either. */
  readonly beside: string;
}

/** @returns what is wrong with it, a line each. */
async function tried(translation: Translation, { target, beside }: Trial, surroundings: Surroundings): Promise<string> {
  const directory = trialDirectory(beside);
  try {
    for (const { name, text } of translation.files) writeFileSync(join(directory, name), text);
    const file = join(directory, 'postern.yaml');
    writeFileSync(file, translation.yaml(directory));
    const problems = await problemsOf(file, surroundings);
    return problems.replaceAll(file, target).replaceAll(directory, dirname(target));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function trialDirectory(parent: string): string {
  try {
    return mkdtempSync(join(parent, '.postern-import-'));
  } catch (error) {
    throw new GatewayError('STORE_UNAVAILABLE', `${parent} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

async function problemsOf(file: string, { hostname, fileProblems }: Surroundings): Promise<string> {
  const loaded = load({ file, dataDirectory: undefined, assignments: [], machine: { environment: {}, hostname }, files: 'checked' });
  if (loaded.kind === 'invalid') return problemText(loaded.problems);
  return [...userProblems(loaded.config.access.usersFile), ...(await fileProblems(loaded.config))].map((problem) => `${problem}\n`).join('');
}

function userProblems(usersFile: string): readonly string[] {
  try {
    readUserFile(usersFile);
    return [];
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return [error.message];
  }
}

/** The configuration last: until it is there, nothing names the others. */
async function writeAll(target: string, translation: Translation, surroundings: Surroundings): Promise<void> {
  const directory = dirname(target);
  for (const { name, text } of translation.files) {
    await replaceFile(join(directory, name), async () => text);
    surroundings.write(`${join(directory, name)} written\n`);
  }
  await replaceFile(target, async () => translation.yaml(directory));
  surroundings.write(`${target} written: postern start --config ${target}\n`);
}

function harmlessLines(text: string): string {
  return text
    .split('\n')
    .map((line) => harmless(line))
    .join('\n');
}
