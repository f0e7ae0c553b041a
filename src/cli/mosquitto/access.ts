// Who may come and what they may: allow_anonymous, password_file and acl_file of the broker, or of each listener, as one users file and one access list.
import { resolve } from 'node:path';
import type { UserRecord } from '../../access/users/user-records.ts';
import { quoted, translateAcl } from './acl.ts';
import type { ConfLine } from './conf-file.ts';
import { type Listener, remark } from './listeners.ts';
import { type PasswordFile, readPasswordFile } from './password-file.ts';
import { type Draft, flag, type Remark, words } from './rows.ts';
import type { Conf } from './scopes.ts';

export interface Access {
  readonly anonymous: 'loopback' | 'always' | 'never';
  /** undefined: there is no users file. */
  readonly users: readonly UserRecord[] | undefined;
  /** undefined: everything is allowed. */
  readonly rules: readonly string[] | undefined;
  readonly remarks: readonly Remark[];
}

/** What holds at one listener. */
interface Gate {
  readonly listener: Listener;
  readonly isOpen: boolean;
  readonly passwords: PasswordFile | undefined;
  readonly passwordLine: ConfLine | undefined;
  readonly aclFile: string | undefined;
}

/** Topics no filter without the `$` selects. */
const EVERYTHING = ['#', '$SYS/#'];

/** @param isLocalOnly - nothing says where to listen: Mosquitto then lets in who is on its host. */
export function accessOf(conf: Conf, listeners: readonly Listener[], isLocalOnly: boolean): Access {
  const passwordFiles = new Map<string, PasswordFile>();
  const gates = listeners.map((listener) => gateOf(listener, conf, { passwordFiles, isLocalOnly }));
  const remarks = [...passwordFiles.values()].flatMap((each) => each.remarks);
  const open = gates.filter(({ isOpen }) => isOpen);
  const anonymous = open.length === 0 ? 'never' : open.every(({ listener }) => isOfThisHost(listener)) ? 'loopback' : 'always';
  const who = anonymous === 'loopback' ? 'those of this host' : 'they';
  const users = unionOf(gates);
  const closed = open.length === 0 ? [] : gates.filter(({ isOpen }) => !isOpen);
  for (const { listener } of closed) {
    if (listener.at !== undefined)
      remarks.push(
        remark(listener.at, 'differs', `another listener lets in clients without a name, so ${who} come in here too, and may do nothing (access.acl)`),
      );
  }
  const denials = [...closed.flatMap(({ listener }) => deny('anonymous', listener)), ...gates.flatMap((gate) => strangers(gate, gates, remarks))];
  const rules = rulesOf(gates, denials, remarks);
  return { anonymous, users, rules, remarks };
}

/** Whether who connects there counts as a client of this host: not by a proxy. */
function isOfThisHost({ item: { type, bind, proxyProtocol } }: Listener): boolean {
  if (type === 'ws' || type === 'wss' || proxyProtocol !== undefined) return false;
  return type === 'unix' || /^(?:127\.|localhost:|\[::1\]:)/.test(String(bind));
}

interface Around {
  /** By path: each is read once. */
  readonly passwordFiles: Map<string, PasswordFile>;
  readonly isLocalOnly: boolean;
}

function gateOf(listener: Listener, conf: Conf, { passwordFiles, isLocalOnly }: Around): Gate {
  const security: Draft = conf.isPerListener ? listener.scope.security : conf.security;
  const anonymous = listener.scope.draft.last('listener_allow_anonymous') ?? security.last('allow_anonymous');
  const passwordLine = security.last('password_file');
  const acl = security.last('acl_file');
  const path = passwordLine === undefined ? undefined : resolve(words(passwordLine.value, passwordLine));
  let passwords = path === undefined ? undefined : passwordFiles.get(path);
  if (path !== undefined && passwords === undefined) {
    passwords = readPasswordFile(path);
    passwordFiles.set(path, passwords);
  }
  return {
    listener,
    isOpen: anonymous === undefined ? isLocalOnly : flag(anonymous.value, anonymous),
    passwords,
    passwordLine,
    aclFile: acl === undefined ? undefined : resolve(words(acl.value, acl)),
  };
}

function unionOf(gates: readonly Gate[]): readonly UserRecord[] | undefined {
  const files = new Set(gates.flatMap(({ passwords }) => (passwords === undefined ? [] : [passwords])));
  if (files.size === 0) return undefined;
  const users = new Map<string, UserRecord>();
  for (const { users: own } of files) {
    for (const record of own) if (!users.has(record.name)) users.set(record.name, record);
  }
  return [...users.values()];
}

/** Users of other listeners, and of the same name with another password: there is one users file, so they get in and may do nothing. */
function strangers(gate: Gate, gates: readonly Gate[], remarks: Remark[]): string[] {
  const { passwords, passwordLine, listener, isOpen } = gate;
  const own = new Map(passwords?.users.map((record) => [record.name, record]));
  const others = (unionOf(gates) ?? []).filter((record) => own.get(record.name) !== record);
  const line = passwordLine ?? listener.at;
  if (others.length === 0 || line === undefined) return [];
  if (passwords === undefined && isOpen) {
    remarks.push(remark(line, 'differs', 'there is one users file: who names a user at this listener has to be in it'));
    return [];
  }
  remarks.push(remark(line, 'differs', 'there is one users file: users this listener does not have come in here too, and may do nothing (access.acl)'));
  return others.flatMap(({ name }) => deny(`user=${quoted(name)}`, listener));
}

function deny(whose: string, listener: Listener): string[] {
  return EVERYTHING.map((topic) => `deny all ${topic} ${whose} overlap ${at(listener)}`);
}

function rulesOf(gates: readonly Gate[], denials: readonly string[], remarks: Remark[]): readonly string[] | undefined {
  const files = new Set(gates.map(({ aclFile }) => aclFile));
  const [only] = files;
  if (denials.length === 0 && files.size <= 1) return only === undefined ? undefined : taken(translateAcl(only, ''), remarks);
  return [
    ...denials,
    ...gates.flatMap(({ aclFile, listener }) =>
      aclFile === undefined ? EVERYTHING.map((topic) => `allow all ${topic} ${at(listener)}`) : taken(translateAcl(aclFile, at(listener)), remarks),
    ),
  ];
}

/** One file may be of several listeners: what is to be said of its lines is said once. */
function taken({ rules, remarks: found }: ReturnType<typeof translateAcl>, remarks: Remark[]): readonly string[] {
  remarks.push(...found.filter((one) => !remarks.some(({ file, line, reason }) => file === one.file && line === one.line && reason === one.reason)));
  return rules;
}

function at({ name }: Listener): string {
  return `listener=mqtt.${name}`;
}
