// Makes a bridge of its part of the configuration.
import { Bridge } from '../bridge/bridge.ts';
import type { BudgetSettings } from '../bridge/budget/link-budget.ts';
import { LinkMeter, MeteredDialer } from '../bridge/budget/link-meter.ts';
import { LinkRecord } from '../bridge/link-state.ts';
import type { LoopGuardSettings } from '../bridge/loop-guard.ts';
import { MqttUplink } from '../bridge/uplinks/mqtt.ts';
import { type Remote, RemoteRing } from '../bridge/uplinks/remote-ring.ts';
import type { BridgeConfig } from '../config/config.ts';
import { readSecret } from '../config/files.ts';
import { type Endpoint, formatEndpoint } from '../config/schema/values.ts';
import { PACKET_BYTES_MAX } from '../model/limits.ts';
import { PRIORITY_MAX } from '../model/priority.ts';
import type { TopicPolicy } from '../model/queue-policy.ts';
import type { DialerOptions } from '../transport/dialing.ts';
import { pskKey } from '../transport/psk-file.ts';
import { TcpDialer } from '../transport/tcp-dialer.ts';
import type { StreamDialer } from '../transport/transport.ts';
import type { FrontParts } from './fronts.ts';
import type { GatewayOrigin } from './gateway-origin.ts';

const DIAL_TIMEOUT_MS = 20_000;

export interface BridgeParts extends FrontParts {
  readonly origin: GatewayOrigin;
  /** Of the partition with the store. */
  diskBytes(): number;
}

export interface BridgeCredentials {
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
}

/** @throws GatewayError CONFIG_INVALID - its password cannot be read. */
export function credentialsOf({ username, passwordFile }: BridgeConfig): BridgeCredentials {
  return { username, password: passwordFile === undefined ? undefined : Buffer.from(readSecret(passwordFile)) };
}

/**
 * @param queued - see `Bridge`.
 * @param former - the credentials it had until now: they are tried as well until the remote has taken the new ones, so that both ends may change in any order.
 * @throws GatewayError CONFIG_INVALID - a file of its cannot be read or used.
 */
export async function createBridge(
  config: BridgeConfig,
  parts: BridgeParts,
  { credentials, former, queued }: { readonly credentials: BridgeCredentials; readonly former: BridgeCredentials | undefined; queued(): number },
): Promise<Bridge> {
  const { name, topics, inflightMax, priorities, newestFirst, statusTopic, statusTo, retry } = config;
  const budget = budgetOf(config);
  const queueLimits = { messagesMax: config.queueMessagesMax, bytesMax: config.queueBytesMax };
  const uplink = new MqttUplink(
    {
      name,
      remotesShareSessions: config.fallbacksShareSessions,
      version: config.protocol === '5.0' ? 5 : 4,
      clientId: config.clientId,
      ...credentials,
      formerCredentials: former,
      keepAliveSeconds: config.keepAliveSeconds,
      cleanStart: config.cleanStart,
      sessionExpirySeconds: config.sessionExpirySeconds,
      inflightMax,
      triesBridgeBit: config.tryPrivate,
      statusTopic: statusTo === 'both' ? statusTopic : undefined,
      packetBytesMax: PACKET_BYTES_MAX,
      topicAliasMax: config.protocol === '5.0' ? config.topicAliasMax : 0,
    },
    {
      remotes: new RemoteRing(await remotesOf(config, parts, budget?.meter), config.order),
      clock: parts.clock,
      log: parts.log,
      record: new LinkRecord(`bridge:${name}`, parts),
      retry: { firstMs: retry.firstSeconds * 1000, factor: 2, capMs: retry.capSeconds * 1000, jitter: retry.jitter },
    },
  );
  const answerTimeoutMs = config.answerTimeoutSeconds * 1000;
  const diskShareBytes = config.queueDiskShareMax === undefined ? undefined : config.queueDiskShareMax * parts.diskBytes();
  const policies = config.policies.map(policyOf);
  const start = { kind: config.start, idleMs: config.idleSeconds * 1000, lazyThreshold: config.lazyThreshold };
  const provenance = config.provenance === 'none' ? undefined : { form: config.provenance, stream: config.clientId, reportTopic: config.reportTopic };
  const lossReportTopic = config.lossReportTopic ?? provenance?.reportTopic; // a gap that nobody speaks of proves nothing
  const settings = {
    ...{ name, topics, start, inflightMax, priorities, newestFirst, budget, queueLimits, answerTimeoutMs, provenance },
    ...{ policies, diskShareBytes, lossReportTopic },
    sendsRetain: config.sendRetain,
    loopGuard: loopGuardOf(config, parts.origin),
  };
  return new Bridge({ ...settings, statusTopic: statusTo === 'none' ? undefined : statusTopic }, uplink, queued);
}

function loopGuardOf({ loopGuard, hopsMax, protocol }: BridgeConfig, origin: GatewayOrigin): LoopGuardSettings | undefined {
  return loopGuard === 'off' ? undefined : { isAlways: loopGuard === 'on', hopsMax, origin: () => origin.id, marks: protocol === '5.0' };
}

