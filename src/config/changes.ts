import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';
import { formatPath, type Path } from './paths.ts';
import { isMapping } from './read.ts';
import type { Node } from './schema/nodes.ts';
import { SCHEMA } from './schema/schema.ts';

/** The keys whose values differ, in the order of the schema; a list counts as one key. */
export function changedKeys(before: Config, after: Config): string[] {
  return [...differences(SCHEMA, { before, after }, [])].map(formatPath);
}

function* differences(node: Node, { before, after }: { readonly before: unknown; readonly after: unknown }, path: Path): Generator<Path> {
  if (node.node === 'section' && isMapping(before) && isMapping(after)) {
    for (const [name, child] of Object.entries(node.entries)) yield* differences(child, { before: before[name], after: after[name] }, [...path, name]);
  } else if (!isDeepStrictEqual(before, after)) yield path;
}
