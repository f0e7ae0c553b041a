// Listeners of a mosquitto.conf as entries of mqtt.listeners.
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfError, type ConfLine, messageOf, textOf } from './conf-file.ts';
import { type Draft, flag, type Plain, type Remark, type Tree, whole, words } from './rows.ts';
import type { Scope } from './scopes.ts';

/** A listener as it will be. */
export interface Listener {
  readonly scope: Scope;
  /** In mqtt.listeners; rules call it mqtt.NAME. */
  readonly name: string;
  readonly item: Tree;
  /** Authorities of its clients, PEM, where they were a directory. */
  readonly authorities: string | undefined;
  /** Where remarks about all of it point. */
  readonly at: ConfLine | undefined;
  readonly remarks: readonly Remark[];
}

interface Address {
  readonly port: number;
  /** undefined: all of them. */
  readonly host: string | undefined;
  readonly socket: string | undefined;
}

const PORT_MAX = 65_535;
const DEFAULT_PORT = 1_883;
const ALL_IPV4 = '0.0.0.0';
const ALL = '::';
const LOOPBACK = '127.0.0.1';

/** Those Postern can open; the others are remarked upon. */
export function listenersOf(scopes: readonly Scope[]): { readonly listeners: readonly Listener[]; readonly remarks: readonly Remark[] } {
  const listeners: Listener[] = [];
  const remarks: Remark[] = [];
  for (const scope of scopes) {
    const protocol = scope.draft.last('protocol');
    if (protocol?.value === 'http_api') remarks.push(remark(protocol, 'missing', 'there is no HTTP interface: this listener is left out'));
    else listeners.push(listenerOf(scope, listeners));
  }
  return { listeners, remarks };
}

function listenerOf(scope: Scope, before: readonly Listener[]): Listener {
  const { draft, begin } = scope;
  const at = begin ?? draft.last('port', 'bind_address');
  const address = addressOf(scope);
  const remarks: Remark[] = [];
  const note = (line: ConfLine | undefined, kind: Remark['kind'], reason: string): void => {
    if (line !== undefined) remarks.push(remark(line, kind, reason));
  };
  const isTls = draft.tree['tls'] !== undefined || draft.last('cafile', 'capath', 'psk_hint') !== undefined;
  const isWebSocket = webSocket(draft, note);
  const type = address.socket !== undefined ? 'unix' : isWebSocket ? (isTls ? 'wss' : 'ws') : isTls ? 'tls' : 'tcp';
  const name = nameFor(address, before);
  const head: Tree = { name, type };
  if (address.socket !== undefined) head['path'] = resolve(address.socket);
  else head['bind'] = bindOf(address, draft, note);
  const authorities = isTls ? tls(draft, note) : undefined;
  proxies(draft, note);
  return { scope, name, item: { ...head, ...draft.tree }, authorities, at, remarks };
}

type Note = (line: ConfLine | undefined, kind: Remark['kind'], reason: string) => void;

export function remark(line: ConfLine, kind: Remark['kind'], reason: string): Remark {
  return { file: line.file, line: line.line, what: line.option, kind, reason };
}

