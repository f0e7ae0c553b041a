// A loaded configuration: the settings of the schema with the defaults that depend on the machine.
import { join, resolve } from 'node:path';
import { bridgeReportTopic, connectionStateTopic, type TopicName, topicName } from '../model/topic.ts';
import { isMapping } from './read.ts';
import type { Node } from './schema/nodes.ts';
import { SCHEMA, type Settings } from './schema/schema.ts';

type BridgeSettings = Settings['bridges'][number];

export interface BridgeConfig extends BridgeSettings {
  readonly clientId: string;
  readonly statusTopic: TopicName;
  readonly reportTopic: TopicName;
}

/** Everything is checked, every path absolute; `Infinity` stands for never. */
export interface Config extends Settings {
  readonly data: { readonly directory: string };
  readonly control: { readonly socket: string };
  readonly access: Settings['access'] & { readonly usersFile: string };
  readonly sys: Settings['sys'] & { readonly node: string };
  readonly bridges: readonly BridgeConfig[];
}

/** What of the machine shows in defaults. */
export interface Machine {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
}

/** @param dataDirectory - of the command line: wins over every other place. */
export function complete(settings: Settings, machine: Machine, dataDirectory: string | undefined): Config {
  const directory = resolve(dataDirectory ?? settings.data.directory ?? stateDirectory(machine) ?? 'data');
  const located = withAbsoluteFiles(SCHEMA, settings, machine) as Settings; // the same values but for paths, which stay texts
  return {
    ...located,
    data: { directory },
    access: { ...located.access, usersFile: resolve(settings.access.usersFile ?? join(directory, 'users.json')) },
    control: { socket: resolve(settings.control.socket ?? join(directory, 'control.sock')) },
    sys: { ...settings.sys, node: settings.sys.node ?? `postern@${machine.hostname}` },
    bridges: located.bridges.map((bridge) => completeBridge(bridge, machine)),
  };
}

function withAbsoluteFiles(node: Node, value: unknown, machine: Machine): unknown {
  if (node.node === 'key') return node.kind.file !== undefined && typeof value === 'string' ? filePath(value, machine) : value;
  if (node.node === 'list') return Array.isArray(value) ? value.map((item) => withAbsoluteFiles(node.item, item, machine)) : value;
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(node.entries).map(([name, child]) => [name, withAbsoluteFiles(child, value[name], machine)]));
}

function completeBridge(bridge: BridgeSettings, machine: Machine): BridgeConfig {
  const clientId = bridge.clientId ?? `postern-${machine.hostname}-${bridge.name}`;
  const statusTopic = bridge.statusTopic ?? topicName(connectionStateTopic(clientId));
  const reportTopic = bridge.reportTopic ?? topicName(bridgeReportTopic(clientId));
  return { ...bridge, clientId, statusTopic, reportTopic };
}

const CREDENTIAL = 'credential:';

/** Whether `written` names a systemd credential that this process was not given. */
export function isCredentialOutOfReach(written: string, { environment }: Machine): boolean {
  return written.startsWith(CREDENTIAL) && environment['CREDENTIALS_DIRECTORY'] === undefined;
}

/** @returns the absolute path of a file; systemd credentials (`credential:NAME`) lie in $CREDENTIALS_DIRECTORY. */
export function filePath(written: string, { environment }: Machine): string {
  return written.startsWith(CREDENTIAL) ? join(environment['CREDENTIALS_DIRECTORY'] ?? '/run/credentials', written.slice(CREDENTIAL.length)) : resolve(written);
}

/** systemd gives a list when a unit has several. */
function stateDirectory({ environment }: Machine): string | undefined {
  return environment['STATE_DIRECTORY']?.split(':')[0];
}
