import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';
import { formatPath, type Path } from './paths.ts';
import { isMapping } from './read.ts';

/** The keys whose values differ, in the order of the schema; a list counts as one. */
export function changedKeys(before: Config, after: Config): string[] {
  return [...differences(before, after, [])].map(formatPath);
}

function* differences(before: unknown, after: unknown, path: Path): Generator<Path> {
  if (!isMapping(before) || !isMapping(after)) {
    if (!isDeepStrictEqual(before, after)) yield path;
    return;
  }
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) yield* differences(before[name], after[name], [...path, name]);
}
