// A configuration file: its text as mappings, lists and texts, and where in it each of them stands.
import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Scalar, visit } from 'yaml';
import type { Path } from './paths.ts';

export interface Position {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

export interface SyntaxProblem extends Position {
  readonly message: string;
}

const NULL = /^(~|null|Null|NULL|)$/;
/** A comment for people has a space in it. */
const HIDDEN = /^#([^ \t]|$)/;

/**
 * One YAML text. All scalars stay text (the failsafe schema of YAML 1.2 §10.1): `protocol: 5.0` must not become the number 5. Only an unquoted
 * null or nothing at all counts as not given.
 */
export class YamlSource {
  /** In the order of the text. */
  readonly problems: readonly SyntaxProblem[];
  /** False when the text has no structure one could check any further. */
  readonly isReadable: boolean;
  /** Mappings, lists, texts and null; undefined when the text is not readable or says nothing. */
  readonly written: unknown;
  readonly #text: string;
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    this.#text = text;
    this.#document = parseDocument(text, { schema: 'failsafe', prettyErrors: false, lineCounter: this.#lines });
    const { errors, warnings } = this.#document;
    const faults = [...errors, ...warnings].filter(({ code }) => code !== 'BAD_ALIAS');
    const problems = faults.map(({ code, pos, message }) => ({
      ...this.#position(pos[0]),
      message: code === 'MULTIPLE_DOCS' ? 'begins a second document; a configuration is one' : `is not YAML: ${message}`,
    }));
    const aliases = this.#checkScalars();
    this.isReadable = errors.every(({ code }) => code === 'DUPLICATE_KEY') && aliases.length === 0;
    this.written = this.isReadable ? this.#document.toJS() : undefined;
    this.problems = [...problems, ...aliases].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  /** Turns null into what it means. @returns the aliases, of which a configuration has none: they are text somebody forgot to quote. */
  #checkScalars(): SyntaxProblem[] {
    const aliases: SyntaxProblem[] = [];
    visit(this.#document, {
      Alias: (_, { source, range }) => {
        aliases.push({
          ...this.#position(range?.[0] ?? 0),
          message: `"*${source}" is an alias of YAML, which is not supported; text that begins with "*" needs quotes`,
        });
      },
      Scalar: (role, scalar) => {
        if (role !== 'key' && isNull(scalar)) scalar.value = null;
      },
    });
    return aliases;
  }

  /**
   * Where `path`, or what of it exists, stands.
   *
   * @param role - whether to point at the key or at its value; a value that is missing is where its key is.
   * @returns how many steps of `path` exist, and the position of the last of them.
   */
  locate(path: Path, role: 'key' | 'value'): Position & { readonly depth: number } {
    const { found, depth } = this.#find(path);
    const isValueWanted = role === 'value' && depth === path.length && isNode(found.node) && !(isScalar(found.node) && isNull(found.node));
    return { ...this.#position(isValueWanted ? startOf(found.node) : found.offset), depth };
  }

  /** Whether what stands where the value of `path` should is a comment to YAML, and text to whoever wrote it: `topic: #`, `topic: #/a`. */
  isHidden(path: Path): boolean {
    const { found, depth } = this.#find(path);
    if (depth < path.length || !isScalar(found.node) || !isNull(found.node)) return false;
    const end = found.node.range?.[1] ?? 0;
    return HIDDEN.test(this.#text.slice(end, end + 2));
  }

  #find(path: Path): { readonly found: Place; readonly depth: number } {
    let found: Place = { node: this.#document.contents, offset: startOf(this.#document.contents) };
    let depth = 0;
    for (const step of path) {
      const next = this.#child(found.node, step);
      if (next === undefined) break;
      found = next;
      depth += 1;
    }
    return { found, depth };
  }

  #child(node: unknown, step: string | number): Place | undefined {
    if (isMap(node)) {
      const pair = node.items.findLast(({ key }) => isScalar(key) && key.value === step); // of a key given twice the last counts
      return pair && { node: pair.value, offset: startOf(pair.key) };
    }
    const item: unknown = isSeq(node) && typeof step === 'number' ? node.items[step] : undefined;
    return isNode(item) ? { node: item, offset: startOf(item) } : undefined;
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** A node and where it begins; for the value of a key, where the key begins. */
interface Place {
  readonly node: unknown;
  readonly offset: number;
}

function isNull(scalar: Scalar): boolean {
  return scalar.type === 'PLAIN' && NULL.test(scalar.source ?? '');
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
