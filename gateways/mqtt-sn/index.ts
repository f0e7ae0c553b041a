import type { Gateway } from '../../src/gateway/gateway.ts';
import type { DatagramTransport } from '../../src/transport/transport.ts';
import { MqttSnGateway } from './gateway.ts';
import type { MqttSnSettings } from './settings.ts';

export { MQTT_SN_DEFAULTS, type MqttSnSettings } from './settings.ts';

/**
 * MQTT-SN 1.2 over one datagram transport, which the gateway opens and closes.
 *
 * @throws GatewayError INVALID_TOPIC - in a predefined topic.
 */
export function createMqttSnGateway(settings: MqttSnSettings, transport: DatagramTransport): Gateway {
  return new MqttSnGateway(settings, transport);
}
