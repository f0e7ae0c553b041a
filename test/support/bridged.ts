// A gateway with one bridge to a remote that the test plays.
import { Bridge } from '../../src/bridge/bridge.ts';
import { MeteredDialer } from '../../src/bridge/budget/link-meter.ts';
import { LinkRecord } from '../../src/bridge/link-state.ts';
import type { BridgeSettings } from '../../src/bridge/settings.ts';
import { MqttUplink } from '../../src/bridge/uplinks/mqtt.ts';
import type { MqttUplinkSettings } from '../../src/bridge/uplinks/mqtt-packets.ts';
import { type RemoteOrder, RemoteRing } from '../../src/bridge/uplinks/remote-ring.ts';
import { deadLetterFacts } from '../../src/broker/dead-letters.ts';
import { clientId } from '../../src/model/client.ts';
import { silentLog } from '../../src/model/log.ts';
import { DEAD_LETTER_REALM } from '../../src/model/queue-selection.ts';
import { topicName } from '../../src/model/topic.ts';
import { sessionKey } from '../../src/session/session-store.ts';
import { startCore, type TestCore } from './core.ts';
import { FakeClock, settled } from './fake-clock.ts';
import { ScriptedRemote } from './scripted-remote.ts';
import { requestOf, TestClient } from './test-client.ts';

export const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const RETRY = { firstMs: 1_000, factor: 2, capMs: 30_000, jitter: 0 };
export const OUT = { filter: 'readings/#', direction: 'out', qos: 2, localPrefix: '', remotePrefix: 'site1/' } as const;
export const IN = { filter: 'cmd/#', direction: 'in', qos: 2, localPrefix: '', remotePrefix: 'site1/' } as const;

interface Options {
  readonly bridge?: Partial<BridgeSettings>;
  readonly uplink?: Partial<MqttUplinkSettings>;
  readonly remote?: Partial<Pick<ScriptedRemote, 'acknowledges' | 'connack' | 'grantsSubscriptions' | 'isReachable'>>;
  readonly core?: TestCore;
  readonly clock?: FakeClock;
  /** Remotes behind the first. */
  readonly further?: readonly ScriptedRemote[];
  readonly order?: RemoteOrder;
}

export interface Bridged {
  readonly clock: FakeClock;
  readonly core: TestCore;
  readonly remote: ScriptedRemote;
  readonly bridge: Bridge;
  readonly local: TestClient;
}

interface BridgeOptions extends Omit<Options, 'remote' | 'core' | 'clock'> {
  readonly clock: FakeClock;
  readonly core: Pick<TestCore, 'broker' | 'metrics'>;
}

/** A bridge to a scripted remote, not started. */
export function bridgeTo(
  remote: ScriptedRemote,
  { clock, core, bridge: bridgeOver, uplink: uplinkOver, further = [], order = 'failover' }: BridgeOptions,
): Bridge {
  const settings: BridgeSettings = {
    name: 'centre',
    topics: [OUT, IN],
    inflightMax: 20,
    queueLimits: { messagesMax: 1_000, bytesMax: 1_000_000 },
    priorities: [],
    newestFirst: [],
    budget: undefined,
    policies: [],
    diskShareBytes: undefined,
    lossReportTopic: undefined,
    answerTimeoutMs: 60_000,
    sendsRetain: true,
    statusTopic: topicName('$SYS/broker/connection/gw/state'),
    start: { kind: 'automatic', idleMs: 60_000, lazyThreshold: 10 },
    ...bridgeOver,
  };
  const uplink = new MqttUplink(
    {
      name: 'centre',
      remotesShareSessions: true,
      version: 5,
      clientId: 'gw',
      username: undefined,
      password: undefined,
      formerCredentials: undefined,
      keepAliveSeconds: 60,
      cleanStart: false,
      sessionExpirySeconds: Number.POSITIVE_INFINITY,
      inflightMax: 20,
      triesBridgeBit: true,
      statusTopic: undefined,
      packetBytesMax: 2_000_000,
      topicAliasMax: 0,
      ...uplinkOver,
    },
    {
      remotes: new RemoteRing(
        [
          { address: 'remote:1883', dialer: settings.budget === undefined ? remote : new MeteredDialer(remote, settings.budget.meter) },
          ...further.map((dialer, index) => ({ address: `further-${index}:1883`, dialer })),
        ],
        order,
      ),
      clock,
      log: silentLog,
      retry: RETRY,
      record: new LinkRecord('bridge:centre', { clock, metrics: core.metrics }),
    },
  );
  return new Bridge(settings, uplink, () => core.broker.waitingFor('bridge:centre').queuedMessages);
}

/** A gateway with one bridge to a scripted remote, and a client at the gateway. */
export async function bridged({ remote: remoteOver, core: given, clock = new FakeClock(), ...options }: Options = {}): Promise<Bridged> {
  const core = given ?? startCore({ clock });
  const remote = new ScriptedRemote();
  Object.assign(remote, remoteOver);
  const bridge = bridgeTo(remote, { ...options, clock, core });
  await bridge.start(core.context('bridge:centre'));
  await settled();
  const local = new TestClient(core.context('mqtt'));
  await local.connect(requestOf('local', TRANSIENT));
  return { clock, core, remote, bridge, local };
}

/** In the order they became such. */
export function deadLetters({ core }: Bridged): [payload: string, reason: string | undefined][] {
  const queue = core.store.sessions.get(sessionKey(DEAD_LETTER_REALM, clientId('bridge:centre')));
  const found: [string, string | undefined][] = [];
  for (let at = queue?.queue.next(0); queue !== undefined && at !== undefined; at = queue.queue.next(at)) {
    const payload = core.store.read(queue, at)?.message.payload;
    found.push([payload === undefined ? '' : Buffer.from(payload).toString(), deadLetterFacts(queue, at)?.reason]);
  }
  return found;
}
