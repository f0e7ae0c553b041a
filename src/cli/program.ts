// The command line: which command, with which options.
import { Command, CommanderError } from 'commander';
import { withBanCommands, withUserCommands } from './access-commands.ts';
import { withBackupCommands } from './backup-commands.ts';
import { withBridgeCommands } from './bridge-commands.ts';
import { type CheckOptions, check } from './check.ts';
import { type ConfigOptions, withConfigOptions } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import { withImportCommands } from './import-commands.ts';
import { withQueueCommands } from './queue-commands.ts';
import { type QueuesOptions, queues } from './queues.ts';
import { withSelftestCommand } from './selftest-command.ts';
import { start } from './start.ts';
import { type StatusOptions, status } from './status.ts';
import type { Surroundings } from './surroundings.ts';
import { withVerifyStreamCommand } from './verify-stream.ts';
import { version } from './version.ts';

const EPILOGUE = `
Every key of the configuration can also be given in the environment: mqtt.tcp.bind is POSTERN_MQTT__TCP__BIND.
A file is overruled by the environment, the environment by --set.

Examples:
  postern                                             run a gateway for this host, with its data in ./data
  postern start --config /etc/postern/postern.yaml
  postern check --config postern.yaml                 say everything that is wrong with a file
  postern status --data /var/lib/postern
`;

/** @returns the exit code. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  let code: number = EXIT.ok;
  const exit = (given: number): void => {
    code = given;
  };
  const program = new Command('postern')
    .description('Multi-protocol IoT gateway: sensors speak MQTT-SN, applications MQTT, bridges carry readings to a central broker.')
    .addHelpText('after', EPILOGUE)
    .exitOverride()
    .configureOutput({ writeOut: surroundings.write, writeErr: surroundings.complain });
  program.option('-V, --version', 'print the version').on('option:version', () => {
    code = version(surroundings);
    throw new CommanderError(code, 'postern.version', '');
  });
  withConfigOptions(program.command('start', { isDefault: true }))
    .description('run a gateway until it is told to stop (the default)')
    .action(async (options: ConfigOptions) => {
      code = await start(options, surroundings);
    });
  withConfigOptions(program.command('check'))
    .description('check a configuration and print everything that is wrong with it')
    .option('-p, --print', 'print the configuration in effect as a file')
    .action(async (options: CheckOptions) => {
      code = await check(options, surroundings);
    });
  withConfigOptions(program.command('status'))
    .description('show what a running gateway is doing')
    .option('-j, --json', 'print it for programs')
    .action(async (options: StatusOptions) => {
      code = await status(options, surroundings);
    });
  withConfigOptions(program.command('queues [client]'))
    .description('show whose queue holds messages in a running gateway, and whose dropped some and why')
    .option('-j, --json', 'print it for programs')
    .action(async (client: string | undefined, options: QueuesOptions) => {
      code = await queues(client, options, surroundings);
    });
  const groups = [withQueueCommands, withBridgeCommands, withUserCommands, withBanCommands, withBackupCommands, withSelftestCommand];
  for (const withCommands of [...groups, withImportCommands, withVerifyStreamCommand]) withCommands(program, surroundings, exit);
  program
    .command('version')
    .description('print the version')
    .action(() => {
      code = version(surroundings);
    });
  const [first = '-'] = args;
  const names = program.commands.map((command) => command.name());
  if (!first.startsWith('-') && ![...names, 'help'].includes(first)) {
    surroundings.complain(`postern: ${JSON.stringify(first)} is not a command: ${names.join(', ')}\n`);
    return EXIT.usage;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}
