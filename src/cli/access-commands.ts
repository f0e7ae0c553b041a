// `postern user` and `postern ban` on the command line.
import type { Command } from 'commander';
import { type AddBanOptions, addBan, listBans, removeBan } from './ban.ts';
import { type ConfigOptions, withConfigOptions } from './config-options.ts';
import type { Surroundings } from './surroundings.ts';
import { type AddUserOptions, addUser, listUsers, removeUser } from './user.ts';

type Exit = (code: number) => void;

export function withUserCommands(program: Command, surroundings: Surroundings, exit: Exit): void {
  const user = program.command('user').description('say who may log in with a password');
  withConfigOptions(user.command('add <name>'))
    .description('add a user or change one; the password is asked for, or read from standard input')
    .option('-p, --password-file <file>', 'take the first line of a file as the password')
    .option('--superuser', 'no access rule binds the user, and it may read $SYS')
    .option('--scram', 'let the user prove the password without sending it (MQTT 5, SCRAM)')
    .action(async (name: string, options: AddUserOptions) => exit(await addUser(name, options, surroundings)));
  withConfigOptions(user.command('remove <name>'))
    .description('remove a user')
    .action(async (name: string, options: ConfigOptions) => exit(await removeUser(name, options, surroundings)));
  withConfigOptions(user.command('list'))
    .description('list the users')
    .action(async (options: ConfigOptions) => exit(await listUsers(options, surroundings)));
}

export function withBanCommands(program: Command, surroundings: Surroundings, exit: Exit): void {
  const ban = program.command('ban').description('say whom a running gateway does not let in; kinds are client, user and address');
  withConfigOptions(ban.command('add <kind> <value>'))
    .description('let a client id, a user or an address (10.0.0.0/8) in no more, and end its links')
    .option('-f, --for <time>', 'how long: 90s, 10m, 2h, 7d; for good when absent')
    .option('-r, --reason <text>', 'why, for whoever lists the bans')
    .action(async (kind: string, value: string, options: AddBanOptions) => exit(await addBan([kind, value], options, surroundings)));
  withConfigOptions(ban.command('remove <kind> <value>'))
    .description('let it in again')
    .action(async (kind: string, value: string, options: ConfigOptions) => exit(await removeBan([kind, value], options, surroundings)));
  withConfigOptions(ban.command('list'))
    .description('list the bans in force')
    .action(async (options: ConfigOptions) => exit(await listBans(options, surroundings)));
}
