import { key, list, requiredKey, section } from './nodes.ts';
import { boolean, endpoint, integer, seconds, secondsOrNever, text, topic } from './values.ts';

const UINT16_MAX = 65_535;
const UINT32_MAX = 4_294_967_295;
/** 0x0000 and 0xFFFF are reserved (MQTT-SN 1.2 §5.3.11). */
const TOPIC_ID_MAX = 65_534;

const predefinedTopic = section('One topic id that clients use without registering it.', {
  id: requiredKey(integer({ min: 1, max: TOPIC_ID_MAX }), 'Topic id on the wire.', 1),
  topic: requiredKey(topic, 'Topic the id stands for.', 'sensors/greenhouse/temperature'),
  clientId: key(text(UINT16_MAX), 'Client the id belongs to; "*" is every client that has no entry of its own for it.', '*'),
});

export const mqttSn = section('MQTT-SN 1.2.', {
  udp: section('MQTT-SN over UDP.', {
    enabled: key(boolean, 'Whether this listener is opened.', true),
    bind: key(endpoint({ portMin: 0 }), 'Address and port to listen on; port 0 takes any free one.', '127.0.0.1:1884'),
  }),
  gatewayId: key(integer({ min: 0, max: 255 }), 'GwId in GWINFO; no two gateways of one network may have the same.', 1),
  qosMinusOne: key(boolean, 'Whether messages of QoS -1 are accepted from senders that never connected.', true),
  forwarders: key(boolean, 'Whether forwarders may pass on what wireless nodes send, in forwarder encapsulation.', true),
  retrySeconds: key(seconds({ min: 1, max: 3_600 }), 'Time until an unanswered message is sent again (T_RETRY).', 10),
  retries: key(integer({ min: 0, max: 100 }), 'Times an unanswered message is sent again before the client counts as lost (N_RETRY).', 3),
  inflightMax: key(integer({ min: 1, max: 1_024 }), 'Deliveries a client may have unanswered; the protocol asks for 1.', 1),
  topicIdsMax: key(integer({ min: 1, max: TOPIC_ID_MAX }), 'Topic ids one client may have registered.', 1_024),
  clientsMax: key(integer({ min: 1, max: 1_000_000 }), 'Clients known at once, sleeping ones included; one more is refused with "congestion".', 10_000),
  followsAddress: key(
    boolean,
    'Whether a sleeping client may wake up at another address, known by the client id in its PINGREQ; access is checked anew there.',
    true,
  ),
  sessionExpirySeconds: key(
    secondsOrNever({ min: 0, max: UINT32_MAX }),
    'Time the session of a client that connected with CleanSession 0 outlives its connection.',
    'never',
  ),
  predefinedTopics: list('Topic ids known to clients and gateway without registration.', TOPIC_ID_MAX, predefinedTopic),
});
