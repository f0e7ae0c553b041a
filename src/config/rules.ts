// What no single key can tell: keys that need, exclude or endanger each other.
import { isLoopback } from '../model/client.ts';
import { GatewayError } from '../model/errors.ts';
import { topicFilter } from '../model/topic.ts';
import { templateProblem } from '../model/topic-template.ts';
import { type MqttListenerSettings, mqttListeners, type TlsListener } from './mqtt-listeners.ts';
import { formatPath, type Path } from './paths.ts';
import type { Finding } from './read.ts';
import type { Settings } from './schema/schema.ts';
import { type Endpoint, formatEndpoint } from './schema/values.ts';
import { connectionContradictions } from './tls-rules.ts';

type BridgeSettings = Settings['bridges'][number];
type BridgedTopic = BridgeSettings['topics'][number];

/** Contradictions: with any of these nothing is started. */
export function contradictions(settings: Settings): Finding[] {
  return [
    ...exposure(settings),
    ...ladderContradictions(settings),
    ...mqttListeners(settings.mqtt).flatMap(listenerContradictions),
    ...mqttListeners(settings.mqtt).flatMap(connectionContradictions),
    ...listenerNames(settings),
    ...repeated(settings.mqttSn.predefinedTopics, ['mqttSn', 'predefinedTopics'], 'id', ({ id, clientId }) => `${id} for client ${clientId}`),
    ...repeated(settings.bridges, ['bridges'], 'name', ({ name }) => name),
    ...settings.bridges.flatMap((bridge, index) => bridgeContradictions(bridge, ['bridges', index])),
  ];
}

/** What is allowed and said at each start all the same. */
export function cautions(settings: Settings): Finding[] {
  const { anonymous } = settings.access;
  return openListeners(settings).map(({ path, place, isByProxy }) => {
    const listens = `listens on ${place}, which other hosts can reach${isByProxy ? ' through its proxy' : ''}`;
    if (anonymous === 'always') return caution(path, `${listens}, and anyone there may connect: access.anonymous is always`);
    return caution(path, `${listens}, but access.anonymous is ${anonymous}: a client there needs credentials`);
  });
}

function caution(path: Path, message: string): Finding {
  return { path, role: 'value', message };
}

interface OpenListener {
  /** The key that says where it listens. */
  readonly path: Path;
  readonly place: string;
  /** Not by themselves: loopback and Unix sockets. */
  readonly isByProxy: boolean;
}

/** Listeners that other hosts can reach, by themselves or through a proxy. */
function openListeners({ mqtt, mqttSn, stomp }: Settings): OpenListener[] {
  const streams = mqttListeners(mqtt).flatMap(({ at, bind, path: socket, proxy }): OpenListener[] => {
    const isOfThisHost = bind === undefined || isLoopback(bind.host);
    if (isOfThisHost && proxy.proxyProtocol === 'off') return [];
    if (bind !== undefined) return [openAt([...at, 'bind'], bind)];
    return socket === undefined ? [] : [{ path: [...at, 'path'], place: socket, isByProxy: true }];
  });
  const others = [
    { at: ['mqttSn', 'udp', 'bind'], ...mqttSn.udp },
    { at: ['stomp', 'tcp', 'bind'], ...stomp.tcp },
  ].filter(({ enabled, bind }) => enabled && !isLoopback(bind.host));
  return [...streams, ...others.map(({ at, bind }) => openAt(at, bind))];
}

function openAt(path: Path, bind: Endpoint): OpenListener {
  return { path, place: formatEndpoint(bind), isByProxy: isLoopback(bind.host) };
}

function exposure(settings: Settings): Finding[] {
  if (settings.access.anonymous !== 'always' || settings.access.allowAnonymousBeyondLoopback) return [];
  const open = openListeners(settings).map(({ path, place }) => `${formatPath(path)} (${place})`);
  if (open.length === 0) return [];
  const remedy = 'bind to 127.0.0.1, choose another value, or set access.allowAnonymousBeyondLoopback: true';
  return [{ path: ['access', 'anonymous'], role: 'value', message: `is always, and other hosts can reach ${open.join(' and ')}: ${remedy}` }];
}

const LADDER = ['stopLazyBelowBytes', 'compactBelowBytes', 'evictBelowBytes', 'refuseBelowBytes'] as const;

/** Steps are taken in their order: each needs less room than the one before. */
function ladderContradictions({ store }: Settings): Finding[] {
  return LADDER.slice(1).flatMap((name, index) => {
    const before = LADDER[index] ?? name;
    if (store[name] < store[before]) return [];
    return [{ path: ['store', name], role: 'value', message: `must be less than store.${before}` }];
  });
}

function listenerContradictions(listener: MqttListenerSettings): Finding[] {
  const { at, type, bind, path } = listener;
  const isListed = at.includes('listeners');
  const tlsAt = isListed ? 'tls.' : '';
  const missing = [
    ...(type === 'unix' && path === undefined ? ['path'] : []),
    ...(type !== 'unix' && bind === undefined ? ['bind'] : []),
    ...('tls' in listener ? missingTls(listener.tls).map((name) => tlsAt + name) : []),
  ];
  const place: Path = [...at, isListed ? 'type' : 'enabled'];
  return missing.map((name) => ({ path: place, role: 'value', message: `needs ${formatPath(at)}.${name}` }));
}

