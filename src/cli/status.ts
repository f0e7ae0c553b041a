import { ask } from '../control/client.ts';
import { GatewayError } from '../model/errors.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import { statusText } from './status-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface StatusOptions extends ConfigOptions {
  readonly json?: boolean;
}

/** Asks the running gateway through its control socket. */
export async function status(options: StatusOptions, surroundings: Surroundings): Promise<number> {
  const loaded = loadConfig(options, surroundings, 'ignored');
  if (loaded.kind === 'invalid') {
    surroundings.complain(problemText(loaded.problems));
    return EXIT.config;
  }
  try {
    const answer = await ask(loaded.config.control.socket, surroundings.clock, 'status');
    if ('error' in answer) {
      surroundings.complain(`postern: the gateway refused: ${answer.error.message}\n`);
      return EXIT.unavailable;
    }
    surroundings.write(options.json ? `${JSON.stringify(answer.ok, null, 2)}\n` : statusText(answer.ok));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${error.message}\n`);
    return EXIT.unavailable;
  }
}
