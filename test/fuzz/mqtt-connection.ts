// Damaged MQTT conversations of arbitrary packets against the whole gateway; peers share a few client ids, so that sessions are taken over.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodePacket } from '../../src/mqtt/encode.ts';
import { PublishEncoder } from '../../src/mqtt/encode-publish.ts';
import type { ProtocolVersion } from '../../src/mqtt/packets.ts';
import { connect, subscribe, will } from '../support/mqtt.ts';
import { greeting, outgoingPublish, packetFrom } from '../unit/mqtt/codec/arbitraries.ts';
import { Sink } from '../unit/mqtt/codec/support.ts';
import { type Chance, damaged, type FuzzOptions, type FuzzReport } from './fuzzer.ts';
import { fuzzGateway, PACKET_BYTES_MAX } from './gateway-under-fuzz.ts';

const SAMPLES = 300;
const CLIENT_IDS = 8;

interface Corpus {
  readonly greetings: readonly Buffer[];
  readonly packets: readonly Buffer[];
}

/** @throws AssertionError - with seed and number of the input, and its bytes when it was the one. */
export function fuzzMqttConnection(options: FuzzOptions): Promise<FuzzReport> {
  const corpora = ([3, 4, 5] as const).map((version) => corpus(version, options.seed));
  return fuzzGateway(options, (chance) => conversation(corpora[chance.below(corpora.length)] ?? assert.fail('no corpus'), chance));
}

function conversation({ greetings, packets }: Corpus, chance: Chance): Buffer {
  const parts = [pick(greetings, chance), ...Array.from({ length: 1 + chance.below(8) }, () => pick(packets, chance))];
  const whole = Buffer.concat(parts);
  return chance.below(4) === 0 ? whole : damaged(whole, pick(packets, chance), chance);
}

function corpus(version: ProtocolVersion, seed: number): Corpus {
  const sample = { seed, numRuns: SAMPLES };
  const encoder = new PublishEncoder(version);
  const publishes = fc.sample(outgoingPublish(version, 'client'), sample).map((publish) => written((sink) => encoder.encode(publish, sink, PACKET_BYTES_MAX)));
  const packets = fc.sample(packetFrom(version, 'client'), sample).map((packet) => written((sink) => encodePacket(packet, version, sink)));
  const greetings = fc.sample(greeting(version, 'client'), sample).map((packet) => written((sink) => encodePacket(packet, version, sink)));
  const shared = Array.from({ length: SAMPLES }, (_, index) => written((sink) => encodePacket(sharedGreeting(version, index), version, sink)));
  const subscriptions = ['#', 'a/#', '+', '+/+'].map((filter, index) => written((sink) => encodePacket(subscribe(index + 1, { filter }), version, sink)));
  return { greetings: [...greetings, ...shared], packets: [...packets, ...publishes, ...subscriptions, ...publishes] };
}

/** A CONNECT that is let in, under one of a few ids: sessions are resumed, taken over, and cleaned. */
function sharedGreeting(version: ProtocolVersion, index: number): ReturnType<typeof connect> {
  return connect({
    version,
    clientId: `fuzz-${index % CLIENT_IDS}`,
    cleanStart: index % 3 === 0,
    keepAliveSeconds: index % 5,
    ...(index % 4 === 0 ? { will: will({ topic: 'a/will', qos: index % 3 === 0 ? 2 : 1, ...(version === 5 ? { delaySeconds: index % 7 } : {}) }) } : {}),
    ...(version === 5 ? { properties: { sessionExpirySeconds: index % 90, receiveMaximum: 1 + (index % 4), maximumPacketSize: 20 + index } } : {}),
  });
}

function written(write: (sink: Sink) => boolean): Buffer {
  const sink = new Sink();
  assert.ok(write(sink));
  return sink.taken();
}

function pick(buffers: readonly Buffer[], chance: Chance): Buffer {
  return buffers[chance.below(buffers.length)] ?? Buffer.alloc(0);
}
