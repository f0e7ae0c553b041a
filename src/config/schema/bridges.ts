import {
  BRIDGE_ANSWER_TIMEOUT_SECONDS,
  BRIDGE_HOPS_MAX,
  BRIDGE_QUEUE_BYTES_MAX,
  BRIDGE_QUEUE_MESSAGES_MAX,
  BRIDGE_TOPIC_ALIAS_MAX,
  CLIENT_ID_BYTES_MAX,
  PSK_IDENTITY_BYTES_MAX,
  QUEUE_FILTERS_MAX,
  TOPIC_POLICIES_MAX,
} from '../../model/limits.ts';
import { budget, newestFirst } from './bridge-budget.ts';
import { key, list, optionalKey, requiredKey, section } from './nodes.ts';
import { priorityRule } from './queue.ts';
import {
  anyText,
  boolean,
  bytes,
  choice,
  endpoint,
  endpoints,
  file,
  filter,
  filters,
  formatBytes,
  fraction,
  integer,
  ipAddress,
  keyFile,
  name,
  qos,
  requestPath,
  seconds,
  secondsOrNever,
  secretFile,
  text,
  texts,
  topic,
} from './values.ts';

const UINT16_MAX = 65_535;
const UINT32_MAX = 4_294_967_295;
const TIB = 1_024 ** 4;
const QUEUE_BOUND = 1_000_000_000;
const BRIDGES_MAX = 64;
const TOPICS_MAX = 1_000;
const FALLBACKS_MAX = 8;

const tls = section('TLS towards the broker.', {
  enabled: key(boolean, 'Whether the connection is encrypted.', false),
  caFile: optionalKey(file, 'Certificates of the authorities to trust, PEM; without it those that Node.js knows.', '/etc/postern/ca.pem'),
  certFile: optionalKey(file, 'Own certificate with its chain, PEM.', '/etc/postern/bridge.pem'),
  keyFile: optionalKey(keyFile, 'Private key of the certificate, PEM.', '/etc/postern/bridge.key'),
  servername: optionalKey(text(255), 'Name the certificate must have, instead of the host of the address.', 'broker.example.org'),
  pskIdentity: optionalKey(
    text(PSK_IDENTITY_BYTES_MAX),
    'Name of a pre-shared key, which then proves both ends instead of certificates; TLS 1.2 only.',
    'greenhouse',
  ),
  pskFile: optionalKey(secretFile, 'File whose first line is that key, in hexadecimal.', 'credential:central-psk'),
  alpn: key(texts(8, 255), 'Application protocols to offer.', []),
  insecure: key(boolean, 'Whether a certificate that does not verify is accepted; for tests only.', false),
});

const websocket = section('MQTT over WebSocket towards the broker, with the subprotocol mqtt; with TLS it is wss.', {
  enabled: key(boolean, 'Whether the connection is a WebSocket.', false),
  path: key(requestPath, 'Path, with the query if there is one.', '/mqtt'),
});

const bridgedTopic = section('One topic map.', {
  filter: requiredKey(filter, 'Topics to carry, without the prefixes.', 'sensors/#'),
  direction: key(choice(['out', 'in', 'both']), 'out sends to the broker, in fetches from it.', 'out'),
  qos: key(qos, 'Highest QoS on the way.', 1),
  localPrefix: key(anyText(UINT16_MAX), 'Text before the topics on this side.', ''),
  remotePrefix: key(anyText(UINT16_MAX), 'Text before the topics on the other side.', ''),
  rename: optionalKey(
    text(UINT16_MAX),
    'Name on the other side, whatever the prefix there is: {1} to {9} stand for what the + of the filter matched, in their order, {#} for what # did.',
    'site/{#}',
  ),
});

const retry = section('Waits between attempts to connect; each doubles the one before.', {
  firstSeconds: key(seconds({ min: 1, max: 3_600 }), 'First wait.', 1),
  capSeconds: key(seconds({ min: 1, max: 86_400 }), 'Longest wait.', 30),
  jitter: key(fraction, 'Share of each wait that is random, so that bridges that failed together do not return together.', 0.5),
});

