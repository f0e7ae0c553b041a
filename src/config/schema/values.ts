// The kinds of values a configuration key can have. Every scalar arrives as text, from the file, the environment or the command line alike: the
// schema alone decides that `5.0` is a version and `15` a number.
import * as v from 'valibot';
import { isAddressRange } from '../../model/address-ranges.ts';
import { patternProblem } from '../../model/bounded-pattern.ts';
import { GatewayError } from '../../model/errors.ts';
import type { QoS } from '../../model/message.ts';
import { LOWEST_FIRST, ORDINARY, type Priority } from '../../model/priority.ts';
import { type TopicFilter, type TopicName, topicFilter, topicName } from '../../model/topic.ts';
import type { Plain, ValueKind } from './nodes.ts';

/** Where to listen or what to call: `127.0.0.1:1883`, `[::1]:1883`, `broker.example.org:8883`. */
export interface Endpoint {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

interface Range {
  readonly min: number;
  readonly max: number;
}

interface KindOptions {
  readonly isList?: boolean;
  readonly file?: 'readable' | 'secret';
  readonly json: { readonly [keyword: string]: Plain };
}

/** Builds every message of a kind from what is allowed, so that no two places say it. */
function kind<T>(allowed: string, schema: (message: string) => v.GenericSchema<unknown, T>, options: KindOptions): ValueKind<T> {
  return { allowed, schema: schema(`must be ${allowed}`), isList: false, ...options };
}

export const boolean: ValueKind<boolean> = kind('true or false', (message) => v.pipe(v.picklist(['true', 'false'], message), v.transform(isTrue)), {
  json: { type: 'boolean' },
});

function isTrue(written: 'true' | 'false'): boolean {
  return written === 'true';
}

export function integer(range: Range, unit = 'a whole number'): ValueKind<number> {
  return kind(`${unit} from ${range.min} to ${range.max}`, (message) => wholeNumber(range, message), {
    json: { type: 'integer', minimum: range.min, maximum: range.max },
  });
}

export function seconds(range: Range): ValueKind<number> {
  return integer(range, 'whole seconds');
}

/** A time that may also be `never`, which loads as `Infinity`. */
export function secondsOrNever(range: Range): ValueKind<number> {
  const allowed = `whole seconds from ${range.min} to ${range.max}, or never`;
  const never = v.pipe(
    v.literal('never'),
    v.transform(() => Number.POSITIVE_INFINITY),
  );
  return kind(allowed, (message) => v.union([never, wholeNumber(range, message)], message), {
    json: { oneOf: [{ type: 'integer', minimum: range.min, maximum: range.max }, { const: 'never' }] },
  });
}

/** A share of a whole, 0 to 1. */
export const fraction: ValueKind<number> = kind(
  'a number from 0 to 1',
  (message) => v.pipe(v.string(message), v.regex(/^[01](\.\d+)?$/, message), v.transform(Number), v.maxValue(1, message)),
  { json: { type: 'number', minimum: 0, maximum: 1 } },
);

const SIZE = /^(\d+(?:\.\d+)?) ?(B|kB|KB|MB|GB|KiB|MiB|GiB|)$/;
const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, B: 1, kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** A size in bytes, as a number or with a unit. */
export function bytes({ min, max }: Range): ValueKind<number> {
  const size = (written: string): number => {
    const [, amount, unit = ''] = SIZE.exec(written) ?? [];
    return Number(amount) * (UNIT_BYTES[unit] ?? Number.NaN);
  };
  return kind(
    `bytes from ${formatBytes(min)} to ${formatBytes(max)} or with a unit: 64KiB, 2MB`,
    (message) => v.pipe(v.string(message), v.transform(size), v.integer(message), v.minValue(min, message), v.maxValue(max, message)),
    {
      json: {
        oneOf: [
          { type: 'integer', minimum: min, maximum: max },
          { type: 'string', pattern: SIZE.source },
        ],
      },
    },
  );
}

/** A size that may also be `unlimited`, which loads as `Infinity`. */
export function bytesOrUnlimited(range: Range): ValueKind<number> {
  const size = bytes(range);
  const unlimited = v.pipe(
    v.literal('unlimited'),
    v.transform(() => Number.POSITIVE_INFINITY),
  );
  return kind(`${size.allowed}, or unlimited`, (message) => v.union([unlimited, size.schema], message), {
    json: { anyOf: [size.json, { const: 'unlimited' }] },
  });
}

/** @returns the shortest exact way to write a size: `64MiB`, `2MB`, `1500`. */
export function formatBytes(size: number): string | number {
  const exact = ['GiB', 'MiB', 'KiB', 'GB', 'MB'].find((unit) => size > 0 && size % (UNIT_BYTES[unit] ?? Number.NaN) === 0);
  return exact === undefined ? size : `${size / (UNIT_BYTES[exact] ?? Number.NaN)}${exact}`;
}

export function choice<const T extends string>(options: readonly T[]): ValueKind<T> {
  return kind(`one of ${options.join(', ')}`, (message) => v.picklist(options, message), { json: { enum: options } });
}

/** Some of a few texts, at least one. */
export function choices<const T extends string>(options: readonly T[]): ValueKind<readonly T[]> {
  const allowed = `a list of one or more of ${options.join(', ')}`;
  return kind(allowed, (message) => v.pipe(v.array(v.picklist(options, message), message), v.minLength(1, message), v.maxLength(options.length, message)), {
    isList: true,
    json: { type: 'array', items: { enum: options }, minItems: 1, maxItems: options.length },
  });
}

export const qos: ValueKind<QoS> = kind('one of 0, 1, 2', (message) => v.pipe(v.picklist(['0', '1', '2'], message), v.transform(toQoS)), {
  json: { enum: [0, 1, 2] },
});

const QOS: Readonly<Record<'0' | '1' | '2', QoS>> = { 0: 0, 1: 1, 2: 2 };

function toQoS(written: '0' | '1' | '2'): QoS {
  return QOS[written];
}

export const priority: ValueKind<Priority> = kind(
  `one of ${LOWEST_FIRST.join(', ')}`,
  (message) =>
    v.pipe(
      v.picklist(LOWEST_FIRST.map(String), message),
      v.transform((written) => LOWEST_FIRST.find((each) => String(each) === written) ?? ORDINARY),
    ),
  { json: { enum: LOWEST_FIRST } },
);

export function text(lengthMax: number): ValueKind<string> {
  return kind(`text of 1 to ${lengthMax} bytes`, (message) => boundedText({ min: 1, max: lengthMax }, message), { json: { type: 'string', minLength: 1 } });
}

/** Text that may be empty. */
export function anyText(lengthMax: number): ValueKind<string> {
  return kind(`text of at most ${lengthMax} bytes`, (message) => boundedText({ min: 0, max: lengthMax }, message), { json: { type: 'string' } });
}

/** Text that becomes part of a topic: with one of the characters of `without` it would be something else there. */
export function textWithout(without: readonly string[], bytes: Range): ValueKind<string> {
  const quoted = without.map((character) => JSON.stringify(character));
  const size = bytes.min === 0 ? `at most ${bytes.max}` : `${bytes.min} to ${bytes.max}`;
  return kind(
    `text of ${size} bytes without ${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`,
    (message) =>
      v.pipe(
        boundedText(bytes, message),
        v.check((written) => !without.some((character) => written.includes(character)), message),
      ),
    { json: { type: 'string', minLength: bytes.min, pattern: `^[^${without.join('')}]*$` } },
  );
}

export function texts(itemsMax: number, lengthMax: number): ValueKind<readonly string[]> {
  const allowed = `a list of at most ${itemsMax} texts of 1 to ${lengthMax} bytes`;
  return kind(allowed, (message) => v.pipe(v.array(boundedText({ min: 1, max: lengthMax }, message), message), v.maxLength(itemsMax, message)), {
    isList: true,
    json: { type: 'array', items: { type: 'string' }, maxItems: itemsMax },
  });
}

/** A name that becomes part of client ids, metrics and topics. */
export function name(lengthMax: number): ValueKind<string> {
  const pattern = new RegExp(`^[A-Za-z0-9][A-Za-z0-9_-]{0,${lengthMax - 1}}$`);
  return kind(`1 to ${lengthMax} letters, digits, "-" or "_"`, (message) => v.pipe(v.string(message), v.regex(pattern, message)), {
    json: { type: 'string', pattern: pattern.source },
  });
}

const ENDPOINT = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/]+)):(\d{1,5})$/;
const PORT_MAX = 65_535;

