import { CONNECT_TIMEOUT_MS, CONNECTIONS_MAX, PACKET_BYTES_MAX } from '../../model/limits.ts';
import { key, section } from './nodes.ts';
import { boolean, bytes, endpoint, integer, qos, seconds, textWithout } from './values.ts';

const UINT16_MAX = 65_535;
const BYTES_MAX = 268_435_456;
const topicPrefix = textWithout(['+', '#'], { min: 1, max: 1_024 });

export const stomp = section('STOMP 1.0, 1.1 and 1.2.', {
  tcp: section('STOMP over TCP.', {
    enabled: key(boolean, 'Whether this listener is opened.', false),
    bind: key(endpoint({ portMin: 0 }), 'Address and port to listen on; port 0 takes any free one.', '127.0.0.1:61613'),
  }),
  connectionsMax: key(integer({ min: 1, max: 1_000_000 }), 'Connections open at once; one more is told so and closed.', CONNECTIONS_MAX),
  connectTimeoutSeconds: key(seconds({ min: 1, max: 3_600 }), 'Time a new connection has to send its CONNECT.', CONNECT_TIMEOUT_MS / 1_000),
  heartBeatSeconds: key(
    seconds({ min: 0, max: 3_600 }),
    'Shortest interval at which heart-beats are sent and wanted, each where the client wants them and can send them; 0 has none.',
    10,
  ),
  headersMax: key(integer({ min: 8, max: 10_000 }), 'Headers one frame may have.', 64),
  headerLineBytesMax: key(bytes({ min: 128, max: 1_048_576 }), 'Longest header, name and value together.', 8_192),
  bodyBytesMax: key(bytes({ min: 128, max: BYTES_MAX }), 'Largest body of a frame.', PACKET_BYTES_MAX),
  sendQos: key(qos, 'QoS of a SEND that has no qos header.', 1),
  areDotsSlashes: key(boolean, 'Whether a dot in a destination behind /topic/ or /queue/ stands for a slash, as users of other brokers write it.', false),
  subscriptionsMax: key(integer({ min: 1, max: 100_000 }), 'Subscriptions one connection may have.', 1_000),
  prefetchMax: key(integer({ min: 1, max: UINT16_MAX }), 'Messages one subscription may have unacknowledged; prefetch-count asks for less.', 100),
  queuesMax: key(integer({ min: 1, max: 1_000_000 }), 'Queues of destinations /queue/NAME; they are kept for ever.', 1_000),
  queueTopicPrefix: key(topicPrefix, 'The messages of /queue/NAME have the topic that this and NAME make.', 'queue/'),
  deliveriesMax: key(integer({ min: 1, max: 1_000 }), 'Deliveries of a message after which a NACK sets it aside.', 5),
  deadLetterTopicPrefix: key(topicPrefix, 'What is set aside is published below it.', 'dead-letter/'),
  transactionsMax: key(integer({ min: 0, max: 10_000 }), 'Transactions one connection may have open.', 16),
  transactionFramesMax: key(integer({ min: 1, max: 100_000 }), 'Frames one transaction may hold.', 1_000),
  transactionBytesMax: key(bytes({ min: 128, max: BYTES_MAX }), 'Bytes one transaction may hold.', PACKET_BYTES_MAX),
  transactionTimeoutSeconds: key(seconds({ min: 1, max: 86_400 }), 'Time a transaction may be open.', 60),
});