const policy = section('How some topics wait.', {
  topics: requiredKey(
    filters(QUEUE_FILTERS_MAX),
    'Their filters, on this side and with its prefix; of several policies the first that selects a topic holds.',
    ['samples/#'],
  ),
  whenFull: key(
    choice(['refuse', 'drop-oldest', 'drop-newest']),
    'What happens at messagesMax, bytesMax and the bounds of the whole queue: publishers are held back, or a message that waits goes.',
    'refuse',
  ),
  keepLatest: key(boolean, 'Whether only the newest waiting message of each topic is kept.', false),
  oneOf: optionalKey(integer({ min: 2, max: 1_000_000 }), 'Of so many messages of one topic the first is taken.', 10),
  everySeconds: optionalKey(
    seconds({ min: 1, max: 86_400 }),
    'Of the messages of one topic within this time the first is taken, of those that oneOf lets pass.',
    60,
  ),
  ageSecondsMax: optionalKey(seconds({ min: 1, max: UINT32_MAX }), 'Messages that have waited for longer go.', 86_400),
  messagesMax: optionalKey(integer({ min: 1, max: QUEUE_BOUND }), 'Messages of these topics that wait.', 100_000),
  bytesMax: optionalKey(bytes({ min: 1_024, max: TIB }), 'Bytes of these topics that wait.', '64MiB'),
});