/** @param options.portMin - 0 lets the system choose a free port, which only a listener can use. */
export function endpoint(options: { readonly portMin: 0 | 1 }): ValueKind<Endpoint> {
  const read = (written: string): Endpoint => {
    const [, ipv6, host = ipv6 ?? '', port = ''] = ENDPOINT.exec(written) ?? [];
    return { host, port: Number(port) };
  };
  const isPort = ({ port }: Endpoint) => port >= options.portMin && port <= PORT_MAX;
  const allowed = `host:port with a port from ${options.portMin} to ${PORT_MAX} (127.0.0.1:1883, [::1]:1883)`;
  return kind(allowed, (message) => v.pipe(v.string(message), v.regex(ENDPOINT, message), v.transform(read), v.check(isPort, message)), {
    json: { type: 'string', pattern: ENDPOINT.source },
  });
}

export function endpoints(itemsMax: number): ValueKind<readonly Endpoint[]> {
  const allowed = `a list of at most ${itemsMax} of host:port`;
  return kind(allowed, (message) => v.pipe(v.array(endpoint({ portMin: 1 }).schema, message), v.maxLength(itemsMax, message)), {
    isList: true,
    json: { type: 'array', items: { type: 'string', pattern: ENDPOINT.source }, maxItems: itemsMax },
  });
}

