// The files a configuration names: certificates, keys, secrets.
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { GatewayError } from '../model/errors.ts';
import { filePath, isCredentialOutOfReach, type Machine } from './config.ts';
import type { Path } from './paths.ts';
import { type Finding, isMapping } from './read.ts';
import type { Key, Node } from './schema/nodes.ts';
import { SCHEMA, type Settings } from './schema/schema.ts';

/**
 * `required`: everything must be there, the gateway is about to use it. `checked`: the same, but a systemd credential is taken on trust outside
 * its unit. `ignored`: not looked at, for commands that need none of them.
 */
export type FilePolicy = 'required' | 'checked' | 'ignored';

export function fileFindings(settings: Settings, policy: FilePolicy, machine: Machine): Finding[] {
  if (policy === 'ignored') return [];
  return [...namedFiles(SCHEMA, settings, [])].flatMap(({ path, key, written }) => {
    const problem = isCredentialOutOfReach(written, machine) ? missingCredential(policy) : unreadable(filePath(written, machine));
    if (problem === undefined) return [];
    const shown = key.kind.file === 'secret' ? '' : ` (${JSON.stringify(written)})`; // who wrote the secret itself here must not read it in a log
    return [{ path, role: 'value', message: `must be ${key.kind.allowed}${shown}: ${problem}` }];
  });
}

/**
 * A secret of the configuration.
 *
 * @param path - `passwordFile` of a loaded configuration.
 * @returns the first line of the file.
 * @throws GatewayError CONFIG_INVALID - the file is gone since the configuration was checked.
 */
export function readSecret(path: string): string {
  const problem = unreadable(path);
  if (problem !== undefined) throw new GatewayError('CONFIG_INVALID', `cannot read the secret in ${path}: ${problem}`);
  const [line = ''] = readFileSync(path, 'utf8').split(/\r?\n/, 1);
  return line;
}

function missingCredential(policy: FilePolicy): string | undefined {
  return policy === 'required' ? '$CREDENTIALS_DIRECTORY is not set; credentials come with LoadCredential= of a systemd unit' : undefined;
}

function unreadable(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 'no such file';
  if (!stats.isFile()) return 'not a file';
  try {
    accessSync(path, constants.R_OK);
    return undefined;
  } catch {
    return 'permission denied';
  }
}

function* namedFiles(node: Node, value: unknown, path: Path): Generator<{ readonly path: Path; readonly key: Key<unknown>; readonly written: string }> {
  if (node.node === 'key') {
    if (node.kind.file !== undefined && typeof value === 'string') yield { path, key: node, written: value };
  } else if (node.node === 'list') {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* namedFiles(node.item, item, [...path, index]);
  } else if (isMapping(value)) {
    for (const [name, child] of Object.entries(node.entries)) yield* namedFiles(child, value[name], [...path, name]);
  }
}
