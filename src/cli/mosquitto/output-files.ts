// The files that lie beside the configuration, and the keys that name them.
import { resolve } from 'node:path';
import { formatUsers, usersOf } from '../../access/users/user-records.ts';
import type { Access } from './access.ts';
import type { Bridge } from './bridges.ts';
import { textOf } from './conf-file.ts';
import type { Listener } from './listeners.ts';
import { words } from './rows.ts';
import type { Conf } from './scopes.ts';

export interface OutputFile {
  /** Below the directory of the configuration. */
  readonly name: string;
  readonly text: string;
}

/** By the piece of the configuration: the names of its files by the keys that name them. */
export type Places = ReadonlyMap<object, { readonly [key: string]: string }>;

export interface Pieces {
  readonly conf: Conf;
  readonly listeners: readonly Listener[];
  readonly bridges: readonly Bridge[];
  readonly access: Access;
}

/** @throws GatewayError CONFIG_INVALID - one that is copied cannot be read. */
export function outputFiles({ conf, listeners, bridges, access }: Pieces): { readonly files: readonly OutputFile[]; readonly places: Places } {
  const made = new Made();
  if (access.users !== undefined) made.add(access, 'usersFile', { name: 'users.json', text: formatUsers(usersOf(access.users)) });
  if (access.rules !== undefined) made.add(access, 'aclFile', { name: 'access.acl', text: access.rules.map((rule) => `${rule}\n`).join('') });
  for (const listener of listeners) {
    const { name, authorities } = listener;
    if (authorities !== undefined) made.add(listener, 'tls.caFile', { name: `${name}-ca.pem`, text: authorities });
    const keys = keysOf(listener, conf);
    if (keys !== undefined) made.add(listener, 'tls.pskFile', keys);
  }
  for (const bridge of bridges) {
    const { name, authorities, password, key } = bridge;
    if (authorities !== undefined) made.add(bridge, 'tls.caFile', { name: `bridge-${name}-ca.pem`, text: authorities });
    if (password !== undefined) made.add(bridge, 'passwordFile', { name: `bridge-${name}.password`, text: `${password}\n` });
    if (key !== undefined) made.add(bridge, 'tls.pskFile', { name: `bridge-${name}.psk`, text: `${key}\n` });
  }
  return made;
}

/** Mosquitto's form is ours. */
function keysOf({ name, scope }: Listener, { isPerListener, security }: Conf): OutputFile | undefined {
  const line = (isPerListener ? scope.security : security).last('psk_file');
  if (line === undefined || scope.draft.last('psk_hint') === undefined) return undefined;
  return { name: isPerListener ? `${name}.psk` : 'psk', text: textOf(resolve(words(line.value, line))) };
}

class Made {
  readonly files: OutputFile[] = [];
  readonly places = new Map<object, { readonly [key: string]: string }>();

  /** @param owner - several may have the same file. */
  add(owner: object, key: string, file: OutputFile): void {
    if (!this.files.some(({ name }) => name === file.name)) this.files.push(file);
    this.places.set(owner, { ...this.places.get(owner), [key]: file.name });
  }
}