const bridge = section('One bridge.', {
  name: requiredKey(name(64), 'Name in logs, in `postern status` and in the client id.', 'central'),
  address: requiredKey(endpoint({ portMin: 1 }), 'Host and port of the broker.', 'broker.example.org:1883'),
  fallbacks: key(endpoints(FALLBACKS_MAX), 'Further addresses, called at once when the one before cannot be reached or will not have us.', []),
  order: key(
    choice(['failover', 'round-robin']),
    'Which address a new connection begins with: failover with the first, round-robin with the one behind the last.',
    'failover',
  ),
  fallbacksShareSessions: key(
    boolean,
    'Whether these addresses are one broker to its clients (a cluster); otherwise our session at a broker is forgotten when another one was connected meanwhile.',
    false,
  ),
  start: key(
    choice(['automatic', 'lazy', 'once']),
    'When it is connected: always; while there is something to send (nothing comes in meanwhile); or once, from the start until the connection is lost.',
    'automatic',
  ),
  idleSeconds: key(seconds({ min: 1, max: 86_400 }), 'Time without a message after which a lazy bridge disconnects.', 60),
  lazyThreshold: key(integer({ min: 1, max: 1_000_000_000 }), 'Waiting messages for which a lazy bridge connects.', 10),
  bindAddress: optionalKey(ipAddress, 'Address of this host to connect from.', '192.0.2.7'),
  websocket,
  protocol: key(choice(['5.0', '3.1.1']), 'Version of MQTT to speak.', '5.0'),
  clientId: optionalKey(text(CLIENT_ID_BYTES_MAX), 'Client id at the broker; postern-<host name>-<bridge name> unless given.', 'postern-greenhouse-central'),
  username: optionalKey(text(UINT16_MAX), 'User name at the broker.', 'greenhouse'),
  passwordFile: optionalKey(secretFile, 'File whose first line is the password.', 'credential:central-password'),
  sendRetain: key(boolean, 'Whether messages go out with the RETAIN flag they were published with; without it nothing is retained at the broker.', true),
  keepAliveSeconds: key(seconds({ min: 5, max: UINT16_MAX }), 'Keep-alive asked of the broker.', 60),
  tcpKeepAliveSeconds: optionalKey(
    seconds({ min: 1, max: 7_200 }),
    'Silence after which the kernel asks whether the broker is still there; for links whose keep-alive is long. Unless given it does not ask.',
    30,
  ),
  topicAliasMax: key(
    integer({ min: 0, max: UINT16_MAX }),
    'Topic aliases used towards the broker, as far as it takes them, and taken from it; 0: none (MQTT 5).',
    BRIDGE_TOPIC_ALIAS_MAX,
  ),
  cleanStart: key(boolean, 'Whether the broker forgets our session at each connection; what it had for us is then lost.', false),
  sessionExpirySeconds: key(secondsOrNever({ min: 0, max: UINT32_MAX }), 'Time the broker is asked to keep our session without connection (MQTT 5).', 'never'),
  inflightMax: key(integer({ min: 1, max: UINT16_MAX }), 'Messages under way to the broker at once; its Receive Maximum may lower it.', 20),
  answerTimeoutSeconds: key(
    secondsOrNever({ min: 5, max: 86_400 }),
    'Time the broker has to acknowledge a message before the bridge connects anew and sends it again.',
    BRIDGE_ANSWER_TIMEOUT_SECONDS,
  ),
  tryPrivate: key(
    boolean,
    'Whether a 3.1.1 broker is told by the protocol version bit 0x80 that we are a bridge; one that refuses is called again without.',
    true,
  ),
  tls,
  topics: list('What is carried.', TOPICS_MAX, bridgedTopic),
  retry,
  priorities: list('Classes by topic of this side, prefix included; the first whose filter fits holds.', QUEUE_FILTERS_MAX, priorityRule),
  newestFirst,
  budget,
  statusTopic: optionalKey(
    topic,
    'Retained 1 while connected and 0 otherwise; $SYS/broker/connection/<client id>/state unless given.',
    '$SYS/broker/connection/postern-greenhouse-central/state',
  ),
  statusTo: key(choice(['both', 'local', 'none']), 'Where the status topic is published: here and, by will, at the broker; only here; nowhere.', 'both'),
  loopGuard: key(
    choice(['auto', 'on', 'off']),
    'Keeps messages from going in circles: auto where what is sent may come in over the same bridge, on always, off never. MQTT 5: a User Property of 33 bytes; 3.1.1: echoes are found out.',
    'auto',
  ),
  hopsMax: key(
    integer({ min: 1, max: 255 }),
    'Bridges a guarded message crosses, out of a gateway or into one; then it stays. Between gateways that are all bridged to each other: 1.',
    BRIDGE_HOPS_MAX,
  ),
  provenance: key(
    choice(['none', 'properties', 'envelope']),
    'What goes with each message that tells where it is from, when it came and whether any is missing: nothing; User Properties pst-* (MQTT 5); a JSON object around its payload.',
    'none',
  ),
  reportTopic: optionalKey(
    topic,
    'Where the broker is told which number each boot ended with, and what is not sent; postern/<client id>/report unless given.',
    'postern/greenhouse/report',
  ),
  queueMessagesMax: key(
    integer({ min: 1, max: QUEUE_BOUND }),
    'Messages that wait through an outage; then publishers are held back.',
    BRIDGE_QUEUE_MESSAGES_MAX,
  ),
  queueBytesMax: key(bytes({ min: 1_024, max: TIB }), 'Bytes that wait through an outage; then publishers are held back.', formatBytes(BRIDGE_QUEUE_BYTES_MAX)),
  queueDiskShareMax: optionalKey(fraction, 'Share of the disk that what waits may take, if that is less than queueBytesMax.', 0.5),
  policies: list('Topics that do not simply wait until there is no room.', TOPIC_POLICIES_MAX, policy),
  lossReportTopic: optionalKey(
    topic,
    'Topic at the broker under which it is told, in JSON, what policies and other causes took out of the queue; reportTopic where provenance is on, else that is only counted unless given.',
    'postern/greenhouse/losses',
  ),
});

export const bridges = list('Connections to other MQTT brokers; a message leaves the queue only when the broker has acknowledged it.', BRIDGES_MAX, bridge);
