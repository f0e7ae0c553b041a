import { askGateway } from './ask-gateway.ts';
import type { ConfigOptions } from './config-options.ts';
import { statusText } from './status-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface StatusOptions extends ConfigOptions {
  readonly json?: boolean;
}

export function status(options: StatusOptions, surroundings: Surroundings): Promise<number> {
  const told = (state: unknown): string => (options.json ? `${JSON.stringify(state, null, 2)}\n` : statusText(state));
  return askGateway(options, surroundings, { command: 'status' }, told);
}
