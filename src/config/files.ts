// The files a configuration names: certificates, keys, secrets.
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { GatewayError } from '../model/errors.ts';
import { type Config, filePath, isCredentialOutOfReach, type Machine } from './config.ts';
import type { Path } from './paths.ts';
import { type Finding, isMapping } from './read.ts';
import type { Key, Node, ValueKind } from './schema/nodes.ts';
import { SCHEMA, type Settings } from './schema/schema.ts';

/**
 * `required`: everything must be there, the gateway is about to use it. `checked`: the same, but a systemd credential is taken on trust outside
 * its unit. `ignored`: not looked at, for commands that need none of them.
 */
export type FilePolicy = 'required' | 'checked' | 'ignored';

export function fileFindings(settings: Settings, policy: FilePolicy, machine: Machine): Finding[] {
  if (policy === 'ignored') return [];
  return [...namedBy(SCHEMA, settings, { path: [], isMeant: ({ file }) => file !== undefined })].flatMap(({ path, key, written }) => {
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

/** A file of a loaded configuration. */
export interface NamedFile {
  readonly path: Path;
  readonly file: string;
  readonly isSecret: boolean;
}

/** Every file a configuration names whose contents belong to it. */
export function filesNamedBy(config: Config): NamedFile[] {
  const keys = namedBy(SCHEMA, config, { path: [], isMeant: ({ contents }) => contents !== undefined });
  return [...keys].map(({ path, key, written }) => ({ path, file: written, isSecret: key.kind.contents === 'secret' }));
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

interface Walk {
  readonly path: Path;
  readonly isMeant: (kind: ValueKind<unknown>) => boolean;
}

function* namedBy(
  node: Node,
  value: unknown,
  { path, isMeant }: Walk,
): Generator<{ readonly path: Path; readonly key: Key<unknown>; readonly written: string }> {
  if (node.node === 'key') {
    if (isMeant(node.kind) && typeof value === 'string') yield { path, key: node, written: value };
  } else if (node.node === 'list') {
    if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* namedBy(node.item, item, { path: [...path, index], isMeant });
  } else if (isMapping(value)) {
    for (const [name, child] of Object.entries(node.entries)) yield* namedBy(child, value[name], { path: [...path, name], isMeant });
  }
}
