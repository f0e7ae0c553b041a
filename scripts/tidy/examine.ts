// Which rule holds where.
import type { Node } from 'oxc-parser';
import { isBelow, PRODUCT, ROOTS } from '../sources.ts';
import { commentRules } from './comments.ts';
import { idleCatch, lyingCast, plainError } from './errors.ts';
import { rawGlobals } from './globals.ts';
import { defaultExport, referencedFile, unseenImport } from './imports.ts';
import { fileLength, functionLength } from './length.ts';
import { type Place, parse, type Report, type Source, walk } from './source.ts';

export interface Finding {
  readonly line: number;
  readonly rule: string;
}

const CLOCKS = /^src\/(model\/clock|observe\/system-clock)\.ts$/;
/** Homes of what is forbidden elsewhere. */
const HOMES: Readonly<Record<string, RegExp>> = {
  'raw-clock': CLOCKS,
  'raw-timer': CLOCKS,
  'raw-turn': /^src\/(transport|store)\//,
  'raw-network': /^src\/(transport|admin|access\/providers)\//,
  'computed-import': /^src\/hooks\//,
};
const LENGTHS_HOLD = ['src', 'gateways', 'scripts'];
/** No sleep here: these suites move a fake clock by hand. */
const CLOCKED_TESTS = ['test/unit', 'test/conformance', 'test/contract'];

/** @param path - relative to the root of the repository; it decides which rules hold. */
export function examine(path: string, text: string): Finding[] {
  const source = parse(path, text);
  if (source === undefined) return [{ line: 1, rule: 'does-not-parse' }];
  const findings: Finding[] = [];
  const report: Report = (offset, rule) => {
    if (!HOMES[rule]?.test(path)) findings.push({ line: source.lineOf(offset), rule });
  };
  for (const comment of source.comments) {
    commentRules(comment, report);
    if (isBelow(PRODUCT, path)) referencedFile(comment, report);
  }
  if (isBelow(LENGTHS_HOLD, path)) fileLength(source, report);
  walk(source.program, (node, place) => examineNode(node, place, source, report));
  return findings.sort((a, b) => a.line - b.line);
}

function examineNode(node: Node, place: Place, source: Source, report: Report): void {
  const { path } = source;
  if (isBelow(ROOTS, path)) defaultExport(node, report);
  if (isBelow(LENGTHS_HOLD, path)) functionLength(node, source, report);
  if (isBelow(CLOCKED_TESTS, path)) rawGlobals(node, place, (offset, rule) => (rule === 'raw-timer' ? report(offset, 'sleep-in-test') : undefined));
  if (!isBelow(PRODUCT, path)) return;
  rawGlobals(node, place, report);
  unseenImport(node, report);
  plainError(node, source, report);
  idleCatch(node, source, report);
  lyingCast(node, report);
}
