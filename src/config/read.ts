// From what was written to settings: every key checked against the schema, every finding kept.
import * as v from 'valibot';
import { childNames, formatPath, keysOf, type Path } from './paths.ts';
import type { Entries, Key, List, Node, Plain, Section } from './schema/nodes.ts';
import { SCHEMA, type Settings } from './schema/schema.ts';
import { nearest } from './suggest.ts';

/** Something wrong with, or worth saying about, one place of the configuration. */
export interface Finding {
  readonly path: Path;
  /** Whether the key itself is wrong, or its value. */
  readonly role: 'key' | 'value';
  /** Completes the path: "must be true or false". */
  readonly message: string;
}

export type ReadOutcome = { readonly kind: 'settings'; readonly settings: Settings } | { readonly kind: 'invalid'; readonly findings: readonly Finding[] };

/** @param written - mappings, lists and texts; `undefined`, `null` and absent are the same: not given. */
export function readSettings(written: unknown): ReadOutcome {
  const reader = new Reader();
  const settings = reader.read(SCHEMA, written, []);
  if (reader.findings.length > 0) return { kind: 'invalid', findings: reader.findings };
  return { kind: 'settings', settings: settings as Settings }; // without a finding the value is what `Value` derives from the schema
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Reader {
  readonly findings: Finding[] = [];

  read(node: Node, written: unknown, path: Path): unknown {
    switch (node.node) {
      case 'key':
        return this.#readKey(node, written, path);
      case 'section':
        return this.#readSection(node, written ?? {}, path);
      case 'list':
        return this.#readList(node, written ?? [], path);
    }
  }

  #readKey(key: Key<unknown>, written: unknown, path: Path): unknown {
    const given = written ?? asWritten(key.default);
    if (given === undefined) {
      if (key.isRequired) this.#find(path, `is missing: ${key.kind.allowed}`);
      return undefined;
    }
    const result = v.safeParse(key.kind.schema, given, { abortEarly: true, abortPipeEarly: true });
    if (result.success) return result.output;
    this.#find(path, refusal(key, given, result.issues[0].message));
    return undefined;
  }

  #readSection(section: Section<Entries>, written: unknown, path: Path): unknown {
    if (!isMapping(written)) {
      this.#find(path, `must be a section with the keys ${Object.keys(section.entries).join(', ')}, not ${describe(written)}`);
      return undefined;
    }
    for (const name of Object.keys(written))
      if (!Object.hasOwn(section.entries, name)) this.findings.push({ path: [...path, name], role: 'key', message: unknownKey(section, path, name) });
    return Object.fromEntries(Object.entries(section.entries).map(([name, child]) => [name, this.read(child, written[name], [...path, name])]));
  }

  #readList(list: List<Entries>, written: unknown, path: Path): unknown {
    if (!Array.isArray(written)) {
      this.#find(path, `must be a list of sections with the keys ${childNames(list).join(', ')}, not ${describe(written)}`);
      return undefined;
    }
    if (written.length > list.itemsMax) this.#find(path, `must have at most ${list.itemsMax} items, not ${written.length}`);
    return written.slice(0, list.itemsMax).map((item, index) => this.read(list.item, item, [...path, index]));
  }

  #find(path: Path, message: string): void {
    this.findings.push({ path, role: 'value', message });
  }
}

/** A default in the form a file would give it: all scalars are text. */
function asWritten(value: Plain | undefined): unknown {
  if (Array.isArray(value)) return value.map(asWritten);
  return value === undefined ? undefined : String(value);
}

function refusal(key: Key<unknown>, written: unknown, message: string): string {
  const says = `must be ${key.kind.allowed}`;
  if (message !== says || key.kind.file === 'secret') return message;
  return `${says}, not ${key.kind.isList && Array.isArray(written) ? describeItems(written) : describe(written)}`;
}

const SHOWN_MAX = 60;

function describe(written: unknown): string {
  if (typeof written !== 'string') return Array.isArray(written) ? 'a list' : 'a section';
  return JSON.stringify(shortened(written));
}

/** Where a list is what is wanted, "a list" would not say what is wrong with it. */
function describeItems(written: readonly unknown[]): string {
  return shortened(`[${written.map(describe).join(', ')}]`);
}

function shortened(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

/** The key that a person most likely meant by `name` in `parent`: one with a near name there, or one of the same name elsewhere. */
export function meantKey(parent: { readonly node: Node; readonly path: Path }, name: string): Path | undefined {
  const here = nearest(name, childNames(parent.node));
  if (here !== undefined) return [...parent.path, here];
  const elsewhere = [...keysOf(SCHEMA)].filter(({ path }) => path.at(-1) === name && !path.includes(0));
  return elsewhere.length === 1 ? elsewhere[0]?.path : undefined;
}

function unknownKey(section: Section<Entries>, path: Path, name: string): string {
  const meant = meantKey({ node: section, path }, name);
  return meant === undefined ? `is not a key: ${childNames(section).join(', ')}` : `is not a key; did you mean ${formatPath(meant)}?`;
}
