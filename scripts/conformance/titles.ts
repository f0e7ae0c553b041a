// Titles of tests, read from the text of their files: what `test.each` makes of rows that stand there as literals included.
import type { Node } from 'oxc-parser';
import { parse, walk } from '../tidy/source.ts';

const SUITES = ['describe', 'describeWithPeers'];
const TESTS = ['test', 'it'];
/** In place of what is only known when the file runs. */
const UNKNOWN = '…';

interface Titled {
  readonly kind: 'suite' | 'test';
  /** More than one where a table makes them. */
  readonly titles: readonly string[];
  readonly start: number;
  readonly end: number;
}

/** @returns the titles of all tests in `text`, each behind those of its suites as vitest prints it; undefined when the text is not TypeScript. */
export function testTitles(path: string, text: string): string[] | undefined {
  const source = parse(path, text);
  if (source === undefined) return undefined;
  const tables = new Map<string, Node>();
  const found: Titled[] = [];
  walk(source.program, (node) => {
    if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier' && node.init !== null) tables.set(node.id.name, node.init);
    const titled = node.type === 'CallExpression' ? titledBy(node, tables) : undefined;
    if (titled !== undefined) found.push({ ...titled, start: node.start, end: node.end });
  });
  return found.filter(({ kind }) => kind === 'test').flatMap((test) => full(test, found));
}

/** The titles of `test`, behind every combination of those of the suites around it. */
function full(test: Titled, found: readonly Titled[]): string[] {
  const around = found.filter(({ kind, start, end }) => kind === 'suite' && start < test.start && test.end < end);
  return [...around, test].reduce<string[]>(
    (prefixes, { titles }) => prefixes.flatMap((prefix) => titles.map((title) => (prefix === '' ? title : `${prefix} > ${title}`))),
    [''],
  );
}

function titledBy(call: Extract<Node, { type: 'CallExpression' }>, tables: ReadonlyMap<string, Node>): Pick<Titled, 'kind' | 'titles'> | undefined {
  const { callee } = call;
  const named = callee.type === 'CallExpression' ? callee.callee : callee;
  const name = rootName(named);
  const kind = name === undefined ? undefined : SUITES.includes(name) ? 'suite' : TESTS.includes(name) ? 'test' : undefined;
  const title = literalOf(call.arguments[name === 'describeWithPeers' ? 1 : 0]);
  if (kind === undefined || title === undefined) return undefined;
  const rows = callee.type === 'CallExpression' ? rowsOf(callee.arguments[0], tables) : undefined;
  return { kind, titles: rows === undefined ? [title] : rows.map((cells, index) => filled(title, cells, index)) };
}

/** `test` of `test`, `test.each` and `test.skipIf`. */
function rootName(node: Node): string | undefined {
  if (node.type === 'Identifier') return node.name;
  return node.type === 'MemberExpression' ? rootName(node.object) : undefined;
}

/** @returns a list of cells for each row that stands there as a literal; undefined when the table is none. */
function rowsOf(node: Node | undefined, tables: ReadonlyMap<string, Node>): string[][] | undefined {
  const table = node === undefined ? undefined : bare(node);
  if (table?.type === 'Identifier') return tables.has(table.name) ? rowsOf(tables.get(table.name), new Map()) : undefined;
  if (table?.type !== 'ArrayExpression') return undefined;
  const rows = table.elements.flatMap((row) => (row === null || row.type === 'SpreadElement' ? [] : [bare(row)]));
  return rows.map((row) => (row.type === 'ArrayExpression' ? row.elements : [row]).map((cell) => literalOf(cell ?? undefined) ?? UNKNOWN));
}

/** Without `as const`, `satisfies` and parentheses. */
function bare(node: Node): Node {
  const isWrapped = node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression' || node.type === 'ParenthesizedExpression';
  return isWrapped ? bare(node.expression) : node;
}

function literalOf(node: Node | undefined): string | undefined {
  const value = node === undefined ? undefined : bare(node);
  if (value?.type === 'TemplateLiteral') return value.quasis.map((part) => part.value.cooked ?? '').join(UNKNOWN);
  return value?.type === 'Literal' && 'value' in value ? String(value.value) : undefined;
}

/** As vitest fills a title: a cell for each placeholder, the number of the row for `%#`. */
function filled(title: string, cells: readonly string[], index: number): string {
  const left = cells[Symbol.iterator]();
  return title.replaceAll(/%([sdifjoO#%])/g, (_, kind: string) => {
    if (kind === '%') return '%';
    return kind === '#' ? String(index) : (left.next().value ?? UNKNOWN);
  });
}
