// Damaged MQTT streams against the decoder: it refuses by MqttCodecError or reads; how a stream is cut into chunks, and where the decoder is
// paused, changes nothing; memory stays below its bound; and what was read can be written and read again.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MqttDecoder } from '../../src/mqtt/codec.ts';
import { encodePacket } from '../../src/mqtt/encode.ts';
import { PublishEncoder } from '../../src/mqtt/encode-publish.ts';
import {
  type AckType,
  type DecodedPacket,
  MqttCodecError,
  type Packet,
  type ProtocolVersion,
  type PublishView,
  type ReasonProperties,
} from '../../src/mqtt/packets.ts';
import { greeting, outgoingPublish, packetFrom, type Role } from '../unit/mqtt/codec/arbitraries.ts';
import { Collector, greeted, type Seen, Sink } from '../unit/mqtt/codec/support.ts';
import { Chance, damaged, type FuzzOptions, type FuzzReport, timeBox } from './fuzzer.ts';

const PACKET_BYTES_MAX = 5_000;
const READ_BYTES_MAX = 65_536;
const SAMPLES = 200;
const DIRECTIONS: readonly (readonly [Role, ProtocolVersion])[] = [3, 4, 5].flatMap((version) => [
  ['server', version as ProtocolVersion],
  ['client', version as ProtocolVersion],
]);

export interface Direction {
  /** Who reads. */
  readonly role: Role;
  readonly version: ProtocolVersion;
}

/** Streams of one direction: valid greetings, and valid packets to follow them. */
interface Corpus extends Direction {
  readonly greetings: readonly Buffer[];
  readonly packets: readonly Buffer[];
}

interface Outcome {
  readonly seen: readonly Seen[];
  readonly error: MqttCodecError | undefined;
  readonly version: ProtocolVersion | undefined;
}

/** @throws AssertionError - with seed, number and bytes of the input. */
export function fuzzMqttCodec({ seed, count, secondsMax }: FuzzOptions): FuzzReport {
  const corpora = DIRECTIONS.map(([role, version]) => corpus(role, version, seed));
  const chance = new Chance(seed);
  const isOver = timeBox(secondsMax);
  let refused = 0;
  let input = 0;
  for (; input < count && !isOver(); input += 1) {
    const from = corpora[input % corpora.length] ?? assert.fail('no corpus');
    const bytes = damaged(stream(from, chance), pick(from.packets, chance), chance);
    try {
      if (requireSound(from, bytes, chance)) refused += 1;
    } catch (cause) {
      throw new assert.AssertionError({ message: `seed ${seed}, input ${input}, ${from.role} of version ${from.version}: ${bytes.toString('hex')}\n${cause}` });
    }
  }
  return { inputs: input, refused };
}

/** True when the input was refused. @throws AssertionError - what is read depends on how it came, or cannot be written again. */
export function requireSound(from: Direction, bytes: Buffer, chance: Chance): boolean {
  const whole = decode(from, [bytes], () => new Collector());
  const chunked = decode(from, cut(bytes, chance), () => new Collector());
  assert.deepStrictEqual(chunked, whole, 'chunks change what is read');
  const paused = decode(from, cut(bytes, chance), (decoder) => new PausingCollector(decoder, chance));
  assert.deepStrictEqual(paused, whole, 'pauses change what is read');
  for (const seen of whole.seen) if (seen.type !== 'publish') rewrite(from, seen, whole.version ?? assert.fail('read without a version'));
  return whole.error !== undefined;
}

