// What a bridge sends first, and how much of its link it may use.
import * as v from 'valibot';
import { BRIDGE_WINDOWS_MAX } from '../../model/limits.ts';
import { LOWEST_FIRST, ORDINARY, PRIORITY_MAX, type Priority } from '../../model/priority.ts';
import { type TimeWindow, timeWindow } from '../../model/time-windows.ts';
import { key, optionalKey, section, type ValueKind } from './nodes.ts';
import { bytesOrUnlimited, integer, priority, seconds } from './values.ts';

const MESSAGES_PER_SECOND_MAX = 1_000_000;
const KIB = 1_024;
const TIB = KIB ** 4;
const HOUR_SECONDS = 3_600;

/** A number that may also be `unlimited`, which loads as `Infinity`. */
function integerOrUnlimited(range: { readonly min: number; readonly max: number }): ValueKind<number> {
  const number = integer(range);
  const allowed = `${number.allowed}, or unlimited`;
  const unlimited = v.pipe(
    v.literal('unlimited'),
    v.transform(() => Number.POSITIVE_INFINITY),
  );
  return {
    allowed,
    isList: false,
    schema: v.union([unlimited, number.schema], `must be ${allowed}`),
    json: { anyOf: [number.json, { const: 'unlimited' }] },
  };
}

const WINDOWS_ALLOWED = `a list of at most ${BRIDGE_WINDOWS_MAX} times of day like 22:00-06:30`;
const timeWindows: ValueKind<readonly TimeWindow[]> = {
  allowed: WINDOWS_ALLOWED,
  isList: true,
  schema: v.pipe(
    v.array(v.pipe(v.string(), v.rawTransform(readWindow)), `must be ${WINDOWS_ALLOWED}`),
    v.maxLength(BRIDGE_WINDOWS_MAX, `must be ${WINDOWS_ALLOWED}`),
  ),
  json: { type: 'array', items: { type: 'string', pattern: '^\\d\\d:\\d\\d-\\d\\d:\\d\\d$' }, maxItems: BRIDGE_WINDOWS_MAX },
};

function readWindow({ dataset, addIssue, NEVER }: v.RawTransformContext<string>): TimeWindow {
  const window = timeWindow(dataset.value);
  if (window !== undefined) return window;
  addIssue({ message: 'must be a time of day like 22:00-06:30' });
  return NEVER;
}

const CLASSES_ALLOWED = `a list of classes from ${LOWEST_FIRST[0]} to ${PRIORITY_MAX}`;
const classes: ValueKind<readonly Priority[]> = {
  allowed: CLASSES_ALLOWED,
  isList: true,
  schema: v.pipe(v.array(priority.schema, `must be ${CLASSES_ALLOWED}`), v.maxLength(LOWEST_FIRST.length, `must be ${CLASSES_ALLOWED}`)),
  json: { type: 'array', items: { enum: LOWEST_FIRST }, maxItems: LOWEST_FIRST.length },
};

export const newestFirst = key(
  classes,
  'Classes of which the newest message goes first instead of the oldest, so that their topics arrive in no order: what matters is how things are now.',
  [],
);

export const budget = section('How much of its link the bridge may use. Nothing is dropped for it: what may not go now waits in the queue.', {
  messagesPerSecond: key(integerOrUnlimited({ min: 1, max: MESSAGES_PER_SECOND_MAX }), 'Messages sent a second.', 'unlimited'),
  bytesPerSecond: key(bytesOrUnlimited({ min: 16, max: TIB }), 'Bytes sent a second, all of MQTT counted and nothing below it (TLS, TCP).', 'unlimited'),
  rampUpSeconds: key(seconds({ min: 0, max: HOUR_SECONDS }), 'Time in which a new connection comes from a tenth of these two to the whole.', 0),
  bytesPerDay: key(
    bytesOrUnlimited({ min: KIB, max: TIB }),
    'Bytes both ways from one midnight of local time to the next; behind them messages wait for the next day.',
    'unlimited',
  ),
  windows: key(timeWindows, 'Times of day, local time, at which messages are sent; none: always.', []),
  urgentFrom: optionalKey(
    priority,
    `The least class that is sent whatever the day and its bytes; none is unless given, as ${ORDINARY} is what most have.`,
    PRIORITY_MAX,
  ),
});
