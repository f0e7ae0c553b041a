import { CONNECT_TIMEOUT_MS, CONNECTIONS_MAX, INFLIGHT_MAX, PACKET_BYTES_MAX, RECEIVE_MAX, TOPIC_ALIAS_MAX } from '../../model/limits.ts';
import { key, optionalKey, section } from './nodes.ts';
import { boolean, bytes, choice, endpoint, file, integer, seconds, secondsOrNever, texts } from './values.ts';

const UINT16_MAX = 65_535;
const UINT32_MAX = 4_294_967_295;
/** Fixed header and the largest Remaining Length (MQTT 5 §2.1.4). */
const PACKET_BYTES_BOUND = 268_435_460;

export const mqtt = section('MQTT 3.1.1 and 5.0.', {
  tcp: section('MQTT over TCP.', {
    enabled: key(boolean, 'Whether this listener is opened.', true),
    bind: key(endpoint({ portMin: 0 }), 'Address and port to listen on; port 0 takes any free one.', '127.0.0.1:1883'),
  }),
  tls: section('MQTT over TLS.', {
    enabled: key(boolean, 'Whether this listener is opened; it needs certFile and keyFile.', false),
    bind: key(endpoint({ portMin: 0 }), 'Address and port to listen on; port 0 takes any free one.', '127.0.0.1:8883'),
    certFile: optionalKey(file, 'Own certificate with its chain, PEM.', '/etc/postern/server.pem'),
    keyFile: optionalKey(file, 'Private key of the certificate, PEM.', '/etc/postern/server.key'),
    caFile: optionalKey(file, 'Authorities that may issue client certificates, PEM; without it those that Node.js knows.', '/etc/postern/clients-ca.pem'),
    clientCertificate: key(
      choice(['none', 'optional', 'required']),
      'Whether clients show a certificate; one that is shown and does not verify is refused.',
      'none',
    ),
    alpn: key(texts(8, 255), 'Application protocols to agree on, in order of preference.', []),
  }),
  connectTimeoutSeconds: key(seconds({ min: 1, max: 3_600 }), 'Time a new connection has to send its CONNECT.', CONNECT_TIMEOUT_MS / 1_000),
  keepAliveMaxSeconds: key(
    seconds({ min: 0, max: UINT16_MAX }),
    'Longest keep-alive granted, told to MQTT 5 clients as Server Keep Alive; 0 grants what the client asks for.',
    0,
  ),
  packetBytesMax: key(
    bytes({ min: 128, max: PACKET_BYTES_BOUND }),
    'Largest packet accepted, told to MQTT 5 clients as Maximum Packet Size.',
    PACKET_BYTES_MAX,
  ),
  receiveMax: key(
    integer({ min: 1, max: UINT16_MAX }),
    'QoS 1 and 2 publishes a client may have unanswered, told to MQTT 5 clients as Receive Maximum.',
    RECEIVE_MAX,
  ),
  topicAliasMax: key(
    integer({ min: 0, max: UINT16_MAX }),
    'Topic aliases a client may use, told to MQTT 5 clients as Topic Alias Maximum; 0 forbids them.',
    TOPIC_ALIAS_MAX,
  ),
  inflightMax: key(
    integer({ min: 1, max: UINT16_MAX }),
    'QoS 1 and 2 deliveries a client may have unsettled, however large a Receive Maximum it announces.',
    INFLIGHT_MAX,
  ),
  sessionExpiryMaxSeconds: key(
    secondsOrNever({ min: 0, max: UINT32_MAX }),
    'Longest time a session outlives its connection; never keeps it as long as the client asks, for 3.1.1 clients without Clean Session for ever.',
    'never',
  ),
  connectionsMax: key(integer({ min: 1, max: 1_000_000 }), 'Connections open at once; one more is closed at once.', CONNECTIONS_MAX),
  allowBridgeBit: key(
    boolean,
    'Whether a CONNECT with the protocol version bit 0x80 of Mosquitto bridges is accepted: retain as published, and no message back to its sender.',
    true,
  ),
});
