// `postern queue` on the command line.
import type { Command } from 'commander';
import { withConfigOptions } from './config-options.ts';
import { peekQueue, purgeQueue, type QueueOptions, replayDeadLetters, searchQueue } from './queue.ts';
import { type ExportOptions, exportQueue } from './queue-export.ts';
import { type ImportOptions, importQueue } from './queue-import.ts';
import { withSelection } from './queue-selection.ts';
import { type QueuesOptions, queues } from './queues.ts';
import type { Surroundings } from './surroundings.ts';

export function withQueueCommands(program: Command, surroundings: Surroundings, exit: (code: number) => void): void {
  const queue = program
    .command('queue')
    .description('look into the queues of a running gateway, let go of what is in them, have it sent again or carry it to another');
  withConfigOptions(queue.command('list [client]'))
    .description('as `postern queues`')
    .option('-j, --json', 'print it for programs')
    .action(async (client: string | undefined, options: QueuesOptions) => exit(await queues(client, options, surroundings)));
  asLines(queue.command('peek <client>'))
    .description('show the oldest messages of a client, or of a bridge (bridge:NAME), that are selected')
    .option('-n, --limit <count>', 'how many (10)')
    .action(async (client: string, options: QueueOptions) => exit(await peekQueue(client, options, surroundings)));
  asLines(queue.command('search <client>'))
    .description('show all messages of a client or bridge that are selected, the oldest first')
    .option('-n, --limit <count>', 'how many (all)')
    .action(async (client: string, options: QueueOptions) => exit(await searchQueue(client, options, surroundings)));
  asLines(queue.command('purge <client>'))
    .description('let go of messages for good')
    .option('--all', 'of all of them')
    .action(async (client: string, options: QueueOptions) => exit(await purgeQueue(client, options, surroundings)));
  withCarriage(queue, surroundings, exit);
  asLines(queue.command('replay <bridge>'))
    .description('put the dead letters of a bridge (bridge:NAME) at the end of its queue, to be sent again')
    .option('--all', 'all of them')
    .action(async (client: string, options: QueueOptions) => exit(await replayDeadLetters(client, options, surroundings)));
}

function withCarriage(queue: Command, surroundings: Surroundings, exit: (code: number) => void): void {
  withSelection(queue.command('export <client> <file>'))
    .description('write the messages of a client or bridge, those that are selected, into a file that another gateway imports')
    .option('--remove', 'let go of them here once the file is safe on its disk')
    .option('-j, --json', 'print the outcome for programs')
    .action(async (client: string, file: string, options: ExportOptions) => exit(await exportQueue({ clientId: client, file }, options, surroundings)));
  withConfigOptions(queue.command('import <file>'))
    .description('put exported messages into the queue of the same name here; each once, however often it is imported')
    .option('--into <client>', 'into the queue of this client or bridge instead')
    .option('--realm <name>', 'where more than one queue has that client id')
    .option('--publish', 'publish them to their topics instead')
    .option('-j, --json', 'print the outcome for programs')
    .action(async (file: string, options: ImportOptions) => exit(await importQueue(file, options, surroundings)));
}

function asLines(command: Command): Command {
  return withSelection(command).option('-j, --json', 'print it for programs, a line for each message');
}
