// `postern bridge` on the command line: the bridges of a running gateway, through its control socket.
import type { Command } from 'commander';
import { askGateway, talkToGateway } from './ask-gateway.ts';
import { bridgesText, isAllWell, trialsText } from './bridge-text.ts';
import { type ConfigOptions, withConfigOptions } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

interface BridgeOptions extends ConfigOptions {
  readonly json?: boolean;
}

export function withBridgeCommands(program: Command, surroundings: Surroundings, exit: (code: number) => void): void {
  const bridge = program.command('bridge').description('look at the bridges of a running gateway, test them, stop and start them');
  const json = (answer: unknown): string => `${JSON.stringify(answer, null, 2)}\n`;
  withConfigOptions(bridge.command('list'))
    .description('show what each bridge is at, and how its connection failed last')
    .option('-j, --json', 'print it for programs')
    .action(async (options: BridgeOptions) => {
      exit(await askGateway(options, surroundings, { command: 'bridge.list' }, options.json ? json : bridgesText));
    });
  withConfigOptions(bridge.command('start <name>'))
    .description('connect a bridge now, whether it is stopped, idle or waits for its next attempt')
    .action(async (name: string, options: BridgeOptions) => {
      exit(await askGateway(options, surroundings, { command: 'bridge.start', name }, () => `bridge ${name} connects: see postern bridge list\n`));
    });
  withConfigOptions(bridge.command('stop <name>'))
    .description('disconnect a bridge until it is started; what is to go over it waits in its queue')
    .action(async (name: string, options: BridgeOptions) => {
      exit(await askGateway(options, surroundings, { command: 'bridge.stop', name }, () => `bridge ${name} is stopped; its queue goes on collecting\n`));
    });
  withConfigOptions(bridge.command('test <name>'))
    .description('dial each address of a bridge and shake hands, and say what fails; the bridge itself is not touched')
    .option('-j, --json', 'print it for programs')
    .action(async (name: string, options: BridgeOptions) => exit(await testBridge(name, options, surroundings)));

  async function testBridge(name: string, options: BridgeOptions, { write }: Surroundings): Promise<number> {
    let isWell = false;
    const code = await talkToGateway(options, surroundings, async (put) => {
      const trials = await put({ command: 'bridge.test', name });
      isWell = isAllWell(trials);
      write(options.json ? json(trials) : trialsText(trials));
    });
    return code === EXIT.ok && !isWell ? EXIT.failed : code;
  }
}
