// What no single key can tell: keys that need, exclude or endanger each other.
import { isLoopback } from '../model/client.ts';
import { GatewayError } from '../model/errors.ts';
import { topicFilter } from '../model/topic.ts';
import { formatPath, type Path } from './paths.ts';
import type { Finding } from './read.ts';
import type { Settings } from './schema/schema.ts';
import { type Endpoint, formatEndpoint } from './schema/values.ts';

type BridgeSettings = Settings['bridges'][number];

/** Contradictions: with any of these nothing is started. */
export function contradictions(settings: Settings): Finding[] {
  return [
    ...exposure(settings),
    ...tlsContradictions(settings),
    ...repeated(settings.mqttSn.predefinedTopics, ['mqttSn', 'predefinedTopics'], 'id', ({ id, clientId }) => `${id} for client ${clientId}`),
    ...repeated(settings.bridges, ['bridges'], 'name', ({ name }) => name),
    ...settings.bridges.flatMap((bridge, index) => bridgeContradictions(bridge, ['bridges', index])),
  ];
}

/** What is allowed and said at each start all the same. */
export function cautions(settings: Settings): Finding[] {
  const { anonymous } = settings.access;
  return openListeners(settings).map(({ path, bind }) => {
    const listens = `listens on ${formatEndpoint(bind)}, which other hosts can reach`;
    if (anonymous === 'always') return caution(path, `${listens}, and anyone there may connect: access.anonymous is always`);
    return caution(path, `${listens}, but access.anonymous is ${anonymous}: a client there needs credentials`);
  });
}

function caution(path: Path, message: string): Finding {
  return { path, role: 'value', message };
}

/** Listeners that other hosts can reach. */
function openListeners({ mqtt, mqttSn }: Settings): { readonly path: Path; readonly bind: Endpoint }[] {
  const listeners = [
    { path: ['mqtt', 'tcp', 'bind'], ...mqtt.tcp },
    { path: ['mqtt', 'tls', 'bind'], ...mqtt.tls },
    { path: ['mqttSn', 'udp', 'bind'], ...mqttSn.udp },
  ];
  return listeners.filter(({ enabled, bind }) => enabled && !isLoopback(bind.host));
}

function exposure(settings: Settings): Finding[] {
  if (settings.access.anonymous !== 'always' || settings.access.allowAnonymousBeyondLoopback) return [];
  const open = openListeners(settings).map(({ path, bind }) => `${formatPath(path)} (${formatEndpoint(bind)})`);
  if (open.length === 0) return [];
  const remedy = 'bind to 127.0.0.1, choose another value, or set access.allowAnonymousBeyondLoopback: true';
  return [{ path: ['access', 'anonymous'], role: 'value', message: `is always, and other hosts can reach ${open.join(' and ')}: ${remedy}` }];
}

function tlsContradictions({ mqtt: { tls } }: Settings): Finding[] {
  if (!tls.enabled) return [];
  const missing = (['certFile', 'keyFile'] as const).filter((name) => tls[name] === undefined);
  return missing.map((name) => ({ path: ['mqtt', 'tls', 'enabled'], role: 'value', message: `needs mqtt.tls.${name}` }));
}

function repeated<T>(items: readonly T[], path: Path, key: keyof T & string, identity: (item: T) => string): Finding[] {
  const seen = new Map<string, number>();
  return items.flatMap((item, index): Finding[] => {
    const first = seen.get(identity(item));
    if (first === undefined) seen.set(identity(item), index);
    return first === undefined
      ? []
      : [{ path: [...path, index, key], role: 'value', message: `${identity(item)} is already taken by ${formatPath([...path, first])}` }];
  });
}

function bridgeContradictions({ username, passwordFile, protocol, retry, tls, topics }: BridgeSettings, path: Path): Finding[] {
  const findings: Finding[] = [];
  const find = (key: readonly (string | number)[], message: string): void => void findings.push({ path: [...path, ...key], role: 'value', message });
  if (protocol === '3.1.1' && passwordFile !== undefined && username === undefined) find(['passwordFile'], 'needs a username in MQTT 3.1.1 [MQTT-3.1.2-22]');
  if (tls.certFile !== undefined && tls.keyFile === undefined) find(['tls', 'certFile'], 'needs the keyFile that belongs to it');
  if (tls.keyFile !== undefined && tls.certFile === undefined) find(['tls', 'keyFile'], 'needs the certFile it belongs to');
  if (retry.firstSeconds > retry.capSeconds) find(['retry', 'firstSeconds'], `must not be longer than capSeconds (${retry.capSeconds})`);
  for (const [index, map] of topics.entries()) {
    for (const side of ['localPrefix', 'remotePrefix'] as const) {
      const problem = prefixProblem(map[side], map.filter);
      if (problem !== undefined) find(['topics', index, side], problem);
    }
  }
  return findings;
}

function prefixProblem(prefix: string, filter: string): string | undefined {
  if (/[+#]/.test(prefix)) return 'must have no wildcard';
  try {
    topicFilter(prefix + filter);
    return undefined;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return `does not go with the filter: ${error.message}`;
  }
}
