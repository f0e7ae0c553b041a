// Our packets against another implementation: what it writes we read, what we write it reads. Only valid packets: of invalid ones it takes many.
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { describe, expect, test } from 'vitest';
import { MqttDecoder } from '../../../../src/mqtt/codec.ts';
import { encodePacket } from '../../../../src/mqtt/encode.ts';
import { PublishEncoder } from '../../../../src/mqtt/encode-publish.ts';
import type { ConnectPacket, OutgoingPublish, Packet, ProtocolVersion, UserProperties, WillMessage } from '../../../../src/mqtt/packets.ts';
import { greeting, outgoingPublish, packetFrom, type Role } from './arbitraries.ts';
import { Collector, greeted, type Seen, type SeenPublish, Sink } from './support.ts';

const RUNS = { numRuns: 300, seed: 11 };
const DIRECTIONS: readonly (readonly [Role, ProtocolVersion])[] = [3, 4, 5].flatMap((version) => [
  ['client', version as ProtocolVersion],
  ['server', version as ProtocolVersion],
]);

type Fields = Record<string, unknown>;

/** Where its names differ from the ones here. */
const NAMES: Readonly<Record<string, string>> = {
  isUtf8: 'payloadFormatIndicator',
  messageExpirySeconds: 'messageExpiryInterval',
  sessionExpirySeconds: 'sessionExpiryInterval',
  willDelaySeconds: 'willDelayInterval',
  serverKeepAliveSeconds: 'serverKeepAlive',
  subscriptionIdentifierAvailable: 'subscriptionIdentifiersAvailable',
};

/** Properties by its names. It keeps User Properties in an object: the order between names is lost, values of one name stay in order. */
function foreignProperties(properties: object | undefined): Fields | undefined {
  const entries = Object.entries(properties ?? {}).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => [NAMES[name] ?? name, name === 'userProperties' ? grouped(value) : value]));
}

function grouped(pairs: readonly (readonly [string, string])[]): Record<string, string | string[]> {
  const groups: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    const before = groups[name];
    groups[name] = before === undefined ? value : [before, value].flat();
  }
  return groups;
}

function foreignWill(will: WillMessage | undefined): Fields | undefined {
  if (will === undefined) return undefined;
  const { topic, payload, qos, isRetain, properties, expirySeconds, delaySeconds } = will;
  const all = foreignProperties({ ...properties, messageExpirySeconds: expirySeconds, willDelaySeconds: delaySeconds });
  return clean({ topic, payload, qos, retain: isRetain, properties: all });
}

/** A packet in its form, as far as both have the field. */
function foreign(packet: Packet | Seen, version: ProtocolVersion): Fields {
  const properties = 'properties' in packet && packet.type !== 'publish' ? foreignProperties(packet.properties) : undefined;
  const reasonCode = version === 5 && 'reasonCode' in packet ? packet.reasonCode : undefined;
  const common = { cmd: packet.type, properties, ...('packetId' in packet && packet.packetId > 0 ? { messageId: packet.packetId } : {}) };
  switch (packet.type) {
    case 'connect':
      return clean({ ...common, ...foreignConnect(packet) });
    case 'connack': {
      const returnCode = version === 5 ? undefined : packet.reasonCode;
      return clean({ ...common, sessionPresent: packet.isSessionPresent, reasonCode, returnCode });
    }
    case 'subscribe': {
      const options = ({ noLocal, retainAsPublished, retainHandling }: (typeof packet.subscriptions)[number]) =>
        version === 5 ? { nl: noLocal, rap: retainAsPublished, rh: retainHandling } : {};
      return clean({ ...common, subscriptions: packet.subscriptions.map((request) => ({ topic: request.filter, qos: request.qosMax, ...options(request) })) });
    }
    case 'unsubscribe':
      return clean({ ...common, unsubscriptions: packet.filters });
    case 'suback':
    case 'unsuback':
      return clean({ ...common, granted: version === 5 || packet.type === 'suback' ? packet.reasonCodes : undefined });
    case 'publish':
      return clean({ ...common, ...foreignPublish(packet) });
    default:
      return clean({ ...common, reasonCode });
  }
}

function foreignConnect(packet: ConnectPacket): Fields {
  const { version, clientId, cleanStart, keepAliveSeconds, username, password } = packet;
  const protocol = { protocolId: version === 3 ? 'MQIsdp' : 'MQTT', protocolVersion: version, ...(packet.isBridge ? { bridgeMode: true } : {}) };
  return { ...protocol, clientId, clean: cleanStart, keepalive: keepAliveSeconds, username, password, will: foreignWill(packet.will) };
}

function foreignPublish(packet: SeenPublish): Fields {
  const { qos, isDuplicate, isRetain, topic, payload, expirySeconds, subscriptionIdentifiers } = packet;
  const all = foreignProperties({ ...packet.properties, messageExpirySeconds: expirySeconds, subscriptionIdentifier: oneOrMany(subscriptionIdentifiers) });
  return { qos, dup: isDuplicate, retain: isRetain, topic, payload: Buffer.from(payload, 'hex'), properties: all };
}

