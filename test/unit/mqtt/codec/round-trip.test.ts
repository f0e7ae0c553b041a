import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MqttDecoder } from '../../../../src/mqtt/codec.ts';
import { encodePacket } from '../../../../src/mqtt/encode.ts';
import { PublishEncoder } from '../../../../src/mqtt/encode-publish.ts';
import type { OutgoingPublish, Packet, ProtocolVersion } from '../../../../src/mqtt/packets.ts';
import { greeting, outgoingPublish, packetFrom, type Role } from './arbitraries.ts';
import { Collector, greeted, Sink } from './support.ts';

const RUNS = { numRuns: 300, seed: 20 };
const DIRECTIONS: readonly (readonly [Role, ProtocolVersion])[] = [3, 4, 5].flatMap((version) => [
  ['client', version as ProtocolVersion],
  ['server', version as ProtocolVersion],
]);
const peerOf = (sender: Role): Role => (sender === 'client' ? 'server' : 'client');

function encoded(packets: readonly Packet[], version: ProtocolVersion): Buffer {
  const sink = new Sink();
  for (const packet of packets) expect(encodePacket(packet, version, sink)).toBe(true);
  return sink.taken();
}

function pushed(decoder: MqttDecoder, stream: Buffer, chunkBytes: number): Collector['seen'] {
  const collector = new Collector();
  for (let at = 0; at < stream.length; at += chunkBytes) decoder.push(stream.subarray(at, at + chunkBytes), collector);
  return collector.seen;
}

/** What a decoder must make of `publish`; `isSameTopic` is left out. */
function seenOf({ message, qos, isRetain, isDuplicate, packetId, identifiers, expirySeconds }: OutgoingPublish): object {
  return {
    ...{ type: 'publish', qos, isRetain, isDuplicate, packetId, expirySeconds, topicAlias: 0 },
    ...{ topic: message.topic.name, payload: Buffer.from(message.payload).toString('hex'), properties: message.properties },
    subscriptionIdentifiers: identifiers.length === 0 ? undefined : identifiers,
  };
}

describe.each(DIRECTIONS)('what a %s of version %i writes is read', (sender, version) => {
  test('greeting', () => {
    fc.assert(
      fc.property(greeting(version, sender), fc.integer({ min: 1, max: 40 }), (packet, chunkBytes) => {
        const decoder =
          sender === 'client'
            ? new MqttDecoder({ role: 'server', packetBytesMax: 10_000 })
            : new MqttDecoder({ role: 'client', packetBytesMax: 10_000, version });
        expect(pushed(decoder, encoded([packet], version), chunkBytes)).toEqual([packet]);
        expect(decoder.version).toBe(version);
      }),
      RUNS,
    );
  });

  test('packets', () => {
    fc.assert(
      fc.property(fc.array(packetFrom(version, sender), { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 40 }), (packets, chunkBytes) => {
        expect(pushed(greeted(peerOf(sender), version), encoded(packets, version), chunkBytes)).toEqual(packets);
      }),
      RUNS,
    );
  });

  test('PUBLISH', () => {
    fc.assert(
      fc.property(fc.array(outgoingPublish(version, sender), { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 400 }), (publishes, chunkBytes) => {
        const sink = new Sink();
        const encoder = new PublishEncoder(version);
        for (const publish of publishes) expect(encoder.encode(publish, sink, 10_000)).toBe(true);
        expect(pushed(greeted(peerOf(sender), version), sink.taken(), chunkBytes)).toMatchObject(publishes.map(seenOf));
      }),
      RUNS,
    );
  });
});
