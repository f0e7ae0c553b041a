// Connections of a mosquitto.conf as entries of bridges.
import { ConfError, type ConfLine } from './conf-file.ts';
import { certificatesIn, remark } from './listeners.ts';
import { type Draft, flag, type Plain, type Remark, type Tree, whole, words } from './rows.ts';
import type { BridgeScope } from './scopes.ts';

export interface Bridge {
  readonly name: string;
  readonly item: Tree;
  /** Never shown. */
  readonly password: string | undefined;
  /** Pre-shared, in hexadecimal; never shown. */
  readonly key: string | undefined;
  /** Authorities of the broker, PEM, where they were a directory. */
  readonly authorities: string | undefined;
  readonly remarks: readonly Remark[];
}

const DEFAULT_PORT = 1_883;
const PORT_MAX = 65_535;
const NAME_LENGTH_MAX = 64;
const CAP_SECONDS_MAX = 7_200;
const FIRST_SECONDS_MAX = 3_600;
/** What Mosquitto waits unless told otherwise. */
const RETRY = { firstSeconds: 5, capSeconds: 30 };

export function bridgesOf(scopes: readonly BridgeScope[], hostname: string): readonly Bridge[] {
  const bridges: Bridge[] = [];
  for (const scope of scopes) bridges.push(bridgeOf(scope, hostname, new Set(bridges.map(({ name }) => name))));
  return bridges;
}

function bridgeOf({ begin, draft }: BridgeScope, hostname: string, taken: ReadonlySet<string>): Bridge {
  const remarks: Remark[] = [];
  const name = nameFor(begin.value, taken);
  if (name !== begin.value) remarks.push(remark(begin, 'differs', `names have letters, digits, "-" and "_": it is called ${name}`));
  const [address, ...fallbacks] = addressesOf(begin, draft);
  const head: Tree = { name, address: address ?? '', protocol: '3.1.1', clientId: `${hostname}.${begin.value}`, retry: RETRY };
  if (fallbacks.length > 0) head['fallbacks'] = fallbacks;
  retry(draft, remarks);
  status(draft);
  const authorities = authoritiesOf(draft, remarks);
  const secret = draft.last('remote_password', 'password');
  const topics = draft.all('topic').flatMap((line) => topicsOf(line));
  if (topics.length === 0) throw new ConfError(begin, 'the connection has no topic');
  return { name, item: { ...head, ...draft.tree, topics }, password: secret?.value, key: draft.last('bridge_psk')?.value, authorities, remarks };
}

function nameFor(written: string, taken: ReadonlySet<string>): string {
  const name =
    written
      .replace(/[^A-Za-z0-9_-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, NAME_LENGTH_MAX) || 'bridge';
  if (!taken.has(name)) return name;
  for (let number = 2; ; number += 1) {
    const other = `${name.slice(0, NAME_LENGTH_MAX - `-${number}`.length)}-${number}`;
    if (!taken.has(other)) return other;
  }
}

/** `host[:port]` each; what comes after the last colon is the port, also of an IPv6 address. */
function addressesOf(begin: ConfLine, draft: Draft): string[] {
  const line = draft.last('address', 'addresses');
  if (line === undefined) throw new ConfError(begin, 'the connection has no address');
  const written = (line.value.split('#', 1)[0] ?? '').split(/\s+/).filter((each) => each !== '');
  if (written.length === 0) throw new ConfError(line, 'needs an address');
  return written.map((each) => {
    const colon = each.lastIndexOf(':');
    const host = (colon === -1 ? each : each.slice(0, colon)).replace(/^\[(.*)\]$/, '$1');
    const port = colon === -1 ? DEFAULT_PORT : whole(each.slice(colon + 1), line);
    if (host === '' || port < 1 || port > PORT_MAX) throw new ConfError(line, 'must be host or host:port');
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  });
}

/** `base cap [stable]`, or one wait that stays. */
function retry(draft: Draft, remarks: Remark[]): void {
  const line = draft.last('restart_timeout');
  if (line === undefined) return;
  const [first = Number.NaN, cap, stable] = line.value.split(/\s+/).map((text) => whole(text, line));
  const firstSeconds = Math.min(FIRST_SECONDS_MAX, Math.max(1, first));
  if (cap !== undefined && cap < firstSeconds) throw new ConfError(line, 'the longest wait is shorter than the first');
  if (cap === undefined) draft.put('retry', { firstSeconds, capSeconds: firstSeconds, jitter: 0 });
  else draft.put('retry', { firstSeconds, capSeconds: Math.min(CAP_SECONDS_MAX, cap) });
  if (stable !== undefined) remarks.push(remark(line, 'differs', 'waits begin anew with each connection, however long it lasts'));
}

function status(draft: Draft): void {
  const [told, local] = [draft.last('notifications'), draft.last('notifications_local_only')];
  if (told !== undefined && !flag(told.value, told)) draft.put('statusTo', 'none');
  else if (local !== undefined && flag(local.value, local)) draft.put('statusTo', 'local');
}

function authoritiesOf(draft: Draft, remarks: Remark[]): string | undefined {
  const directory = draft.last('bridge_capath');
  if (directory === undefined) return undefined;
  const { tls } = draft.tree;
  if (typeof tls === 'object' && 'caFile' in tls) {
    remarks.push(remark(directory, 'differs', 'the authorities are those of bridge_cafile'));
    return undefined;
  }
  remarks.push(remark(directory, 'differs', 'authorities are one file: a copy of the certificates that are in the directory now'));
  return certificatesIn(directory);
}

const DIRECTIONS = ['out', 'in', 'both'] as const;
type Direction = (typeof DIRECTIONS)[number];

/** `pattern [direction [qos [local-prefix [remote-prefix]]]]`; `""` is nothing. */
function topicsOf(line: ConfLine): Plain[] {
  const [pattern = '', direction = 'out', level = '0', local = '', remote = '', ...rest] = partsOf(line);
  const way = DIRECTIONS.find((each) => each === direction.toLowerCase());
  if (way === undefined || !/^[012]$/.test(level) || rest.length > 0)
    throw new ConfError(line, 'must be: pattern [out|in|both [qos [local-prefix [remote-prefix]]]]');
  const qos = Number(level);
  if (pattern !== '') return [{ filter: pattern, direction: way, qos, ...prefix('localPrefix', local), ...prefix('remotePrefix', remote) }];
  if (local === '' || remote === '') throw new ConfError(line, 'an empty pattern needs both prefixes');
  return oneTopic(local, remote, way).map((map) => ({ ...map, qos }));
}

/** One topic under two names. */
function oneTopic(local: string, remote: string, way: Direction): { filter: string; direction: string; rename: string }[] {
  const out = { filter: local, direction: 'out', rename: remote };
  const into = { filter: remote, direction: 'in', rename: local };
  return way === 'out' ? [out] : way === 'in' ? [into] : [out, into];
}

function prefix(name: string, text: string): Tree {
  return text === '' ? {} : { [name]: text };
}

/** Parts between blanks; one in quotation marks may have blanks. */
function partsOf(line: ConfLine): string[] {
  return [...words(line.value, line).matchAll(/"([^"]*)"(?=\s|$)|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}
