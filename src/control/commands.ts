// The table of control commands. A new command is a line here.
import { banCommands } from './ban-commands.ts';
import type { CommandTable } from './protocol.ts';
import type { BanBook, ReloadOutcome } from './running-gateway.ts';

/** What of the process a command can reach. */
export interface ControlledProcess {
  readonly version: string;
  status(): Record<string, unknown>;
  /** @throws GatewayError CONFIG_INVALID - nothing was changed; the message holds every problem, one per line. */
  reload(): ReloadOutcome;
  /** @throws GatewayError CONTROL_UNAVAILABLE - not now. */
  readonly bans: BanBook;
}

export function commandTable(process: ControlledProcess): CommandTable {
  return {
    ping: { about: 'Answers when the gateway is alive.', run: () => 'pong' },
    version: { about: 'Version of the running gateway.', run: () => process.version },
    status: { about: 'What the gateway is doing.', run: () => process.status() },
    reload: { about: 'Reads the configuration again, as SIGHUP does.', run: () => process.reload() },
    ...banCommands(() => process.bans),
  };
}
