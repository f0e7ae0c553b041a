// What a bridge says to an MQTT broker at the start of a connection, and what it makes of the answer.

import { clientId } from '../../model/client.ts';
import { Message, minQoS } from '../../model/message.ts';
import type { TopicName } from '../../model/topic.ts';
import { topicOf } from '../../model/topic-utf8.ts';
import type { ConnackPacket, ConnectPacket, OutgoingPublish, SubscribePacket } from '../../mqtt/packets.ts';
import type { RemoteFilter, RemoteLimits } from '../uplink.ts';

export interface MqttUplinkSettings {
  /** The bridge's name. */
  readonly name: string;
  /** Whether its remotes, those of former configurations too, are one broker to its clients (a cluster): what one knows of our session, the others know. */
  readonly remotesShareSessions: boolean;
  readonly version: 4 | 5;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  /** Tried by turns with those above, until the remote has taken the latter. */
  readonly formerCredentials: Pick<MqttUplinkSettings, 'username' | 'password'> | undefined;
  readonly keepAliveSeconds: number;
  readonly cleanStart: boolean;
  /** `Infinity`: never; 5.0 only. */
  readonly sessionExpirySeconds: number;
  /** Publishes we take unanswered (Receive Maximum), and most we have unanswered there. */
  readonly inflightMax: number;
  /** Whether a 3.1.1 broker is told that we are a bridge, by the top bit of the version byte. */
  readonly triesBridgeBit: boolean;
  /** Where the remote is told, retained, whether we are connected; undefined: nowhere. */
  readonly statusTopic: TopicName | undefined;
  readonly packetBytesMax: number;
  /** Topic Alias Maximum announced to the remote, and most aliases used towards it; 0: none. 5.0 only. */
  readonly topicAliasMax: number;
}

/** The retained `1` while connected, `0` by will and at goodbye. */
export function statusPublish(topic: TopicName, payload: '0' | '1'): OutgoingPublish {
  const draft = { topic: topicOf(topic), payload: Buffer.from(payload), qos: 0, isRetain: true } as const;
  const message = new Message(draft, { gateway: 'bridge', clientId: clientId('') }, { publishedAtMs: 0, expiresAtMs: Number.POSITIVE_INFINITY });
  return { message, qos: 0, isRetain: true, isDuplicate: false, packetId: 0, identifiers: [], expirySeconds: undefined };
}

const NEVER_EXPIRES = 0xffff_ffff;
const RECEIVE_MAXIMUM_DEFAULT = 65_535;

/** @param cleanStart - what this connection says. */
export function connectPacket(
  settings: MqttUplinkSettings,
  { isBridge, cleanStart }: { readonly isBridge: boolean; readonly cleanStart: boolean },
): ConnectPacket {
  const { version, statusTopic, sessionExpirySeconds, inflightMax, packetBytesMax, topicAliasMax } = settings;
  return {
    type: 'connect',
    version,
    isBridge,
    clientId: settings.clientId,
    cleanStart,
    keepAliveSeconds: settings.keepAliveSeconds,
    username: settings.username,
    password: settings.password,
    will: statusTopic === undefined ? undefined : { topic: statusTopic, payload: Buffer.from('0'), qos: 1, isRetain: true },
    properties:
      version === 4
        ? undefined
        : {
            sessionExpirySeconds: Math.min(sessionExpirySeconds, NEVER_EXPIRES),
            receiveMaximum: inflightMax,
            maximumPacketSize: packetBytesMax,
            ...(topicAliasMax === 0 ? {} : { topicAliasMaximum: topicAliasMax }),
          },
  };
}

/** No Local and Retain As Published, as bridges subscribe (5.0); retained messages only for what is new to the remote session. */
export function subscribePacket(filters: readonly RemoteFilter[], packetId: number): SubscribePacket {
  const options = { noLocal: true, retainAsPublished: true, retainHandling: 1 } as const;
  return { type: 'subscribe', packetId, subscriptions: filters.map(({ filter, qos }) => ({ filter, qosMax: qos, ...options })) };
}

/** What the remote's CONNACK lets us send. */
export interface RemoteTerms extends Omit<RemoteLimits, 'echoes'> {
  readonly keepAliveSeconds: number;
  readonly packetBytesMax: number;
  readonly canRetain: boolean;
  /** Topic aliases to use; 0: none. */
  readonly topicAliasMax: number;
  /** The message within Maximum QoS and Retain Available (MQTT 5 §3.2.2.3.4, §3.2.2.3.5). */
  shape(publish: OutgoingPublish): OutgoingPublish;
}

export function remoteTerms({ isSessionPresent, properties = {} }: ConnackPacket, settings: MqttUplinkSettings): RemoteTerms {
  const qosMax = properties.maximumQoS ?? 2;
  const canRetain = properties.retainAvailable ?? true;
  return {
    isSessionPresent,
    inflightMax: properties.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT,
    keepAliveSeconds: properties.serverKeepAliveSeconds ?? settings.keepAliveSeconds,
    packetBytesMax: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    canRetain,
    topicAliasMax: Math.min(properties.topicAliasMaximum ?? 0, settings.topicAliasMax),
    shape(publish) {
      if (publish.qos <= qosMax && (canRetain || !publish.isRetain)) return publish;
      const qos = minQoS(publish.qos, qosMax);
      return {
        ...publish,
        qos,
        isRetain: publish.isRetain && canRetain,
        packetId: qos === 0 ? 0 : publish.packetId,
        isDuplicate: qos > 0 && publish.isDuplicate,
      };
    },
  };
}
