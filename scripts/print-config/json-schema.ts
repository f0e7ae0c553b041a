// The schema in the language that editors understand.
import type { Entries, Key, Node, Plain, Section } from '../../src/config/schema/nodes.ts';
import { SCHEMA } from '../../src/config/schema/schema.ts';

interface JsonObject {
  readonly [keyword: string]: Plain;
}

export function jsonSchema(): JsonObject {
  return { $schema: 'http://json-schema.org/draft-07/schema#', title: 'Postern configuration', ...nodeSchema(SCHEMA) };
}

/** An empty section or list, as the sample file has them, is null in YAML. */
function nodeSchema(node: Node): JsonObject {
  switch (node.node) {
    case 'key':
      return keySchema(node);
    case 'section':
      return { ...objectSchema(node, ['object', 'null']), description: node.about };
    case 'list':
      return { type: ['array', 'null'], description: node.about, maxItems: node.itemsMax, items: objectSchema(node.item, 'object') };
  }
}

function objectSchema(section: Section<Entries>, type: Plain): JsonObject {
  const required = Object.entries(section.entries).flatMap(([name, child]) => (child.node === 'key' && child.isRequired ? [name] : []));
  const properties = Object.fromEntries(Object.entries(section.entries).map(([name, child]) => [name, nodeSchema(child)]));
  return { type, additionalProperties: false, ...(required.length > 0 && { required }), properties };
}

function keySchema({ about, kind, default: defaultValue }: Key<unknown>): JsonObject {
  return { description: `${about} Allowed: ${kind.allowed}.`, ...kind.json, ...(defaultValue !== undefined && { default: defaultValue }) };
}
