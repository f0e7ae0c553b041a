// The bridges over the control socket.
import { GatewayError } from '../model/errors.ts';
import type { CommandTable } from './protocol.ts';
import type { BridgeDesk } from './running-gateway.ts';

const NAME_BYTES_MAX = 64;

/** @param desk - asked for at each command; throws while there is none. */
export function bridgeCommands(desk: () => BridgeDesk): CommandTable {
  return {
    'bridge.list': { about: 'What each bridge is at, and how its connection failed last.', run: () => desk().status() },
    'bridge.start': { about: 'Connects a bridge now.', run: (given) => desk().call(nameOf(given)) ?? null },
    'bridge.stop': { about: 'Disconnects a bridge until it is started; its queue goes on collecting.', run: (given) => desk().rest(nameOf(given)) ?? null },
    'bridge.test': { about: 'Tries each address of a bridge without touching it.', run: (given) => desk().test(nameOf(given)) },
  };
}

function nameOf({ name }: Readonly<Record<string, unknown>>): string {
  if (typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
  throw new GatewayError('PROTOCOL_VIOLATION', `"name" must be a text of 1 to ${NAME_BYTES_MAX} bytes`);
}