export const ipAddress: ValueKind<string> = kind('an IP address', (message) => v.pipe(v.string(message), v.ip(message)), {
  json: { type: 'string', anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] },
});

/** @returns the endpoint as it is written in a configuration. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export const topic: ValueKind<TopicName> = topicKind('a topic name without wildcards', topicName);
export const filter: ValueKind<TopicFilter> = topicKind('a topic filter', topicFilter);

export function filters(itemsMax: number): ValueKind<readonly TopicFilter[]> {
  const allowed = `a list of at most ${itemsMax} topic filters`;
  return kind(allowed, (message) => v.pipe(v.array(filter.schema, message), v.maxLength(itemsMax, message)), {
    isList: true,
    json: { type: 'array', items: { type: 'string', minLength: 1 }, maxItems: itemsMax },
  });
}

function topicKind<T>(allowed: string, read: (written: string) => T): ValueKind<T> {
  const transform = ({ dataset, addIssue, NEVER }: v.RawTransformContext<string>): T => {
    try {
      return read(dataset.value);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      addIssue({ message: `must be ${allowed}: ${error.message}` });
      return NEVER;
    }
  };
  return kind(allowed, (message) => v.pipe(v.string(message), v.rawTransform(transform)), { json: { type: 'string', minLength: 1 } });
}

/** A regular expression that takes no longer than quadratic time on any text. */
export const pattern: ValueKind<string> = kind(
  'a regular expression',
  (message) =>
    v.pipe(
      v.string(message),
      v.check(
        (written) => patternProblem(written) === undefined,
        ({ input }) => `${message}: ${patternProblem(String(input))}`,
      ),
    ),
  { json: { type: 'string', minLength: 1 } },
);

