// A loaded configuration: the settings of the schema with the defaults that depend on the machine.
import { join, resolve } from 'node:path';
import { type TopicName, topicName } from '../model/topic.ts';
import type { Settings } from './schema/schema.ts';

type BridgeSettings = Settings['bridges'][number];

export interface BridgeConfig extends BridgeSettings {
  readonly clientId: string;
  readonly statusTopic: TopicName;
}

/** Everything is checked, every path absolute; `Infinity` stands for never. */
export interface Config extends Settings {
  readonly data: { readonly directory: string };
  readonly control: { readonly socket: string };
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
  const absolute = (written: string | undefined) => (written === undefined ? undefined : filePath(written, machine));
  const { tls } = settings.mqtt;
  return {
    ...settings,
    mqtt: { ...settings.mqtt, tls: { ...tls, caFile: absolute(tls.caFile), certFile: absolute(tls.certFile), keyFile: absolute(tls.keyFile) } },
    data: { directory },
    control: { socket: resolve(settings.control.socket ?? join(directory, 'control.sock')) },
    bridges: settings.bridges.map((bridge) => completeBridge(bridge, machine)),
  };
}

function completeBridge(bridge: BridgeSettings, machine: Machine): BridgeConfig {
  const clientId = bridge.clientId ?? `postern-${machine.hostname}-${bridge.name}`;
  const absolute = (written: string | undefined) => (written === undefined ? undefined : filePath(written, machine));
  return {
    ...bridge,
    clientId,
    statusTopic: bridge.statusTopic ?? topicName(`$SYS/broker/connection/${clientId.replace(/[+#/]/g, '_')}/state`),
    passwordFile: absolute(bridge.passwordFile),
    tls: { ...bridge.tls, caFile: absolute(bridge.tls.caFile), certFile: absolute(bridge.tls.certFile), keyFile: absolute(bridge.tls.keyFile) },
  };
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
