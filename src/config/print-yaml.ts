// A configuration as the file that says it: every key with its sentence, those at their default commented out.
import { stringify } from 'yaml';
import { isMapping } from './read.ts';
import type { Entries, Key, Node, Section } from './schema/nodes.ts';
import { SCHEMA } from './schema/schema.ts';

const WIDTH = 120;
const LEVEL = '  ';

/**
 * @param written - what is set, as `load` returns it; the rest is commented out.
 * @returns YAML that loads to the same configuration. Lines `# like this` are prose, lines `#like: this` are keys to uncomment.
 */
export function printYaml(written: unknown): string {
  return `${printEntries(SCHEMA, written, '').join('\n')}\n`;
}

function printEntries(section: Section<Entries>, written: unknown, indent: string): string[] {
  const blocks = Object.entries(section.entries).map(([name, node]) => ({
    node,
    lines: printNode(name, node, isMapping(written) ? written[name] : undefined, indent),
  }));
  return blocks.flatMap(({ node, lines }, index) => {
    const isApart = index > 0 && (node.node !== 'key' || blocks[index - 1]?.node.node !== 'key');
    return isApart ? ['', ...lines] : lines;
  });
}

function printNode(name: string, node: Node, written: unknown, indent: string): string[] {
  switch (node.node) {
    case 'key':
      return [...prose(`${node.about} Allowed: ${node.kind.allowed}.`, indent), printKey(name, node, written, indent)];
    case 'section':
      return [...prose(node.about, indent), `${indent}${name}:`, ...printEntries(node, written, indent + LEVEL)];
    case 'list':
      return [...prose(node.about, indent), `${indent}${name}:`, ...printItems(node.item, written, indent + LEVEL)];
  }
}

function printItems(item: Section<Entries>, written: unknown, indent: string): string[] {
  if (Array.isArray(written) && written.length > 0) return written.flatMap((each) => printItem(item, each, indent));
  return printItem(item, undefined, indent).map((line) => line.replace(/^(\s*)(?=[^#\s])/, '$1#')); // nothing below a list without items may be live
}

/** The dash stands before the first key, and what is said about that key stands before the dash. */
function printItem(item: Section<Entries>, written: unknown, indent: string): string[] {
  const lines = printEntries(item, written, indent + LEVEL);
  const first = lines.findIndex((line) => !line.trimStart().startsWith('# '));
  return lines.map((line, index) => (index < first ? line.slice(LEVEL.length) : index === first ? dashed(line, indent) : line));
}

function dashed(line: string, indent: string): string {
  const text = line.trimStart();
  return text.startsWith('#') ? `${indent}#- ${text.slice(1)}` : `${indent}- ${text}`;
}

function printKey(name: string, key: Key<unknown>, written: unknown, indent: string): string {
  if (written !== undefined && written !== null) return `${indent}${name}: ${given(key, written)}`;
  return `${indent}#${name}: ${value(key.default ?? key.example ?? '')}`;
}

/** Scalars arrive as text; those that the schema reads as numbers and the like need no quotes. */
function given(key: Key<unknown>, written: unknown): string {
  return typeof written === 'string' && key.kind.json['type'] !== 'string' && key.kind.json['enum'] === undefined ? written : value(written);
}

function value(plain: unknown): string {
  return stringify(plain, { lineWidth: 0, collectionStyle: 'flow', flowCollectionPadding: false }).trimEnd();
}

function prose(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + 2 + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => `${indent}# ${each}`);
}
