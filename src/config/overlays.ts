// What the environment and the command line put over the file.
import { childNames, type Destination, environmentName, environmentSteps, follow, formatPath, type Path, upperSnake } from './paths.ts';
import { meantKey } from './read.ts';
import type { Node } from './schema/nodes.ts';
import { SCHEMA } from './schema/schema.ts';
import { YamlSource } from './yaml-source.ts';

/** One key set outside the file. */
export interface Overlay {
  readonly path: Path;
  readonly written: unknown;
  /** How a person finds it again: `--set mqtt.tcp.bind`, `POSTERN_MQTT__TCP__BIND`. */
  readonly origin: string;
}

/** Why something outside the file sets nothing. */
export interface OverlayProblem {
  readonly origin: string;
  readonly message: string;
}

export interface Overlays {
  readonly overlays: readonly Overlay[];
  readonly problems: readonly OverlayProblem[];
}

/** The variables of ours, in the order of their names: a list comes before its items. */
export function environmentOverlays(environment: Readonly<Record<string, string | undefined>>): Overlays {
  const variables = Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1));
  return collect(
    variables.flatMap(([name, text]) => {
      const steps = environmentSteps(name, SCHEMA);
      return steps === undefined || text === undefined ? [] : [{ origin: name, steps, notation: ENVIRONMENT, text }];
    }),
  );
}

/** @param assignments - `key=value` each, in the order of the command line; the last one wins. */
export function assignedOverlays(assignments: readonly string[]): Overlays {
  return collect(
    assignments.map((assignment) => {
      const equals = assignment.indexOf('=');
      const name = equals === -1 ? assignment : assignment.slice(0, equals);
      const text = equals === -1 ? undefined : assignment.slice(equals + 1);
      return { origin: `--set ${name}`, steps: name.split('.'), notation: DOTTED, text };
    }),
  );
}

/**
 * Puts `overlays` over `file`, in their order.
 *
 * @param file - what a file holds; changed in place.
 */
export function overlaid(file: unknown, overlays: Overlays): Overlays & { readonly written: unknown } {
  const root = { written: file ?? {} };
  const problems = [...overlays.problems];
  for (const overlay of overlays.overlays) {
    const gap = assign(root, ['written', ...overlay.path], overlay.written);
    if (gap !== undefined) problems.push({ origin: overlay.origin, message: `${formatPath(overlay.path)} leaves a gap: the next item is ${gap}` });
  }
  return { ...root, overlays: overlays.overlays, problems };
}

interface Assignment {
  readonly origin: string;
  readonly steps: readonly string[];
  readonly notation: Notation;
  /** undefined: there was no `=`. */
  readonly text: string | undefined;
}

/** How a place is written outside the file. */
interface Notation {
  readonly spell: (name: string) => string;
  readonly format: (path: Path) => string;
}

const ENVIRONMENT: Notation = { spell: upperSnake, format: environmentName };
const DOTTED: Notation = { spell: (name) => name, format: (path) => path.join('.') };

function collect(assignments: readonly Assignment[]): Overlays {
  const overlays: Overlay[] = [];
  const problems: OverlayProblem[] = [];
  for (const { origin, steps, notation, text } of assignments) {
    const refuse = (message: string): void => void problems.push({ origin, message });
    const destination = follow(SCHEMA, steps, notation.spell);
    if (destination.kind === 'unknown') refuse(unknownStep(destination, notation));
    else if (text === undefined) refuse('needs a value: --set key=value');
    else if (destination.node.node === 'section') refuse(`is a section: set one of its keys ${Object.keys(destination.node.entries).join(', ')}`);
    else overlays.push({ origin, path: destination.path, written: isScalar(destination.node) ? text : readYaml(text, refuse) });
  }
  return { overlays, problems };
}

/** A scalar is taken letter by letter: a topic filter may begin with `#`, a password with `{`. */
function isScalar(node: Node): boolean {
  return node.node === 'key' && !node.kind.isList;
}

function readYaml(text: string, refuse: (message: string) => void): unknown {
  const source = new YamlSource(text);
  for (const { message } of source.problems) refuse(`${message}; a list is written [{key: value, ...}, ...]`);
  return source.written;
}

function unknownStep({ parent, step }: Destination & { kind: 'unknown' }, { format }: Notation): string {
  const { node, path } = parent;
  if (node.node === 'list') return `has no item "${step}" in ${formatPath(path)}: items are numbered from 0`;
  if (node.node === 'key') return `has nothing below ${formatPath(path)}`;
  const meant = meantKey(parent, step);
  return meant === undefined
    ? `is not a key of ${formatPath(path) || 'the configuration'}: ${childNames(node).join(', ')}`
    : `is not a key; did you mean ${format(meant)}?`;
}

/**
 * @returns the index that would be next, when `path` leaves a gap in a list. A value of the wrong shape on the way is left alone: it is reported
 *   where it stands.
 */
function assign(root: Record<string, unknown>, path: Path, written: unknown): number | undefined {
  let container: Container = root;
  for (const [index, step] of path.entries()) {
    if (Array.isArray(container) && Number(step) > container.length) return container.length;
    const next = path[index + 1];
    const child: unknown = next === undefined ? written : (valueAt(container, step) ?? (typeof next === 'number' ? [] : {}));
    if (Array.isArray(container)) container[Number(step)] = child;
    else container[step] = child;
    if (next === undefined || !isContainer(child) || Array.isArray(child) !== (typeof next === 'number')) return undefined;
    container = child;
  }
  return undefined;
}

type Container = unknown[] | Record<string, unknown>;

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function valueAt(container: Container, step: string | number): unknown {
  return Array.isArray(container) ? container[Number(step)] : container[step];
}
