import type { Gateway } from '../../src/gateway/gateway.ts';
import type { StreamTransport } from '../../src/transport/transport.ts';
import { StompGateway } from './gateway.ts';
import type { StompSettings } from './settings.ts';

export { STOMP_DEFAULTS, type StompSettings } from './settings.ts';

/** STOMP 1.0, 1.1 and 1.2 over stream transports, which the gateway opens and closes. */
export function createStompGateway(settings: StompSettings, transports: readonly StreamTransport[]): Gateway {
  return new StompGateway(settings, transports);
}
