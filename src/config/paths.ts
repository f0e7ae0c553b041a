// How a place in the configuration is named: `mqtt.tcp.bind` by a person, `POSTERN_MQTT__TCP__BIND` in the environment.
import type { Key, Node } from './schema/nodes.ts';

/** Keys and list indices from the root: `['bridges', 0, 'address']`. */
export type Path = readonly (string | number)[];

const ENVIRONMENT_PREFIX = 'POSTERN_';
const ENVIRONMENT_SEPARATOR = '__';
const INDEX = /^\d{1,6}$/;

/** @returns `bridges[0].address`. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`), '');
}

export function isPrefix(prefix: Path, path: Path): boolean {
  return prefix.length <= path.length && prefix.every((step, index) => step === path[index]);
}

/** @returns the variable that sets the key at `path`: camelCase becomes UPPER_SNAKE, levels are joined by two underscores. */
export function environmentName(path: Path): string {
  return ENVIRONMENT_PREFIX + path.map((step) => upperSnake(String(step))).join(ENVIRONMENT_SEPARATOR);
}

/**
 * The steps of an environment name, still in its own spelling.
 *
 * @returns undefined for a variable that is not ours. A name of one level that is not in the schema is not ours either: container platforms
 *   set POSTERN_PORT and its like for a service called postern.
 */
export function environmentSteps(name: string, root: Node): readonly string[] | undefined {
  if (!name.startsWith(ENVIRONMENT_PREFIX)) return undefined;
  const steps = name.slice(ENVIRONMENT_PREFIX.length).split(ENVIRONMENT_SEPARATOR);
  return steps.length > 1 || childNames(root).some((child) => upperSnake(child) === steps[0]) ? steps : undefined;
}

/** A node and where it stands. */
interface Spot {
  readonly node: Node;
  readonly path: Path;
}

/** Where a sequence of written steps leads, or the first step that leads nowhere. */
export type Destination = ({ readonly kind: 'found' } & Spot) | { readonly kind: 'unknown'; readonly parent: Spot; readonly step: string };

/** @param spell - how the notation writes the name of a key. */
export function follow(root: Node, steps: readonly string[], spell: (name: string) => string): Destination {
  let spot: Spot = { node: root, path: [] };
  for (const step of steps) {
    const next = childAt(spot, step, spell);
    if (next === undefined) return { kind: 'unknown', parent: spot, step };
    spot = next;
  }
  return { kind: 'found', ...spot };
}

function childAt({ node, path }: Spot, step: string, spell: (name: string) => string): Spot | undefined {
  if (node.node === 'list') return INDEX.test(step) ? { node: node.item, path: [...path, Number(step)] } : undefined;
  if (node.node === 'key') return undefined;
  const [name, child] = Object.entries(node.entries).find(([each]) => spell(each) === step) ?? [];
  return name === undefined || child === undefined ? undefined : { node: child, path: [...path, name] };
}

export function childNames(node: Node): readonly string[] {
  return node.node === 'section' ? Object.keys(node.entries) : node.node === 'list' ? Object.keys(node.item.entries) : [];
}

/** Every key of the schema; those of list items with index 0. */
export function* keysOf(node: Node, path: Path = []): Generator<{ readonly path: Path; readonly key: Key<unknown> }> {
  if (node.node === 'key') yield { path, key: node };
  else if (node.node === 'list') yield* keysOf(node.item, [...path, 0]);
  else for (const [name, child] of Object.entries(node.entries)) yield* keysOf(child, [...path, name]);
}

/** `passwordFile` → `PASSWORD_FILE`. */
export function upperSnake(name: string): string {
  return name.replace(/[A-Z]/g, '_$&').toUpperCase();
}
