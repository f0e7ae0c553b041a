// `postern import` on the command line.
import type { Command } from 'commander';
import { type ImportOptions, importMosquitto } from './import-mosquitto.ts';
import type { Surroundings } from './surroundings.ts';

export function withImportCommands(program: Command, surroundings: Surroundings, exit: (code: number) => void): void {
  program
    .command('import')
    .description('make a configuration of that of another broker')
    .command('mosquitto <file>')
    .description('of a mosquitto.conf, with its users, access lists and pre-shared keys; lists every line that has no equivalent')
    .option('-o, --output <file>', 'configuration to write; users.json, access.acl and the like lie beside it', 'postern.yaml')
    .option('-f, --force', 'replace files that exist')
    .option('--strict', 'write nothing when a line has no equivalent, or one that differs')
    .option('-n, --dry-run', 'write nothing, only list')
    .action(async (file: string, options: ImportOptions) => exit(await importMosquitto(file, options, surroundings)));
}
