// The stored queues of client sessions: their bounds, and what happens in them before and at these.
import { INFLIGHT_MAX, QUEUE_BYTES_MAX, QUEUE_FILTERS_MAX, QUEUE_MESSAGES_MAX, QUEUE_RULES_MAX } from '../../model/limits.ts';
import { ORDINARY } from '../../model/priority.ts';
import { key, list, optionalKey, overriding, requiredKey, section } from './nodes.ts';
import { bytes, choice, filter, filters, formatBytes, integer, pattern, priority, text } from './values.ts';

const KIB = 1_024;
const GIB = KIB ** 3;
const MESSAGES_BOUND = 1_000_000_000;
const NAME_BYTES_MAX = 65_535;

const policy = {
  messagesMax: key(integer({ min: 1, max: MESSAGES_BOUND }), 'Messages one session may have waiting.', QUEUE_MESSAGES_MAX),
  bytesMax: key(bytes({ min: KIB, max: 1_024 * GIB }), 'Bytes one session may have waiting.', formatBytes(QUEUE_BYTES_MAX)),
  whenFull: key(
    choice(['drop-oldest', 'drop-newest']),
    'Which message goes at a bound, among those of the lowest priority that waits; never one the client has been sent.',
    'drop-oldest',
  ),
  keepLatest: key(filters(QUEUE_FILTERS_MAX), 'Topics of which only the newest waiting message is kept.', []),
};

export const priorityRule = section('One class.', {
  filter: requiredKey(filter, 'Its topics.', 'alarm/#'),
  priority: requiredKey(priority, `Greater ones are delivered first; what no entry names has ${ORDINARY}.`, 7),
});

const rule = section('One rule; it holds for a client when everything it names fits.', {
  clientIdPattern: optionalKey(pattern, 'Only for clients whose whole id this regular expression matches.', 'panel-.+'),
  username: optionalKey(text(NAME_BYTES_MAX), 'Only for clients of this user.', 'dashboard'),
  listener: optionalKey(text(NAME_BYTES_MAX), 'Only for clients of this listener.', 'mqtt.ws'),
  ...overriding('queue', policy),
  inflightMax: optionalKey(
    integer({ min: 1, max: NAME_BYTES_MAX }),
    'QoS 1 and 2 deliveries the client may have unsettled, if it does not itself allow fewer.',
    INFLIGHT_MAX,
  ),
  priorities: list('As queue.priorities, for this one, in their place.', QUEUE_FILTERS_MAX, priorityRule),
});

export const queue = section('The queue of each client session.', {
  ...policy,
  priorities: list('Classes by topic, asked in order; the first whose filter fits holds.', QUEUE_FILTERS_MAX, priorityRule),
  rules: list('Clients whose queues are treated otherwise; the first rule that fits holds, and what it leaves out is as above.', QUEUE_RULES_MAX, rule),
});
