// What the schema is made of: sections of keys, and lists of sections. Every derived text (sample file, JSON Schema, reference, environment
// names) is a walk over these nodes; `Value` is the type a loaded configuration has.
import type * as v from 'valibot';

/** Values as a person writes them: defaults, examples, JSON Schema. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

/** A kind of value: how it is checked and how a person is told what is allowed. */
export interface ValueKind<T> {
  /** From the text (or list of texts) that was written to what the program uses. */
  readonly schema: v.GenericSchema<unknown, T>;
  /** Completes "must be". */
  readonly allowed: string;
  /** The JSON Schema of the value as written in the file. */
  readonly json: { readonly [keyword: string]: Plain };
  /** The value is a list of texts. */
  readonly isList: boolean;
  /** The value names a file: it must be readable, and what a secret one is called is never repeated in a message. */
  readonly file?: 'readable' | 'secret';
  /** What lies in the file the value names: a backup takes it along, secrets only when it is told to. */
  readonly contents?: 'public' | 'secret';
}

export interface Key<T> {
  readonly node: 'key';
  readonly kind: ValueKind<T>;
  /** One sentence. */
  readonly about: string;
  /** As written in a file; undefined: the key has no value unless it is given. */
  readonly default: Plain | undefined;
  readonly isRequired: boolean;
  /** What the sample file shows where there is no default. */
  readonly example: Plain | undefined;
}

export type Entries = Readonly<Record<string, Key<unknown> | Section<Entries> | List<Entries>>>;

export interface Section<E extends Entries> {
  readonly node: 'section';
  readonly about: string;
  readonly entries: E;
}

export interface List<E extends Entries> {
  readonly node: 'list';
  readonly about: string;
  readonly item: Section<E>;
  readonly itemsMax: number;
}

export type Node = Entries[string];

/** The type of a node's value after loading. */
export type Value<N> =
  N extends Key<infer T>
    ? T
    : N extends Section<infer E>
      ? { readonly [K in keyof E]: Value<E[K]> }
      : N extends List<infer E>
        ? readonly { readonly [K in keyof E]: Value<E[K]> }[]
        : never;

export function key<T>(kind: ValueKind<T>, about: string, defaultValue: Plain): Key<T> {
  return { node: 'key', kind, about, default: defaultValue, isRequired: false, example: undefined };
}

export function requiredKey<T>(kind: ValueKind<T>, about: string, example: Plain): Key<T> {
  return { node: 'key', kind, about, default: undefined, isRequired: true, example };
}

/** @param example - shown, commented out, in the sample file. */
export function optionalKey<T>(kind: ValueKind<T>, about: string, example: Plain): Key<T | undefined> {
  return { node: 'key', kind, about, default: undefined, isRequired: false, example };
}

export function section<E extends Entries>(about: string, entries: E): Section<E> {
  return { node: 'section', about, entries };
}

export function list<E extends Entries>(about: string, itemsMax: number, item: Section<E>): List<E> {
  return { node: 'list', about, item, itemsMax };
}

/** Keys that may be given once more in another place. */
type Overriding<E> = { readonly [K in keyof E]: E[K] extends Key<infer T> ? Key<T | undefined> : never };

/** `keys` of the section called `place` once more, without a default: what is not given holds as it does there. */
export function overriding<E extends Readonly<Record<string, Key<unknown>>>>(place: string, keys: E): Overriding<E> {
  const entries = Object.entries(keys).map(([name, given]) => {
    const about = `As ${place}.${name}, for this one.`;
    return [name, optionalKey(given.kind, about, given.default ?? given.example ?? '')];
  });
  return Object.fromEntries(entries) as Overriding<E>; // the entries of `keys`, one by one
}
