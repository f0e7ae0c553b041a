// What the broker does besides passing messages on.
import {
  AUTO_SUBSCRIPTIONS_MAX,
  CLIENT_ID_BYTES_MAX,
  DELAYED_BYTES_MAX,
  DELAYED_MESSAGES_MAX,
  REWRITE_RULES_MAX,
  SLOW_CONSUMER_SECONDS,
} from '../../model/limits.ts';
import { key, list, optionalKey, requiredKey, section } from './nodes.ts';
import { boolean, bytes, choice, filter, formatBytes, integer, pattern, qos, seconds, text } from './values.ts';

const TOPIC_BYTES_MAX = 65_535;
const NODE_BYTES_MAX = 255;
const MESSAGES_BOUND = 10_000_000;
const BYTES_BOUND = 64 * 1_024 ** 3;

const rewriteRule = section('One rule.', {
  action: key(choice(['publish', 'subscribe', 'all']), 'What is rewritten; subscribe stands for unsubscribe too.', 'all'),
  source: requiredKey(filter, 'Topics the rule is about; a subscription is one of them when this filter covers all of it.', 'old/#'),
  pattern: requiredKey(pattern, 'Regular expression over the whole name, whose groups the destination may use; a name it does not match stays.', '^old/(.+)$'),
  destination: requiredKey(text(TOPIC_BYTES_MAX), 'New name, in which $1 to $9, ${clientid} and ${username} are filled in.', 'new/${clientid}/$1'),
});

export const topicRewrite = section('New names for topics of devices that cannot be changed.', {
  rules: list('Rules, asked from the last to the first; the first whose source fits decides.', REWRITE_RULES_MAX, rewriteRule),
});

const autoSubscription = section('One subscription.', {
  filter: requiredKey(filter, 'Topics, in which ${clientid} and ${username} are filled in.', 'cmd/${clientid}/#'),
  qos: key(qos, 'Highest QoS of its messages.', 0),
  noLocal: key(boolean, 'Whether the messages of the client itself are left out.', false),
  retainAsPublished: key(boolean, 'Whether messages keep the RETAIN flag they were published with.', false),
  retainHandling: key(
    choice(['always', 'new', 'never']),
    'When retained messages come: at each connection, only at the first of a session, or not at all.',
    'always',
  ),
  clientId: optionalKey(text(CLIENT_ID_BYTES_MAX), 'Only for the client of this id.', 'valve-1'),
  username: optionalKey(text(TOPIC_BYTES_MAX), 'Only for clients of this user.', 'gardener'),
  protocol: optionalKey(choice(['mqtt', 'mqtt-sn']), 'Only for clients of this protocol.', 'mqtt-sn'),
});

export const autoSubscribe = section('Subscriptions clients have from their connection on, without asking.', {
  topics: list('What they are subscribed to, as far as they may.', AUTO_SUBSCRIPTIONS_MAX, autoSubscription),
});

export const delayed = section('Messages published to $delayed/SECONDS/TOPIC, which come to TOPIC after that time.', {
  messagesMax: key(integer({ min: 0, max: MESSAGES_BOUND }), 'Messages waiting for their time; one more is refused, and 0 refuses all.', DELAYED_MESSAGES_MAX),
  bytesMax: key(bytes({ min: 0, max: BYTES_BOUND }), 'Bytes of them.', formatBytes(DELAYED_BYTES_MAX)),
});

export const sys = section('What the gateway tells about itself below $SYS.', {
  intervalSeconds: key(seconds({ min: 0, max: 86_400 }), 'Time between two rounds of figures; 0 publishes none.', 10),
  presence: key(boolean, 'Whether clients that connect and disconnect are told of below $SYS/brokers/NODE/clients.', false),
  node: optionalKey(text(NODE_BYTES_MAX), 'NODE in $SYS/brokers/NODE; postern@<host name> unless given.', 'postern@greenhouse'),
});

export const slowConsumer = section('Clients that are connected and do not take what is sent to them.', {
  afterSeconds: key(
    seconds({ min: 0, max: 86_400 }),
    'Time the connection of a client may be full, or its queue grow behind it, before that is logged and counted; 0: never.',
    SLOW_CONSUMER_SECONDS,
  ),
  disconnect: key(boolean, 'Whether such a client is disconnected as well; its session and queue stay as they are.', false),
});
