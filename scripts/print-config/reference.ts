// The reference of all keys, for reading.
import { environmentName, formatPath, type Path } from '../../src/config/paths.ts';
import type { Entries, Key, Section } from '../../src/config/schema/nodes.ts';
import { SCHEMA } from '../../src/config/schema/schema.ts';

const INTRODUCTION = `# Configuration keys

Printed from the schema in src/config by scripts/print-config.ts. How files, environment and command line go together is told in
[the guide](../guides/configuration.md).
`;

export function reference(): string {
  return `${[INTRODUCTION, ...sectionText(SCHEMA, [])].join('\n')}`;
}

function sectionText(section: Section<Entries>, path: Path): string[] {
  const keys = Object.entries(section.entries).flatMap(([name, child]) => (child.node === 'key' ? [keyRow([...path, name], child)] : []));
  const table = keys.length === 0 ? [] : ['', '| key | default | allowed | what it does | environment |', '|---|---|---|---|---|', ...keys];
  const heading = path.length === 0 ? [] : [`## ${formatPath(path)}`, '', section.about];
  const children = Object.entries(section.entries).flatMap(([name, child]) => {
    if (child.node === 'section') return sectionText(child, [...path, name]);
    return child.node === 'list' ? sectionText({ ...child.item, about: `${child.about} ${child.item.about}` }, [...path, name, 0]) : [];
  });
  return [...heading, ...table, ...(path.length === 0 ? [] : ['']), ...children];
}

function keyRow(path: Path, key: Key<unknown>): string {
  const value = key.isRequired ? 'required' : key.default === undefined ? 'not set' : `\`${JSON.stringify(key.default)}\``;
  const cells = [`\`${path.at(-1)}\``, value, key.kind.allowed, key.about, `\`${environmentName(path)}\``];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`;
}