/** An IP address, a range of them by prefix length, or the device a serial peer is behind. */
export const peerPattern: ValueKind<string> = kind(
  'an IP address, a range (10.0.0.0/8, fd00::/8) or the path of a serial device',
  (message) => v.pipe(v.string(message), v.check(isPeerPattern, message)),
  { json: { type: 'string', minLength: 1 } },
);

function isPeerPattern(written: string): boolean {
  return written.startsWith('/') || isAddressRange(written);
}

/** IP addresses, and ranges of them by prefix length. */
export function addressRanges(itemsMax: number): ValueKind<readonly string[]> {
  const allowed = `a list of at most ${itemsMax} IP addresses and ranges (10.0.0.0/8, fd00::/8)`;
  const range = (message: string) => v.pipe(v.string(message), v.check(isAddressRange, message));
  return kind(allowed, (message) => v.pipe(v.array(range(message), message), v.maxLength(itemsMax, message)), {
    isList: true,
    json: { type: 'array', items: { type: 'string' }, maxItems: itemsMax },
  });
}

const SERVER_NAME = /^(?:\*\.)?[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*$/;

/** A host name as clients ask for it (RFC 6066 §3), or `*.` and one, for every name one level below (RFC 6125 §6.4.3). Loads in lower case. */
export const serverName: ValueKind<string> = kind(
  'a host name, perhaps with *. before it',
  (message) => v.pipe(v.string(message), v.maxLength(253, message), v.regex(SERVER_NAME, message), v.toLowerCase()),
  { json: { type: 'string', pattern: SERVER_NAME.source } },
);

const PATH_BYTES_MAX = 4_096; // PATH_MAX of Linux

/** A path that need not exist yet. */
export const path: ValueKind<string> = kind('a path', (message) => boundedText({ min: 1, max: PATH_BYTES_MAX }, message), {
  json: { type: 'string', minLength: 1 },
});

/** What stands behind the host in a URL, as the request line of HTTP has it (RFC 9112 §3.2.1): one that is to be taken apart no further. */
export const requestPath: ValueKind<string> = kind(
  'a path that begins with / and holds no space',
  (message) => v.pipe(v.string(message), v.regex(/^\/[!-~]{0,2047}$/, message)),
  { json: { type: 'string', pattern: '^/[!-~]*$' } },
);

/** Permissions of a file, as chmod(1) takes them; loads as their number. */
export const fileMode: ValueKind<number> = kind(
  'three octal digits, perhaps after a 0: 0660',
  (message) =>
    v.pipe(
      v.string(message),
      v.regex(/^0?[0-7]{3}$/, message),
      v.transform((written) => Number.parseInt(written, 8)),
    ),
  { json: { type: 'string', pattern: '^0?[0-7]{3}$' } },
);

/** A file the program reads. */
export const file: ValueKind<string> = { ...path, allowed: 'the path of a readable file', file: 'readable', contents: 'public' };

/** A private key. */
export const keyFile: ValueKind<string> = { ...file, contents: 'secret' };

/** A file whose first line is a secret; `credential:NAME` is a systemd credential. */
export const secretFile: ValueKind<string> = { ...path, allowed: 'the path of a readable file, or credential:NAME', file: 'secret', contents: 'secret' };

/** A file of the gateway's own with what passwords are checked against; it need not exist yet. */
export const ownSecretFile: ValueKind<string> = { ...path, contents: 'secret' };

function wholeNumber({ min, max }: Range, message: string): v.GenericSchema<unknown, number> {
  return v.pipe(v.string(message), v.regex(/^-?\d{1,15}$/, message), v.transform(Number), v.minValue(min, message), v.maxValue(max, message));
}

function boundedText({ min, max }: Range, message: string): v.GenericSchema<unknown, string> {
  return v.pipe(
    v.string(message),
    v.check((written) => !written.includes('\0') && written.isWellFormed(), message),
    v.minLength(min, message),
    v.maxBytes(max, message),
  );
}
