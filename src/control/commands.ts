// The table of control commands. A new command is a line here.
import { GatewayError } from '../model/errors.ts';
import { type BackedUpProcess, backupCommands } from './backup-commands.ts';
import { banCommands } from './ban-commands.ts';
import { bridgeCommands } from './bridge-commands.ts';
import type { CommandTable } from './protocol.ts';
import { queueCommands } from './queue-commands.ts';
import type { BanBook, BridgeDesk, QueueBook, QueueListing, ReloadOutcome } from './running-gateway.ts';

/** What of the process a command can reach. */
export interface ControlledProcess extends BackedUpProcess {
  readonly version: string;
  status(): Record<string, unknown>;
  /** @throws GatewayError CONFIG_INVALID - nothing was changed; the message holds every problem, one per line. */
  reload(): ReloadOutcome;
  /** @throws GatewayError CONTROL_UNAVAILABLE - not now. */
  readonly bans: BanBook;
  /** @throws as `bans`. */
  readonly bridges: BridgeDesk;
  /** @throws as `bans`. */
  queues(clientId: string | undefined): QueueListing;
  /** @throws as `bans`. */
  readonly queueBook: QueueBook;
}

export function commandTable(process: ControlledProcess): CommandTable {
  return {
    ping: { about: 'Answers when the gateway is alive.', run: () => 'pong' },
    version: { about: 'Version of the running gateway.', run: () => process.version },
    status: { about: 'What the gateway is doing.', run: () => process.status() },
    reload: { about: 'Reads the configuration again, as SIGHUP does.', run: () => process.reload() },
    queues: { about: 'Which queues hold or dropped messages.', run: ({ clientId }) => process.queues(clientIdOf(clientId)) },
    ...queueCommands(() => process.queueBook),
    ...bridgeCommands(() => process.bridges),
    ...banCommands(() => process.bans),
    ...backupCommands(process),
  };
}

function clientIdOf(given: unknown): string | undefined {
  if (given === undefined || typeof given === 'string') return given;
  throw new GatewayError('PROTOCOL_VIOLATION', '"clientId" must be a text');
}
