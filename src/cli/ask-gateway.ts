import { ask } from '../control/client.ts';
import { GatewayError } from '../model/errors.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

export interface GatewayRequest {
  readonly command: string;
  readonly [parameter: string]: unknown;
}

/** Asks the running gateway through its control socket, and writes what `said` makes of the answer. @returns the exit code. */
export async function askGateway(
  options: ConfigOptions,
  surroundings: Surroundings,
  { command, ...parameters }: GatewayRequest,
  said: (answer: unknown) => string,
): Promise<number> {
  const loaded = loadConfig(options, surroundings, 'ignored');
  if (loaded.kind === 'invalid') {
    surroundings.complain(problemText(loaded.problems));
    return EXIT.config;
  }
  try {
    const answer = await ask(loaded.config.control.socket, surroundings.clock, command, parameters);
    if ('error' in answer) {
      surroundings.complain(`postern: the gateway refused: ${answer.error.message}\n`);
      return EXIT.unavailable;
    }
    surroundings.write(said(answer.ok));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${error.message}\n`);
    return EXIT.unavailable;
  }
}
