// `postern backup` and `postern restore` on the command line.
import type { Command } from 'commander';
import { type BackupOptions, backup } from './backup.ts';
import { withConfigOptions } from './config-options.ts';
import { type RestoreOptions, restore } from './restore.ts';
import type { Surroundings } from './surroundings.ts';

type Exit = (code: number) => void;

export function withBackupCommands(program: Command, surroundings: Surroundings, exit: Exit): void {
  withConfigOptions(program.command('backup <file>'))
    .description('save the store and the configuration into one file, while the gateway runs or not, and check it')
    .option('--with-secrets', 'take passwords, keys and pre-shared keys along')
    .option('-f, --force', 'replace a file of that name')
    .action(async (file: string, options: BackupOptions) => exit(await backup(file, options, surroundings)));
  withConfigOptions(program.command('restore <file>'))
    .description('bring back what a backup holds, into the data directory of a gateway that is stopped')
    .option('-l, --list', 'say what the backup holds, and nothing else')
    .option('-n, --dry-run', 'check the whole backup and touch nothing')
    .option('-f, --force', 'set a store aside that is there, or take what is whole of a damaged backup')
    .option('--files <directory>', 'also write the files of the configuration into a directory')
    .action(async (file: string, options: RestoreOptions) => exit(await restore(file, options, surroundings)));
}
