import { ask } from '../control/client.ts';
import { GatewayError } from '../model/errors.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { EXIT, EXIT_OF } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

export interface GatewayRequest {
  readonly command: string;
  readonly [parameter: string]: unknown;
}

/** Puts one request to the running gateway. @throws GatewayError CONTROL_UNAVAILABLE - it cannot be asked, or refuses. */
export type Ask = (request: GatewayRequest) => Promise<unknown>;

/** Asks the running gateway through its control socket, and writes what `said` makes of the answer. @returns the exit code. */
export function askGateway(options: ConfigOptions, surroundings: Surroundings, request: GatewayRequest, said: (answer: unknown) => string): Promise<number> {
  return talkToGateway(options, surroundings, async (put) => surroundings.write(said(await put(request))));
}

/** The same for what takes several requests, each after the answer to the one before. @returns the exit code. */
export async function talkToGateway(options: ConfigOptions, surroundings: Surroundings, talk: (put: Ask) => Promise<void>): Promise<number> {
  const loaded = loadConfig(options, surroundings, 'ignored');
  if (loaded.kind === 'invalid') {
    surroundings.complain(problemText(loaded.problems));
    return EXIT.config;
  }
  try {
    await talk(async ({ command, ...parameters }) => {
      const answer = await ask(loaded.config.control.socket, surroundings.clock, command, parameters);
      if ('error' in answer) throw new GatewayError('CONTROL_UNAVAILABLE', `the gateway refused: ${answer.error.message}`);
      return answer.ok;
    });
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${error.message}\n`);
    return EXIT_OF[error.code];
  }
}
