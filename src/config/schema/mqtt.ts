import {
  CONNECT_TIMEOUT_MS,
  CONNECTIONS_MAX,
  INFLIGHT_MAX,
  MQTT_LISTENERS_MAX,
  PACKET_BYTES_MAX,
  RECEIVE_MAX,
  TOPIC_ALIAS_MAX,
  TOPIC_ALIAS_OUT_MAX,
} from '../../model/limits.ts';
import { key, list, optionalKey, overriding, requiredKey, section } from './nodes.ts';
import { proxyEntries, serverTlsEntries } from './tls.ts';
import { boolean, bytes, choice, choices, endpoint, fileMode, integer, name, path, qos, seconds, secondsOrNever, text, texts, textWithout } from './values.ts';

const UINT16_MAX = 65_535;
const UINT32_MAX = 4_294_967_295;
/** Fixed header and the largest Remaining Length (MQTT 5 §2.1.4). */
const PACKET_BYTES_BOUND = 268_435_460;

const enabled = (isByDefault: boolean) => key(boolean, 'Whether this listener is opened.', isByDefault);
const bind = (byDefault: string) => key(endpoint({ portMin: 0 }), 'Address and port to listen on; port 0 takes any free one.', byDefault);

const webSocket = {
  path: key(text(1_024), 'Path of the URL that clients call; another one is answered with 404.', '/mqtt'),
  origins: key(
    texts(64, 1_024),
    'Origins (https://dashboard.example.org) whose pages a browser may let connect besides those of this very host and port; "*" is all of them.',
    [],
  ),
  allowWithoutSubprotocol: key(boolean, 'Whether clients are let in that do not offer the subprotocol mqtt or mqttv3.1.', false),
};

/** What holds for every connection, and what a listener of the list may have otherwise. */
const connection = {
  versions: key(choices(['3.1', '3.1.1', '5.0']), 'Protocol versions that are accepted.', ['3.1', '3.1.1', '5.0']),
  mountPoint: key(
    textWithout(['+', '#'], { min: 0, max: UINT16_MAX }),
    'Put before every topic and filter of a client, and taken off what it receives; ${clientid} and ${username} stand for those of the client.',
    '',
  ),
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
  topicAliasOutMax: key(
    integer({ min: 0, max: UINT16_MAX }),
    'Topic aliases used towards a client, however many more it allows; 0 uses none.',
    TOPIC_ALIAS_OUT_MAX,
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
  connectionsMax: key(
    integer({ min: 1, max: 1_000_000 }),
    'Connections open at once over all MQTT listeners, and over one where it says so; one more is told so and closed.',
    CONNECTIONS_MAX,
  ),
  allowBridgeBit: key(
    boolean,
    'Whether a CONNECT with the protocol version bit 0x80 of Mosquitto bridges is accepted: retain as published, and no message back to its sender.',
    true,
  ),
  maximumQos: key(qos, 'Highest QoS a client may publish at and is granted, told to MQTT 5 clients as Maximum QoS.', 2),
  retainAvailable: key(boolean, 'Whether clients may publish retained messages.', true),
  wildcardSubscriptionAvailable: key(boolean, 'Whether clients may subscribe with wildcards.', true),
  subscriptionIdentifiersAvailable: key(boolean, 'Whether clients may give subscriptions an identifier.', true),
  sharedSubscriptionAvailable: key(boolean, 'Whether clients may share subscriptions.', true),
  payloadFormatCheck: key(boolean, 'Whether a payload that is called UTF-8 is refused when it is not.', false),
  reasonStrings: key(boolean, 'Whether MQTT 5 clients are told in words what was wrong.', false),
  responseInformation: optionalKey(
    text(UINT16_MAX),
    'What MQTT 5 clients that ask for it should build their response topics on; ${clientid} stands for the client.',
    'replies/${clientid}/',
  ),
  serverReference: optionalKey(text(UINT16_MAX), 'Where MQTT 5 clients of a full or stopping gateway are sent, as Server Reference.', 'mqtt.example.org:1883'),
};

const listener = section('One listener; what it does not say is as in the section mqtt.', {
  name: requiredKey(name(64), 'In logs, counters and access rules it is called mqtt.NAME.', 'garden'),
  type: requiredKey(choice(['tcp', 'tls', 'ws', 'wss', 'unix']), 'TCP, TLS, WebSocket, WebSocket over TLS, or a Unix socket.', 'tcp'),
  bind: optionalKey(endpoint({ portMin: 0 }), 'Address and port to listen on; port 0 takes any free one. Every type but unix needs it.', '127.0.0.1:1885'),
  path: optionalKey(path, 'Unix socket to make; the type unix needs it.', '/run/postern/mqtt.sock'),
  mode: key(fileMode, 'Permissions of the Unix socket: who may write to it may connect.', '0660'),
  ...proxyEntries,
  tls: section('For the types tls and wss.', serverTlsEntries),
  webSocket: section('For the types ws and wss.', webSocket),
  ...overriding('mqtt', connection),
});

export const mqtt = section('MQTT 3.1, 3.1.1 and 5.0.', {
  tcp: section('MQTT over TCP.', { enabled: enabled(true), bind: bind('127.0.0.1:1883'), ...proxyEntries }),
  tls: section('MQTT over TLS; it needs certFile and keyFile, or pskFile.', {
    enabled: enabled(false),
    bind: bind('127.0.0.1:8883'),
    ...serverTlsEntries,
    ...proxyEntries,
  }),
  ws: section('MQTT over WebSocket.', { enabled: enabled(false), bind: bind('127.0.0.1:8083'), ...webSocket, ...proxyEntries }),
  wss: section('MQTT over WebSocket over TLS; it needs certFile and keyFile, or pskFile.', {
    enabled: enabled(false),
    bind: bind('127.0.0.1:8084'),
    ...webSocket,
    ...serverTlsEntries,
    ...proxyEntries,
  }),
  listeners: list('Further listeners, each with limits of its own.', MQTT_LISTENERS_MAX, listener),
  ...connection,
});