/** `listener 1883 192.0.2.1`, `listener 0 /run/mosquitto.sock`, or `port` and `bind_address`. */
function addressOf({ begin, draft }: Scope): Address {
  if (begin === undefined) {
    const [port, host] = [draft.last('port'), draft.last('bind_address')];
    const isOpen = port !== undefined || host !== undefined;
    return { port: port === undefined ? DEFAULT_PORT : portOf(port.value, port), host: host?.value ?? (isOpen ? undefined : LOOPBACK), socket: undefined };
  }
  const [, port = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(begin.value) ?? [];
  if (port === '0' && rest !== '') return { port: 0, host: undefined, socket: rest };
  return { port: portOf(port, begin), host: rest === '' ? undefined : rest, socket: undefined };
}

function portOf(text: string, line: ConfLine): number {
  const port = whole(text, line);
  if (port < 1 || port > PORT_MAX) throw new ConfError(line, `must be a port from 1 to ${PORT_MAX}`);
  return port;
}

function nameFor({ port, socket }: Address, before: readonly Listener[]): string {
  const stem = socket === undefined ? String(port) : 'unix';
  const taken = before.filter(({ name }) => name === stem || name.startsWith(`${stem}-`)).length;
  return taken === 0 ? stem : `${stem}-${taken + 1}`;
}

function bindOf({ host, port }: Address, draft: Draft, note: Note): string {
  const device = draft.last('bind_interface');
  const isIpv4 = draft.last('socket_domain')?.value === 'ipv4';
  if (host === undefined && device !== undefined) {
    note(device, 'missing', 'listeners have an address, not a device: this one is for this host only until its bind says otherwise');
    return `${LOOPBACK}:${port}`;
  }
  note(device, 'differs', 'listeners have an address, not a device: bind has the one of the listener');
  const address = host ?? (isIpv4 ? ALL_IPV4 : ALL);
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function webSocket(draft: Draft, note: Note): boolean {
  const protocol = draft.last('protocol');
  if (protocol === undefined || protocol.value === 'mqtt') return false;
  if (protocol.value !== 'websockets') throw new ConfError(protocol, 'must be mqtt, websockets or http_api');
  const origins = draft.all('websockets_origin').map((line) => words(line.value, line));
  draft.put('webSocket.origins', origins.length === 0 ? ['*'] : origins);
  note(protocol, 'differs', 'clients call the path /mqtt (webSocket.path), others are answered 404');
  return true;
}

function tls(draft: Draft, note: Note): string | undefined {
  const ciphers = ['ciphers_tls1.3', 'ciphers'].map((option) => draft.last(option)?.value).filter((value) => value !== undefined);
  if (ciphers.length > 0) draft.put('tls.ciphers', ciphers.join(':'));
  const hint = draft.last('psk_hint');
  if (hint !== undefined) {
    draft.put('tls.pskHint', words(hint.value, hint));
    if (!draft.isTrue('use_identity_as_username')) note(hint, 'differs', 'who has a key is the user its identity names, and is asked for no password');
    return undefined;
  }
  return clientCertificates(draft, note);
}

/** @returns authorities that were a directory. */
function clientCertificates(draft: Draft, note: Note): string | undefined {
  const [common, subject] = [draft.isTrue('use_identity_as_username'), draft.isTrue('use_subject_as_username')];
  const required = draft.last('require_certificate');
  const isRequired = required !== undefined && flag(required.value, required);
  const file = draft.last('cafile');
  const directory = draft.last('capath');
  const list = draft.last('crlfile');
  if (file !== undefined) draft.put('tls.caFile', resolve(words(file.value, file))); // also where certfile has its own certificate only: OpenSSL completes the chain
  if (!isRequired && !common && !subject) {
    for (const line of [directory, list]) note(line, 'needless', 'no client has to show a certificate');
    return undefined;
  }
  draft.put('tls.clientCertificate', 'required');
  if (list !== undefined) draft.put('tls.crlFile', resolve(words(list.value, list)));
  note(list, 'differs', 'a list of every authority in a chain is needed, that of the root included');
  if (subject) draft.put('tls.certificateIdentity', 'subject');
  if (subject)
    note(
      draft.last('use_subject_as_username'),
      'differs',
      'the subject is written in the order of the certificate (C=DE,O=Acme,CN=valve-1): rules that name it have to be',
    );
  else if (!common) note(required, 'differs', 'who shows a certificate is the user its common name names, and is asked for no password');
  if (file !== undefined) note(directory, 'differs', 'the authorities are those of cafile');
  if (file !== undefined || directory === undefined) return undefined;
  note(directory, 'differs', 'authorities are one file: a copy of the certificates that are in the directory now');
  return certificatesIn(directory);
}

/** Each once, however many names the directory has for it. */
export function certificatesIn(line: ConfLine): string {
  try {
    const files = readdirSync(line.value, { withFileTypes: true }).filter((entry) => !entry.isDirectory());
    const texts = files.flatMap(({ name }) => textOf(join(line.value, name)).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []);
    if (texts.length === 0) throw new ConfError(line, 'has no certificate');
    return `${[...new Set(texts)].join('\n')}\n`;
  } catch (error) {
    throw error instanceof ConfError ? error : new ConfError(line, `cannot be read: ${messageOf(error)}`);
  }
}

function proxies(draft: Draft, note: Note): void {
  const line = draft.last('enable_proxy_protocol');
  if (line === undefined) return;
  const versions: Readonly<Record<string, Plain>> = { 1: 'v1', 2: 'v2' };
  const version = versions[line.value];
  if (version === undefined) throw new ConfError(line, 'must be 1 or 2');
  draft.put('proxyProtocol', version);
  draft.put('proxyTrusted', [LOOPBACK, '::1']);
  note(line, 'differs', 'proxies are trusted by their address: put yours into proxyTrusted, which has those of this host only');
}
