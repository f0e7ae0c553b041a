import { printYaml } from '../../src/config/print-yaml.ts';
import { jsonSchema } from './json-schema.ts';
import { reference } from './reference.ts';

const HEADER = `# yaml-language-server: $schema=./postern.schema.json
# Configuration of Postern with every key it has. A key that is commented out has the value shown, or the value its sentence
# describes: remove the "#" before the key (not the one before the prose) to change it. \`postern check --config FILE\` tells what is
# wrong with a file. Generated from the schema in src/config by scripts/print-config.ts.

`;

/** Path → content of every file that is printed from the schema. */
export function derivedFiles(): Readonly<Record<string, string>> {
  return {
    'config/postern.yaml': HEADER + printYaml({}),
    'config/postern.schema.json': printJson(jsonSchema()),
    'docs/reference/configuration.md': reference(),
  };
}

/** Lists of scalars stay on one line, as the formatter of the repository has it. */
function printJson(value: unknown): string {
  const scalar = '(?:"[^"]*"|[-\\w.]+)';
  const scalarList = new RegExp(`\\[\\s+(${scalar}(?:,\\s+${scalar})*)\\s+\\]`, 'g');
  return `${JSON.stringify(value, null, 2).replace(scalarList, (_, items: string) => `[${items.replace(/,\s+/g, ', ')}]`)}\n`;
}
