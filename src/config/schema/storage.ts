import { DURABILITY_CLASSES } from '../../model/durability.ts';
import {
  CHECKPOINT_INTERVAL_MS,
  CHECKPOINT_LOG_BYTES,
  COMMIT_WINDOW_MS,
  DURABILITY_RULES_MAX,
  QOS2_QUARANTINE_MS,
  RAM_BYTES_MAX,
  RETAINED_BYTES_MAX,
  RETAINED_MESSAGES_MAX,
  RETAINED_PAYLOAD_BYTES_MAX,
  SESSIONS_MAX,
  WILL_RESTART_GRACE_SECONDS,
} from '../../model/limits.ts';
import { key, list, requiredKey, section } from './nodes.ts';
import { bytes, choice, filters, formatBytes, integer, seconds, secondsOrNever } from './values.ts';

const KIB = 1_024;
const GIB = KIB ** 3;
const UINT32_MAX = 4_294_967_295;
const MESSAGES_BOUND = 1_000_000_000;

export const sessions = section('Sessions that outlive their connection.', {
  max: key(integer({ min: 1, max: 10_000_000 }), 'Stored sessions, offline ones included; one more client is refused.', SESSIONS_MAX),
});

export const retained = section('Retained messages, which are also held in memory; beyond a bound a new topic is refused.', {
  messagesMax: key(integer({ min: 0, max: MESSAGES_BOUND }), 'Topics with a retained message.', RETAINED_MESSAGES_MAX),
  bytesMax: key(bytes({ min: 0, max: 64 * GIB }), 'Bytes of all retained messages.', formatBytes(RETAINED_BYTES_MAX)),
  payloadBytesMax: key(
    bytes({ min: 0, max: GIB }),
    'Largest payload that is retained; a larger one is passed on and not kept.',
    formatBytes(RETAINED_PAYLOAD_BYTES_MAX),
  ),
  expirySeconds: key(secondsOrNever({ min: 1, max: UINT32_MAX }), 'Time a retained message stays that was published without an expiry of its own.', 'never'),
});

export const will = section('Wills.', {
  restartGraceSeconds: key(
    seconds({ min: 0, max: 86_400 }),
    'After an unclean stop of the gateway, time a client has to come back before its will is published.',
    WILL_RESTART_GRACE_SECONDS,
  ),
});

export const qos2 = section('Exactly-once delivery over links that duplicate and reorder.', {
  quarantineSeconds: key(
    seconds({ min: 0, max: 3_600 }),
    'Time a completed QoS 2 packet id stays known, so that a late copy is not delivered again.',
    QOS2_QUARANTINE_MS / 1_000,
  ),
});

const durabilityRule = section('Topics of one class.', {
  topics: requiredKey(filters(DURABILITY_RULES_MAX), 'Filters of the topics.', ['telemetry/#']),
  class: requiredKey(choice(DURABILITY_CLASSES), 'As defaultClass, for these.', 'lazy'),
});

export const store = section('The database.', {
  checkpointIntervalSeconds: key(seconds({ min: 1, max: 3_600 }), 'Longest time between two checkpoints.', CHECKPOINT_INTERVAL_MS / 1_000),
  checkpointLogBytes: key(
    bytes({ min: 64 * KIB, max: GIB }),
    'Log written since the last checkpoint that starts the next one.',
    formatBytes(CHECKPOINT_LOG_BYTES),
  ),
  committer: key(
    choice(['auto', 'inline', 'worker']),
    'Where commits run: in the main thread (inline), in one of their own (worker), or wherever the disk suggests: a slow one must not stop the others (auto).',
    'auto',
  ),
  defaultClass: key(
    choice(DURABILITY_CLASSES),
    'How messages become durable that no entry of classes names: acknowledged on disk at once (strict), on disk or by every stored subscriber (grouped), before they are on disk (lazy), never on disk (ram).',
    'grouped',
  ),
  windowMs: key(
    integer({ min: 0, max: 1_000 }, 'a whole number of milliseconds'),
    'Longest time a grouped commit waits for acknowledgements of subscribers that are connected, which make it needless; 0: it never waits.',
    COMMIT_WINDOW_MS,
  ),
  ramBytesMax: key(
    bytes({ min: 0, max: 64 * GIB }),
    'Bytes of queued messages of the class ram, over all queues; beyond it they are written, as lazy ones are.',
    formatBytes(RAM_BYTES_MAX),
  ),
  classes: list('Topics of other classes, asked in order; the first entry with a filter that fits holds.', DURABILITY_RULES_MAX, durabilityRule),
});