/** Pre-shared keys stand in for a certificate, not for the key that belongs to one. */
function missingTls(tls: TlsListener['tls']): readonly string[] {
  if (tls.pskFile !== undefined && tls.certFile === undefined && tls.keyFile === undefined) return [];
  return (['certFile', 'keyFile'] as const).filter((name) => tls[name] === undefined);
}

const SHORT_NAMES: readonly string[] = ['tcp', 'tls', 'ws', 'wss'];

function listenerNames({ mqtt }: Settings): Finding[] {
  const taken = mqtt.listeners.flatMap(({ name }, index): Finding[] =>
    SHORT_NAMES.includes(name) ? [{ path: ['mqtt', 'listeners', index, 'name'], role: 'value', message: `${name} is the name of mqtt.${name}` }] : [],
  );
  return [...taken, ...repeated(mqtt.listeners, ['mqtt', 'listeners'], 'name', ({ name }) => name)];
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

function bridgeContradictions(bridge: BridgeSettings, path: Path): Finding[] {
  const { username, passwordFile, protocol, provenance, retry, tls, topics, start, lazyThreshold, queueMessagesMax, queueDiskShareMax, budget } = bridge;
  const findings: Finding[] = [];
  const find = (key: readonly (string | number)[], message: string): void => void findings.push({ path: [...path, ...key], role: 'value', message });
  if (protocol === '3.1.1' && passwordFile !== undefined && username === undefined) find(['passwordFile'], 'needs a username in MQTT 3.1.1 [MQTT-3.1.2-22]');
  if (protocol === '3.1.1' && provenance === 'properties') find(['provenance'], 'needs protocol 5.0: MQTT 3.1.1 has no properties, envelope goes with both');
  for (const [key, message] of towardsBrokerProblems(tls)) find(['tls', key], message);
  if (retry.firstSeconds > retry.capSeconds) find(['retry', 'firstSeconds'], `must not be longer than capSeconds (${retry.capSeconds})`);
  const isPaced = Number.isFinite(budget.messagesPerSecond) || Number.isFinite(budget.bytesPerSecond);
  if (budget.rampUpSeconds > 0 && !isPaced) find(['budget', 'rampUpSeconds'], 'needs messagesPerSecond or bytesPerSecond: there is nothing to come to');
  if (queueDiskShareMax === 0) find(['queueDiskShareMax'], 'leaves no room for a message');
  const isOutOfReach = start === 'lazy' && lazyThreshold > queueMessagesMax;
  if (isOutOfReach) find(['lazyThreshold'], `must not be more than queueMessagesMax (${queueMessagesMax})`);
  for (const [index, map] of topics.entries()) {
    for (const [key, message] of mapProblems(map)) find(['topics', index, key], message);
  }
  return findings;
}

function* towardsBrokerProblems({ certFile, keyFile, pskFile, pskIdentity }: BridgeSettings['tls']): Generator<readonly [key: string, message: string]> {
  if (certFile !== undefined && keyFile === undefined) yield ['certFile', 'needs the keyFile that belongs to it'];
  if (keyFile !== undefined && certFile === undefined) yield ['keyFile', 'needs the certFile it belongs to'];
  if (pskFile !== undefined && pskIdentity === undefined) yield ['pskFile', 'needs the pskIdentity it belongs to'];
  if (pskIdentity !== undefined && pskFile === undefined) yield ['pskIdentity', 'needs the pskFile with its key'];
}

function* mapProblems(map: BridgedTopic): Generator<readonly [key: string, message: string]> {
  for (const side of ['localPrefix', 'remotePrefix'] as const) {
    const problem = prefixProblem(map[side], map.filter);
    if (problem !== undefined) yield [side, problem];
  }
  const misnamed = map.rename === undefined ? undefined : renameProblem(map.rename, map);
  if (misnamed !== undefined) yield ['rename', misnamed];
  const exclusive = subscribedSides(map).find((filter) => UNSHAREABLE.test(filter));
  if (exclusive !== undefined) yield ['filter', `must not make a subscription that is shared or exclusive: ${exclusive}`];
}

/** Filters by which a subscription is not its session's own, or nobody else's: what they bring has another name than they say. */
const UNSHAREABLE = /^\$(?:share|queue|exclusive)\//;

function subscribedSides({ filter, direction, localPrefix, remotePrefix }: BridgedTopic): readonly string[] {
  return [...(direction === 'in' ? [] : [localPrefix + filter]), ...(direction === 'out' ? [] : [remotePrefix + filter])];
}

function renameProblem(rename: string, { filter, direction }: BridgedTopic): string | undefined {
  return direction === 'both' ? 'goes with one direction only: make a topic map for each' : templateProblem(rename, filter);
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
