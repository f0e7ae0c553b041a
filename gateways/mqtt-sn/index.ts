import type { Gateway } from '../../src/gateway/gateway.ts';
import type { DatagramTransport } from '../../src/transport/transport.ts';
import { MqttSnGateway } from './gateway.ts';
import type { MqttSnSettings } from './settings.ts';

export { MQTT_SN_DEFAULTS, type MqttSnSettings } from './settings.ts';

/**
 * MQTT-SN 1.2 over datagram transports of different names, which the gateway opens and closes. A client may come by any of them, each time by another.
 *
 * @throws GatewayError INVALID_TOPIC - in a predefined topic.
 */
export function createMqttSnGateway(settings: MqttSnSettings, transports: readonly DatagramTransport[]): Gateway {
  return new MqttSnGateway(settings, transports);
}