/** Undefined: it is as good as none. */
function budgetOf({ budget: { rampUpSeconds, urgentFrom, ...amounts } }: BridgeConfig): BudgetSettings | undefined {
  const { messagesPerSecond, bytesPerSecond, bytesPerDay, windows } = amounts;
  const isUnlimited = [messagesPerSecond, bytesPerSecond, bytesPerDay].every((amount) => amount === Number.POSITIVE_INFINITY);
  if (isUnlimited && windows.length === 0) return undefined;
  return {
    ...amounts,
    meter: new LinkMeter(),
    rampUpMs: rampUpSeconds * 1_000,
    urgentFrom: urgentFrom ?? PRIORITY_MAX + 1,
    localOffsetMs: (epochMs) => -new Date(epochMs).getTimezoneOffset() * 60_000,
  };
}

function policyOf({ topics, oneOf, everySeconds, ...policy }: BridgeConfig['policies'][number]): TopicPolicy {
  return { filters: topics, sampleOneOf: oneOf, sampleSeconds: everySeconds, ...policy };
}

/** @param meter - undefined: nobody counts. */
async function remotesOf(config: BridgeConfig, parts: FrontParts, meter: LinkMeter | undefined): Promise<[Remote, ...Remote[]]> {
  const remote = async (address: Endpoint): Promise<Remote> => {
    const dialer = await dialerTo(address, config, parts);
    return { address: formatEndpoint(address), dialer: meter === undefined ? dialer : new MeteredDialer(dialer, meter) };
  };
  return [await remote(config.address), ...(await Promise.all(config.fallbacks.map(remote)))];
}

/** TLS and WebSocket are loaded on use: TLS costs 3 MB. */
async function dialerTo(address: Endpoint, config: BridgeConfig, parts: FrontParts): Promise<StreamDialer> {
  const { tls } = config;
  const options = await dialerOptions(address, config, parts);
  if (!tls.enabled) return new TcpDialer(options);
  const { TlsDialer } = await import('../transport/tls-dialer.ts');
  const { ca, identity, psk } = (await bridgeTlsLoader(config))();
  return new TlsDialer({
    ...options,
    insecure: tls.insecure,
    ...(ca === undefined ? {} : { ca }),
    ...(identity === undefined ? {} : { identity }),
    ...(psk === undefined ? {} : { psk }),
    ...(tls.servername === undefined ? {} : { servername: tls.servername }),
    ...(tls.alpn.length === 0 ? {} : { alpn: tls.alpn }),
  });
}

async function dialerOptions(address: Endpoint, config: BridgeConfig, { clock, metrics, writer }: FrontParts): Promise<DialerOptions> {
  const { name, bindAddress, tcpKeepAliveSeconds, websocket } = config;
  const options = { name: `bridge.${name}`, ...address, timeoutMs: DIAL_TIMEOUT_MS, clock, metrics, writer };
  return {
    ...options,
    ...(bindAddress === undefined ? {} : { localAddress: bindAddress }),
    ...(tcpKeepAliveSeconds === undefined ? {} : { tcpKeepAliveMs: tcpKeepAliveSeconds * 1000 }),
    ...(websocket.enabled ? { upgrade: await webSocketTo(address, config, metrics) } : {}),
  };
}

async function webSocketTo(address: Endpoint, { name, tls, websocket: { path } }: BridgeConfig, metrics: FrontParts['metrics']) {
  const { webSocketUpgrade } = await import('../transport/websocket-upgrade.ts');
  const violations = metrics.counter(`transport.bridge.${name}.violations`);
  return webSocketUpgrade({ host: hostField(address, tls.enabled ? HTTPS_PORT : HTTP_PORT), path }, { payloadBytesMax: PACKET_BYTES_MAX, violations });
}

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** RFC 9110 §7.2: without the port where it is that of the scheme. */
function hostField(address: Endpoint, schemePort: number): string {
  const whole = formatEndpoint(address);
  return address.port === schemePort ? whole.slice(0, -`:${schemePort}`.length) : whole;
}

/** Reads the certificates and the keys of a bridge; throws CONFIG_INVALID with one sentence when they cannot be used. */
export async function bridgeTlsLoader({ name, tls: { caFile, certFile, keyFile, pskIdentity, pskFile } }: BridgeConfig) {
  const { readAuthorities, readIdentity } = await import('../transport/tls-files.ts');
  const named = (key: string, path: string) => ({ setting: `tls.${key} of bridge ${name}`, path });
  return () => ({
    ca: caFile === undefined ? undefined : readAuthorities(named('caFile', caFile)),
    identity: certFile === undefined || keyFile === undefined ? undefined : readIdentity(named('certFile', certFile), named('keyFile', keyFile)),
    psk:
      pskFile === undefined || pskIdentity === undefined
        ? undefined
        : { identity: pskIdentity, key: pskKey(readSecret(pskFile), `${pskFile} (tls.pskFile of bridge ${name})`) },
  });
}
