// One parsed file, as the rules see it.
import { type Comment, type Node, parseSync, visitorKeys } from 'oxc-parser';

export interface Source {
  readonly path: string;
  readonly text: string;
  readonly program: Node;
  readonly comments: readonly Comment[];
  readonly lineCount: number;
  /** 1-based line of an offset into `text`. */
  lineOf(offset: number): number;
}

/** Tells that the code at `offset` breaks `rule`. */
export type Report = (offset: number, rule: string) => void;

/** Where a node hangs: `parent[key]` is the node, or the list it stands in. */
export interface Place {
  readonly parent: Node | undefined;
  readonly key: string;
}

/** @returns undefined when the text is not TypeScript. */
export function parse(path: string, text: string): Source | undefined {
  const { program, comments, errors } = parseSync(path, text);
  if (errors.length > 0) return undefined;
  const starts = [0];
  for (let end = text.indexOf('\n'); end >= 0 && end < text.length - 1; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  const lineOf = (offset: number): number => starts.findLastIndex((start) => start <= offset) + 1;
  return { path, text, program, comments, lineCount: starts.length, lineOf };
}

/** Visits `node` and all below it, parents first. */
export function walk(node: Node, visit: (node: Node, place: Place) => void, place: Place = { parent: undefined, key: '' }): void {
  visit(node, place);
  for (const key of visitorKeys[node.type] ?? []) {
    const below: unknown = Reflect.get(node, key);
    for (const child of Array.isArray(below) ? below : [below]) if (isNode(child)) walk(child, visit, { parent: node, key });
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}