function oneOrMany(identifiers: readonly number[] | undefined): number | readonly number[] | undefined {
  return identifiers?.length === 1 ? identifiers[0] : identifiers;
}

/** A publish in the form the decoder's visitor keeps. */
function seenOf({ message, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds }: OutgoingPublish): Seen {
  const payload = Buffer.from(message.payload).toString('hex');
  const subscriptionIdentifiers = identifiers.length === 0 ? undefined : identifiers;
  return {
    ...{ type: 'publish', qos, isRetain, isDuplicate, packetId, topic: message.topic.name, payload, properties: message.properties },
    ...{ expirySeconds, subscriptionIdentifiers, topicAlias: 0, isSameTopic: false },
  };
}

function clean(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What it reads, without the fields it keeps about framing. */
function readByForeign(stream: Buffer, version: ProtocolVersion): Fields {
  const parser = mqttPacket.parser({ protocolVersion: version });
  const seen: Fields[] = [];
  parser.on('packet', (packet) => seen.push({ ...packet }));
  parser.on('error', (error) => {
    throw error;
  });
  parser.parse(stream);
  expect(seen).toHaveLength(1);
  const { length: _length, topic, payload, ...rest } = seen[0] ?? {};
  const isPublish = rest['cmd'] === 'publish';
  const { qos: _qos, dup: _dup, retain: _retain, ...others } = rest;
  return clean(isPublish ? { ...rest, topic, payload } : others);
}

/** It cannot say a password without a user name, and forgets an empty User Property that another of that name follows. */
function isWithinItsReach(packet: Packet | OutgoingPublish): boolean {
  if ('message' in packet) return isKept(packet.message.properties);
  if (packet.type === 'connect' && packet.password !== undefined && packet.username === undefined) return false;
  return isKept(packet.type === 'connect' ? packet.will?.properties : undefined) && isKept('properties' in packet ? packet.properties : undefined);
}

function isKept(properties: { readonly userProperties?: UserProperties | undefined } | undefined): boolean {
  const pairs = properties?.userProperties ?? [];
  return new Set(pairs.map(([name]) => name)).size === pairs.length || pairs.every(([, value]) => value !== '');
}

/** Its writer, with packets as it documents them but does not type them (`bridgeMode`, `granted`). */
const foreignWriter: { generate(packet: object, options: object): Buffer } = mqttPacket;

function readByUs(stream: Buffer, version: ProtocolVersion, sender: Role, isGreeting: boolean): readonly Seen[] {
  const role = sender === 'client' ? 'server' : 'client';
  const fresh = () => (role === 'server' ? new MqttDecoder({ role, packetBytesMax: 10_000 }) : new MqttDecoder({ role, packetBytesMax: 10_000, version }));
  const decoder = isGreeting ? fresh() : greeted(role, version);
  const collector = new Collector();
  decoder.push(stream, collector);
  return collector.seen;
}

describe.each(DIRECTIONS)('packets of a %s of version %i', (sender, version) => {
  const kinds = [
    ['greeting', greeting(version, sender).filter(isWithinItsReach)],
    ['packet', packetFrom(version, sender).filter(isWithinItsReach)],
  ] as const;
  const publishes = outgoingPublish(version, sender).filter(isWithinItsReach);

  test.each(kinds)('%s: what we write it reads', (_kind, packets) => {
    fc.assert(
      fc.property(packets, (packet) => {
        const sink = new Sink();
        encodePacket(packet, version, sink);
        expect(readByForeign(sink.taken(), version)).toEqual(foreign(packet, version));
      }),
      RUNS,
    );
  });

  test.each(kinds)('%s: what it writes we read', (kind, packets) => {
    fc.assert(
      fc.property(packets, (packet) => {
        const stream = foreignWriter.generate(foreign(packet, version), { protocolVersion: version });
        const [seen] = readByUs(stream, version, sender, kind === 'greeting');
        expect(seen && foreign(seen, version)).toEqual(foreign(packet, version));
      }),
      RUNS,
    );
  });

  test('PUBLISH: what we write it reads', () => {
    fc.assert(
      fc.property(publishes, (publish) => {
        const sink = new Sink();
        new PublishEncoder(version).encode(publish, sink, 10_000);
        expect(readByForeign(sink.taken(), version)).toEqual(foreign(seenOf(publish), version));
      }),
      RUNS,
    );
  });

  test('PUBLISH: what it writes we read', () => {
    fc.assert(
      fc.property(publishes, (publish) => {
        const stream = foreignWriter.generate(foreign(seenOf(publish), version), { protocolVersion: version });
        const [seen] = readByUs(stream, version, sender, false);
        expect(seen && foreign(seen, version)).toEqual(foreign(seenOf(publish), version));
      }),
      RUNS,
    );
  });
});
