// What a person sees who starts a gateway by hand.
import type { Config } from '../config/config.ts';
import type { ListenerAddress } from '../control/running-gateway.ts';

export interface GreetingFacts {
  readonly version: string;
  readonly config: Config;
  readonly addresses: readonly ListenerAddress[];
  /** How this program was called: `npm start --` or `postern`. */
  readonly program: string;
}

export function greeting({ version, config, addresses, program }: GreetingFacts): string {
  const rows = [...addresses.map(({ name, address }) => [name, address] as const), ['data', config.data.directory] as const];
  const width = Math.max(...rows.map(([name]) => name.length));
  const table = rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join('');
  const commands = [...mqttCommands(addresses), `${program} status --data ${shellWord(config.data.directory)}`];
  return `Postern ${version} is running.\n${table}\nTry in another terminal:\n${commands.map((command) => `  ${command}\n`).join('')}\n`;
}

const ANY_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function mqttCommands(addresses: readonly ListenerAddress[]): string[] {
  const listener = addresses.find(({ name }) => name === 'mqtt.tcp');
  if (listener === undefined) return [];
  const [, ipv6, host = ipv6 ?? '', port = ''] = /^(?:\[(.*)\]|(.*)):(\d+)$/.exec(listener.address) ?? [];
  const broker = `-h ${ANY_ADDRESS[host] ?? host} -p ${port}`;
  return [`mosquitto_sub ${broker} -t 'sensors/#' -v`, `mosquitto_pub ${broker} -t sensors/greenhouse -m 21.5 -q 1`];
}

function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
