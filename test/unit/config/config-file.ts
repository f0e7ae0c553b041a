import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import type { FilePolicy } from '../../../src/config/files.ts';
import { type LoadOutcome, load } from '../../../src/config/load.ts';

export interface LoadParts {
  /** Content of the file; without it there is none. */
  readonly yaml?: string | Uint8Array;
  readonly set?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly data?: string;
  readonly files?: FilePolicy;
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Loads as on a host called `board`. */
export function loadWith({ yaml, set = [], environment = {}, data, files = 'required' }: LoadParts): LoadOutcome {
  let file: string | undefined;
  if (yaml !== undefined) {
    file = join(temporaryDirectory(), 'postern.yaml');
    writeFileSync(file, yaml);
  }
  return load({ file, dataDirectory: data, assignments: set, machine: { environment, hostname: 'board' }, files });
}

/** @throws when anything is wrong with it. */
export function configWith(parts: LoadParts): Config {
  const outcome = loadWith(parts);
  if (outcome.kind === 'loaded') return outcome.config;
  throw new Error(linesOf(outcome).join('\n'));
}

/** One line per problem, the file called `postern.yaml` wherever it lies. */
export function linesOf(outcome: LoadOutcome): string[] {
  if (outcome.kind === 'loaded') return [];
  return outcome.problems.map(({ where, message }) => `${where.replace(/^.*\/postern\.yaml/, 'postern.yaml')}: ${message}`);
}
