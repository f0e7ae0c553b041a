// `postern queue` on the command line.
import { type Command, Option } from 'commander';
import { withConfigOptions } from './config-options.ts';
import { peekQueue, purgeQueue, type QueueOptions, replayDeadLetters } from './queue.ts';
import { type QueuesOptions, queues } from './queues.ts';
import type { Surroundings } from './surroundings.ts';

export function withQueueCommands(program: Command, surroundings: Surroundings, exit: (code: number) => void): void {
  const queue = program.command('queue').description('look into the queues of a running gateway, and let go of what is in them or have it sent again');
  withConfigOptions(queue.command('list [client]'))
    .description('as `postern queues`')
    .option('-j, --json', 'print it for programs')
    .action(async (client: string | undefined, options: QueuesOptions) => exit(await queues(client, options, surroundings)));
  withSelection(queue.command('peek <client>'))
    .alias('search')
    .description('show the oldest messages of a client, or of a bridge (bridge:NAME), that are selected')
    .option('-n, --limit <count>', 'how many (10)')
    .action(async (client: string, options: QueueOptions) => exit(await peekQueue(client, options, surroundings)));
  withSelection(queue.command('purge <client>'))
    .description('let go of messages for good')
    .option('--all', 'of all of them')
    .action(async (client: string, options: QueueOptions) => exit(await purgeQueue(client, options, surroundings)));
  withSelection(queue.command('replay <bridge>'))
    .description('put the dead letters of a bridge (bridge:NAME) at the end of its queue, to be sent again')
    .option('--all', 'all of them')
    .action(async (client: string, options: QueueOptions) => exit(await replayDeadLetters(client, options, surroundings)));
}

function withSelection(command: Command): Command {
  return withConfigOptions(command)
    .option('-t, --topics <filter>', 'messages whose topic this filter selects')
    .option('--contains <text>', 'messages with this text in their payload')
    .addOption(new Option('--sequence <number...>', 'the messages of these numbers'))
    .option('--dead-letters', 'what the remote of a bridge would not take, instead of its queue')
    .option('--realm <name>', 'where more than one queue has that client id')
    .option('-j, --json', 'print it for programs, a line for each message');
}