/** What the decoder makes of the chunks; only MqttCodecError may come out of it. */
function decode(from: Direction, chunks: readonly Buffer[], collectorFor: (decoder: MqttDecoder) => Collector): Outcome {
  const decoder = newDecoder(from);
  const collector = collectorFor(decoder);
  let error: MqttCodecError | undefined;
  try {
    for (const chunk of chunks) {
      decoder.push(Buffer.from(chunk), collector);
      assert.ok(decoder.bufferedBytes <= PACKET_BYTES_MAX + READ_BYTES_MAX, 'more is buffered than allowed');
    }
    while (collector instanceof PausingCollector && collector.isPaused) {
      collector.isPaused = false;
      decoder.resume(collector);
    }
    assert.ok(decoder.bufferedBytes <= PACKET_BYTES_MAX, 'more is buffered than a packet');
  } catch (thrown) {
    if (!(thrown instanceof MqttCodecError)) throw thrown;
    assert.ok(thrown.reasonCode >= 0x80 && thrown.clause !== '', 'an error without reason code or clause');
    assert.equal(decoder.bufferedBytes, 0, 'bytes are kept after an error');
    error = thrown;
  }
  return { seen: collector.seen, error, version: decoder.version };
}

/** Pauses at every other packet, by chance. */
class PausingCollector extends Collector {
  isPaused = false;
  readonly #decoder: MqttDecoder;
  readonly #chance: Chance;

  constructor(decoder: MqttDecoder, chance: Chance) {
    super();
    this.#decoder = decoder;
    this.#chance = chance;
  }

  override onPublish(view: PublishView): void {
    super.onPublish(view);
    this.#maybePause();
  }

  override onAck(type: AckType, packetId: number, reasonCode: number, properties: ReasonProperties | undefined): void {
    super.onAck(type, packetId, reasonCode, properties);
    this.#maybePause();
  }

  override onPacket(packet: DecodedPacket): void {
    super.onPacket(packet);
    this.#maybePause();
  }

  #maybePause(): void {
    if (this.#chance.below(2) === 0) return;
    this.isPaused = true;
    this.#decoder.pause();
  }
}

/** A packet that was read can be written, and is then read as the same. */
function rewrite({ role }: Direction, packet: Packet, version: ProtocolVersion): void {
  const sink = new Sink();
  assert.ok(encodePacket(packet, version, sink), 'a packet that was read cannot be written');
  const isGreeting = packet.type === 'connect' || packet.type === 'connack';
  const decoder = isGreeting ? newDecoder({ role, version }) : greeted(role, version);
  const collector = new Collector();
  decoder.push(sink.taken(), collector);
  assert.deepStrictEqual(collector.seen, [packet], 'a packet changes when it is written and read');
}

function newDecoder({ role, version }: Direction): MqttDecoder {
  return role === 'server' ? new MqttDecoder({ role, packetBytesMax: PACKET_BYTES_MAX }) : new MqttDecoder({ role, packetBytesMax: PACKET_BYTES_MAX, version });
}

function corpus(role: Role, version: ProtocolVersion, seed: number): Corpus {
  const sender = role === 'server' ? 'client' : 'server';
  const sample = { seed, numRuns: SAMPLES };
  const encoder = new PublishEncoder(version);
  const publishes = fc.sample(outgoingPublish(version, sender), sample).map((publish) => written((sink) => encoder.encode(publish, sink, PACKET_BYTES_MAX)));
  const packets = fc.sample(packetFrom(version, sender), sample).map((packet) => written((sink) => encodePacket(packet, version, sink)));
  const greetings = fc.sample(greeting(version, sender), sample).map((packet) => written((sink) => encodePacket(packet, version, sink)));
  return { role, version, greetings, packets: [...packets, ...publishes] };
}

function written(write: (sink: Sink) => boolean): Buffer {
  const sink = new Sink();
  assert.ok(write(sink));
  return sink.taken();
}

/** A greeting and up to five packets. */
function stream({ greetings, packets }: Corpus, chance: Chance): Buffer {
  return Buffer.concat([pick(greetings, chance), ...Array.from({ length: chance.below(6) }, () => pick(packets, chance))]);
}

function pick(buffers: readonly Buffer[], chance: Chance): Buffer {
  return buffers[chance.below(buffers.length)] ?? Buffer.alloc(0);
}

function cut(bytes: Buffer, chance: Chance): readonly Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + chance.below(chance.below(2) === 0 ? 4 : bytes.length);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
