// What the gates must have read, found by walking the tree and asking none of their tools: a gate that read less fails.
import { readdirSync } from 'node:fs';

/** Where code lives; a source file anywhere else is a finding of the tidy gate. */
export const ROOTS = ['src', 'gateways', 'scripts', 'test'] as const;
/** What ships: the strict rules hold here. */
export const PRODUCT = ['src', 'gateways'] as const;

const SOURCE = /\.[cm]?[jt]sx?$/;
const NOT_OURS = /^(\.git|node_modules|data|dist(\..+)?)$/;

/**
 * Every source file below the working directory, in any spelling a tool might pass over: hidden folders, `.mts`, `.js`, `.tsx`.
 *
 * @returns sorted relative paths.
 */
export function sourceFiles(directory = '.'): string[] {
  const found = readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = directory === '.' ? entry.name : `${directory}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.test(path) ? [] : sourceFiles(path);
    return SOURCE.test(path) ? [path] : [];
  });
  return found.sort();
}

/** Whether `path` lies below one of `roots`. */
export function isBelow(roots: readonly string[], path: string): boolean {
  return roots.some((root) => path.startsWith(`${root}/`));
}

/**
 * Prints what a gate left unread of what it should have read.
 *
 * @returns whether it read everything, and that was something.
 */
export function hasReadAll(gate: string, expected: readonly string[], read: ReadonlySet<string>): boolean {
  const unread = expected.filter((path) => !read.has(path));
  for (const path of unread) process.stdout.write(`not-read: ${path}\n`);
  process.stdout.write(`${gate}: ${expected.length - unread.length} of ${expected.length} source files read\n`);
  return unread.length === 0 && expected.length > 0;
}
