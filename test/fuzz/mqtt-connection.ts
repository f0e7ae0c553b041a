// Damaged MQTT conversations against the whole gateway on the real core: many peers at once that share a few client ids, cut their bytes anywhere,
// stop reading, vanish, or come back. Nothing may throw, no connection may be left behind, and a client that behaves is served all the while.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodePacket } from '../../src/mqtt/encode.ts';
import { PublishEncoder } from '../../src/mqtt/encode-publish.ts';
import type { ProtocolVersion } from '../../src/mqtt/packets.ts';
import { connect, disconnect, MqttBench, type MqttPeer, quiet, subscribe, will } from '../support/mqtt.ts';
import { greeting, outgoingPublish, packetFrom } from '../unit/mqtt/codec/arbitraries.ts';
import { Sink } from '../unit/mqtt/codec/support.ts';
import { Chance, damaged, type FuzzOptions, type FuzzReport } from './fuzzer.ts';

const SAMPLES = 300;
const CLIENT_IDS = 8;
/** Peers of one turn. */
const BATCH = 20;
/** Batches between two looks at whether the others are served. */
const BATCHES_PER_CHECK = 5;
const PACKET_BYTES_MAX = 5_000;

interface Corpus {
  readonly greetings: readonly Buffer[];
  readonly packets: readonly Buffer[];
}

/** @throws AssertionError - with seed and number of the input, and its bytes when it was the one. */
export async function fuzzMqttConnection({ seed, count }: FuzzOptions): Promise<FuzzReport> {
  const chance = new Chance(seed);
  const corpora = ([3, 4, 5] as const).map((version) => corpus(version, seed));
  const bench = await MqttBench.start({ settings: { packetBytesMax: PACKET_BYTES_MAX, connectTimeoutMs: 60_000 } });
  const witness = await (await bench.connected({ clientId: 'witness', username: 'witness' })).subscribed({ filter: 'witness/#' });
  const silent: MqttPeer[] = [];
  for (let input = 0; input < count; input += BATCH) {
    const when = `seed ${seed}, inputs from ${input}`;
    const peers = Array.from({ length: Math.min(BATCH, count - input) }, () => play(bench.peer(), corpora, { chance, when }));
    await quiet();
    assert.equal(bench.metric('mqtt.internal-errors'), 0, `${when}: the gateway failed by itself`);
    silent.push(...peers.filter((peer) => !leave(peer, chance)));
    await bench.clock.advanceSeconds(chance.below(100));
    if (chance.below(BATCHES_PER_CHECK) === 0) await requireService(bench, witness, when);
  }
  for (const peer of silent) peer.link.resets();
  await quiet();
  assert.equal(bench.metric('mqtt.connections'), 1, 'connections are left behind');
  return { inputs: count, refused: bench.metric('mqtt.malformed') + bench.metric('mqtt.protocol-errors') };
}

async function requireService(bench: MqttBench, witness: MqttPeer, when: string): Promise<void> {
  const visitor = bench
    .peer(4)
    .sends(connect({ version: 4, clientId: 'visitor', username: 'visitor' }))
    .publishes('witness/x', '');
  await quiet();
  const received = (await witness.receives()).filter((packet) => packet.type === 'publish' && packet.topic === 'witness/x');
  assert.equal(received.length, 1, `${when}: a client that behaves is not served`);
  visitor.sends(disconnect());
}

/** One conversation, in pieces, sometimes with the link's own troubles in between. */
function play(peer: MqttPeer, corpora: readonly Corpus[], { chance, when }: { readonly chance: Chance; readonly when: string }): MqttPeer {
  const bytes = conversation(corpora[chance.below(corpora.length)] ?? assert.fail('no corpus'), chance);
  if (chance.below(10) === 0) peer.link.stopsReading();
  try {
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + chance.below(chance.below(4) === 0 ? 5 : bytes.length);
      peer.sends(bytes.subarray(at, at + size));
      at += size;
      if (chance.below(40) === 0) leave(peer, chance);
    }
  } catch (cause) {
    throw new assert.AssertionError({ message: `${when}: ${bytes.toString('hex')}\n${cause instanceof Error ? cause.stack : cause}` });
  }
  return peer;
}

/** Most peers go without a goodbye. @returns false for the few that stay, silent. */
function leave(peer: MqttPeer, chance: Chance): boolean {
  const way = chance.below(20);
  if (way === 0) return false;
  if (way < 12) {
    peer.link.readsAgain();
    peer.link.ends();
  } else {
    peer.link.resets();
  }
  return true;
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
