import { DURABILITY_CLASSES } from '../../model/durability.ts';
import {
  BALLAST_BYTES,
  CHECKPOINT_INTERVAL_MS,
  CHECKPOINT_LOG_BYTES,
  COMMIT_WINDOW_MS,
  COMPACT_BELOW_BYTES,
  DURABILITY_RULES_MAX,
  EVICT_BELOW_BYTES,
  QOS2_QUARANTINE_MS,
  RAM_BYTES_MAX,
  REFUSE_BELOW_BYTES,
  RETAINED_BYTES_MAX,
  RETAINED_MESSAGES_MAX,
  RETAINED_PAYLOAD_BYTES_MAX,
  SESSIONS_MAX,
  STOP_LAZY_BELOW_BYTES,
  WILL_RESTART_GRACE_SECONDS,
} from '../../model/limits.ts';
import { key, list, requiredKey, section } from './nodes.ts';
import { boolean, bytes, bytesOrUnlimited, choice, filters, formatBytes, integer, seconds, secondsOrNever } from './values.ts';

const KIB = 1_024;
const MIB = KIB ** 2;
const GIB = KIB ** 3;
/** A thousand TBW of the largest cards. */
const ENDURANCE_BYTES_MAX = 1e15;
const ROOM = { min: MIB, max: 1_024 * GIB };
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
    'Log written since the last checkpoint that starts the next one; one that writes little starts after 512 KiB.',
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
  wear: section('What is written to the flash below the data directory.', {
    endurance: key(
      bytes({ min: 0, max: ENDURANCE_BYTES_MAX }),
      'Bytes the card takes in its life, its TBW (16 TB: 16000GB), for the days that are left of it; 0 when nobody said.',
      0,
    ),
    budgetPerDay: key(bytes({ min: 0, max: ENDURANCE_BYTES_MAX }), 'Bytes a day above which there is an alarm, once a day; 0 for none.', 0),
    widenWindow: key(boolean, 'Whether commits take more along, and acknowledgements come later, on a day that would end above its budget.', false),
  }),
  maxBytes: key(
    bytesOrUnlimited({ min: 8 * MIB, max: 1_024 * GIB }),
    'What the database and its log may take; near it the store does what it does near the end of the disk.',
    'unlimited',
  ),
  ballastBytes: key(
    bytes({ min: 0, max: GIB }),
    'A file that is given up when the disk is full, so that what is under way can still be committed; at most a sixteenth of the partition or of maxBytes.',
    formatBytes(BALLAST_BYTES),
  ),
  stopLazyBelowBytes: key(
    bytes(ROOM),
    'Room left below which nothing is acknowledged before its commit. On small partitions this and the next three shrink together, to three tenths of it.',
    formatBytes(STOP_LAZY_BELOW_BYTES),
  ),
  compactBelowBytes: key(bytes(ROOM), 'Room left below which the store gives back what it no longer needs at once.', formatBytes(COMPACT_BELOW_BYTES)),
  evictBelowBytes: key(bytes(ROOM), 'Room left below which queues that may drop messages do.', formatBytes(EVICT_BELOW_BYTES)),
  refuseBelowBytes: key(bytes(ROOM), 'Room left below which nothing new is stored.', formatBytes(REFUSE_BELOW_BYTES)),
});
