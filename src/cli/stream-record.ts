// One line of a recorded stream: what a bridge with `provenance` tells, in the JSON that mosquitto_sub prints (`-F '%j'` or `%J`), or the payloads alone.

/** Which message it is: as the bridge stamped it. */
export interface StampedRecord {
  readonly kind: 'message';
  readonly bridge: string;
  readonly boot: number;
  readonly seq: number;
  /** Of number 1: the boot before that gave any. */
  readonly after: number | undefined;
  readonly device: string;
  readonly deviceSeq: number | undefined;
}

/** Which number a boot ended with. */
export interface EndRecord {
  readonly kind: 'ended';
  readonly bridge: string;
  readonly boot: number;
  readonly last: number;
  readonly after: number;
}

/** What was lost, or is not sent: so many of the numbers in these ranges. */
export interface LossRecord {
  readonly kind: 'loss';
  readonly bridge: string;
  readonly boot: number;
  readonly cause: string;
  readonly count: number;
  readonly device: string | undefined;
  readonly first: number | undefined;
  readonly last: number | undefined;
  readonly bridgeFirst: number | undefined;
  readonly bridgeLast: number | undefined;
  /** Where one of them is number 1: the boot before that gave any. */
  readonly after: number | undefined;
}

export type StreamRecord = StampedRecord | EndRecord | LossRecord;

type Fields = Readonly<Record<string, unknown>>;

/** @returns undefined: it says nothing of any number. */
export function streamRecord(line: string): StreamRecord | undefined {
  const outer = fieldsOf(parsed(line));
  if (outer === undefined) return undefined;
  const payload = 'payload' in outer && 'topic' in outer ? fieldsOf(typeof outer['payload'] === 'string' ? parsed(outer['payload']) : outer['payload']) : outer;
  const stamps = propertiesOf(outer) ?? fieldsOf(payload?.['pst']);
  if (stamps?.['bridge'] !== undefined) return stamped(stamps);
  return payload && (ended(payload) ?? loss(payload));
}

function stamped(stamps: Fields): StampedRecord | undefined {
  const { bridge, device } = stamps;
  const boot = numberOf(stamps['boot']);
  const seq = numberOf(stamps['seq']);
  if (typeof bridge !== 'string' || boot === undefined || seq === undefined) return undefined;
  const deviceSeq = numberOf(stamps['deviceSeq'] ?? stamps['device-seq']);
  return { kind: 'message', bridge, boot, seq, after: numberOf(stamps['after']), device: typeof device === 'string' ? device : '', deviceSeq };
}

function ended({ bridge, boot, last, after, count }: Fields): EndRecord | undefined {
  if (count !== undefined || typeof bridge !== 'string') return undefined;
  if (!isNumber(boot) || !isNumber(last) || !isNumber(after)) return undefined;
  return { kind: 'ended', bridge, boot, last, after };
}

function loss(payload: Fields): LossRecord | undefined {
  const { bridge, boot, count, cause, device } = payload;
  if (typeof bridge !== 'string' || !isNumber(boot) || !isNumber(count)) return undefined;
  const optional = (name: string): number | undefined => numberOf(payload[name]);
  return {
    kind: 'loss',
    bridge,
    boot,
    count,
    cause: typeof cause === 'string' ? cause : 'unknown',
    device: typeof device === 'string' ? device : undefined,
    first: optional('first'),
    last: optional('last'),
    bridgeFirst: optional('bridgeFirst'),
    bridgeLast: optional('bridgeLast'),
    after: optional('after'),
  };
}

/** The User Properties `pst-*` without their prefix; of a name that repeats the last, as mosquitto_sub prints them. */
function propertiesOf({ properties }: Fields): Fields | undefined {
  const user = fieldsOf(fieldsOf(properties)?.['user-properties']);
  if (user === undefined || !('pst-bridge' in user)) return undefined;
  return Object.fromEntries(Object.entries(user).flatMap(([name, value]) => (name.startsWith('pst-') ? [[name.slice('pst-'.length), value]] : [])));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a payload is anything
  }
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Numbers in User Properties are text. */
function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return isNumber(number) ? number : undefined;
}
