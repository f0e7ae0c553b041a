// Writes what is derived from the configuration schema: the sample file, the JSON Schema for editors, the reference of all keys.
import { writeFileSync } from 'node:fs';
import { derivedFiles } from './print-config/derived-files.ts';

for (const [path, text] of Object.entries(derivedFiles())) {
  writeFileSync(path, text);
  process.stdout.write(`${path}\n`);
}
