// What becomes of an option: a row of a table, made of these.
import { ConfError, type ConfLine, type Place } from './conf-file.ts';

/** needless: nothing is lost without it. differs: Postern does something else instead. missing: it does nothing of the kind. */
export type Verdict = { readonly kind: 'needless' | 'differs' | 'missing'; readonly reason: string } | undefined;

export type Remark = NonNullable<Verdict> & Place & { readonly what: string };

/** Whether what is written with it may be taken for all of it. */
export type Plain = string | number | boolean | readonly Plain[] | { [key: string]: Plain };
export type Tree = { [key: string]: Plain };

/** One mapping of postern.yaml in the making: the whole, one listener or one bridge. */
export class Draft {
  readonly tree: Tree = {};
  readonly #kept = new Map<string, ConfLine[]>();

  /** @param path - `tls.caFile`. */
  put(path: string, value: Plain): void {
    const steps = path.split('.');
    const last = steps.pop() ?? '';
    let node = this.tree;
    for (const step of steps) {
      const next = node[step];
      const child: Tree = isTree(next) ? next : {};
      node[step] = child;
      node = child;
    }
    node[last] = value;
  }

  /** For what only several options together tell. */
  keep(line: ConfLine): void {
    this.#kept.set(line.option, [...this.all(line.option), line]);
  }

  /** As Mosquitto takes it: the last one holds. */
  last(...options: readonly string[]): ConfLine | undefined {
    return options.map((option) => this.all(option).at(-1)).find((line) => line !== undefined);
  }

  all(option: string): readonly ConfLine[] {
    return this.#kept.get(option) ?? [];
  }

  isTrue(option: string): boolean {
    const line = this.last(option);
    return line !== undefined && flag(line.value, line);
  }

  get isEmpty(): boolean {
    return this.#kept.size === 0 && Object.keys(this.tree).length === 0;
  }
}

function isTree(value: Plain | undefined): value is Tree {
  return typeof value === 'object' && !Array.isArray(value);
}

/** @returns what is to be said about the line. @throws ConfError */
export type Row = (line: ConfLine, draft: Draft) => Verdict;
export type Table = Readonly<Record<string, Row>>;
/** @throws ConfError */
export type Read<T extends Plain> = (text: string, place: Place) => T;

/** The option is this key. */
export function key(path: string, read: Read<Plain>): Row {
  return (line, draft) => {
    draft.put(path, read(line.value, line));
    return undefined;
  };
}

/** The option is nearly this key. */
export function nearly(path: string, read: Read<Plain>, reason: string): Row {
  return (line, draft) => {
    draft.put(path, read(line.value, line));
    return { kind: 'differs', reason };
  };
}

export const keep: Row = (line, draft) => {
  draft.keep(line);
  return undefined;
};

export function needless(reason: string): Row {
  return () => ({ kind: 'needless', reason });
}

export function differs(reason: string): Row {
  return () => ({ kind: 'differs', reason });
}

export function missing(reason: string): Row {
  return () => ({ kind: 'missing', reason });
}

/** @param rows - by what the value says; `other` for all that have none. */
export function byValue(rows: Readonly<Record<string, Row>> & { readonly other?: Row }): Row {
  return (line, draft) => {
    const row = Object.hasOwn(rows, line.value) ? rows[line.value] : rows.other;
    if (row === undefined) throw new ConfError(line, `${line.option} has a value Mosquitto does not know`);
    return row(line, draft);
  };
}

/** @param rows - `isTrue` and `isFalse`. */
export function ifTrue(isTrue: Row, isFalse: Row): Row {
  return (line, draft) => (flag(line.value, line) ? isTrue : isFalse)(line, draft);
}

/** @param zero - what Mosquitto means by 0. */
export function unlessZero(zero: Row, row: Row): Row {
  return (line, draft) => (line.value === '0' ? zero : row)(line, draft);
}

export function flag(text: string, place: Place): boolean {
  if (/^(?:true|1)$/i.test(text)) return true;
  if (/^(?:false|0)$/i.test(text)) return false;
  throw new ConfError(place, 'must be true or false');
}

export function words(text: string, place: Place): string {
  if (text === '') throw new ConfError(place, 'needs a value');
  return text;
}

export function whole(text: string, place: Place): number {
  if (!/^-?\d{1,12}$/.test(text)) throw new ConfError(place, 'must be a whole number');
  return Number(text);
}

/** A number the nearest bound stands in for when it lies beyond. */
export function within(min: number, max: number): Read<number> {
  return (text, place) => Math.min(max, Math.max(min, whole(text, place)));
}

/** @param table - Mosquitto's words and ours. */
export function oneOf(table: Readonly<Record<string, string>>): Read<string> {
  return (text, place) => {
    const found = Object.hasOwn(table, text) ? table[text] : undefined;
    if (found === undefined) throw new ConfError(place, `must be one of ${Object.keys(table).join(', ')}`);
    return found;
  };
}
