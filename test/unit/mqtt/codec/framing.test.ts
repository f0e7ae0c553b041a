import { describe, expect, test } from 'vitest';
import { MqttDecoder } from '../../../../src/mqtt/codec.ts';
import type { DecodedPacket, MqttVisitor, ProtocolVersion } from '../../../../src/mqtt/packets.ts';
import { bytes, Collector, decoded, greeted, packet, protocol, refusal, text } from './support.ts';

type Role = 'server' | 'client';

const CONNECT = packet('10', protocol(4), '02 003c', text('c'));
const PINGREQ = bytes('c0 00');
const PUBLISH = packet('30', text('t'), 'ff'.repeat(200));

function server(packetBytesMax = 1000) {
  return new MqttDecoder({ role: 'server', packetBytesMax });
}

describe('whose turn it is', () => {
  test.each<[clause: string, meaning: string, reasonCode: number, input: Buffer]>([
    ['MQTT-3.1.0-1', 'PUBLISH first', 0x82, PUBLISH],
    ['MQTT-3.1.0-1', 'PINGREQ first', 0x82, PINGREQ],
    ['MQTT-3.1.0-1', 'another protocol, long before its packet would end', 0x82, Buffer.from('GET / HTTP/1.1')],
    ['MQTT-3.1.0-2', 'a second CONNECT', 0x82, Buffer.concat([CONNECT, CONNECT])],
    ['MQTT 5 §2.1.2', 'packet type 0', 0x81, bytes('00 00')],
  ])('at a server %s: %s', (clause, _meaning, reasonCode, input) => {
    expect(refusal(() => server().push(input, new Collector()))).toMatchObject({ clause, reasonCode });
  });

  test.each<[clause: string, meaning: string, version: ProtocolVersion, input: Buffer]>([
    ['MQTT-3.2.0-1', 'PINGRESP first', 5, bytes('d0 00')],
    ['MQTT-3.2.0-1', '3.1.1: AUTH first', 4, bytes('f0 00')],
    ['MQTT-3.2.0-2', 'a second CONNACK', 4, bytes('20 02 00 00 20 02 00 00')],
  ])('at a client %s: %s', (clause, _meaning, version, input) => {
    const decoder = new MqttDecoder({ role: 'client', packetBytesMax: 1000, version });
    expect(refusal(() => decoder.push(input, new Collector()))).toMatchObject({ clause, reasonCode: 0x82 });
  });

  test('5.0: AUTH may come before CONNACK', () => {
    const collector = new Collector();
    new MqttDecoder({ role: 'client', packetBytesMax: 1000, version: 5 }).push(bytes('f0 00 20 03 00 00 00'), collector);
    expect(collector.seen.map(({ type }) => type)).toEqual(['auth', 'connack']);
  });

  test.each<[Role, ProtocolVersion, name: string, input: Buffer]>([
    ['server', 4, 'CONNACK', bytes('20 02 00 00')],
    ['server', 4, 'SUBACK', bytes('90 03 0001 00')],
    ['server', 5, 'UNSUBACK', bytes('b0 04 0001 00 00')],
    ['server', 5, 'PINGRESP', bytes('d0 00')],
    ['client', 4, 'CONNECT', CONNECT],
    ['client', 4, 'SUBSCRIBE', packet('82', '0001', text('a'), '00')],
    ['client', 5, 'UNSUBSCRIBE', packet('a2', '0001 00', text('a'))],
    ['client', 5, 'PINGREQ', PINGREQ],
    ['client', 4, 'DISCONNECT of 3.1.1', bytes('e0 00')],
  ])('a %s of version %i is not sent %s', (role, version, _name, input) => {
    expect(refusal(() => decoded(role, version, input))).toMatchObject({ clause: 'MQTT 5 §2.1.2', reasonCode: 0x82 });
  });

  test.each<[ProtocolVersion, string]>([
    [4, 'f0 00'],
    [3, 'f0 00'],
    [5, '00 00'],
  ])('version %i has no packet type %s', (version, hex) => {
    expect(refusal(() => decoded('server', version, bytes(hex)))).toMatchObject({ clause: 'MQTT 5 §2.1.2', reasonCode: 0x81 });
  });
});

describe('Remaining Length (MQTT 5 §2.1.4)', () => {
  test.each([
    ['MQTT-1.5.5-1', 'two bytes where one does', 'c0 8000'],
    ['MQTT-1.5.5-1', 'three bytes where two do', '30 ff8000'],
    ['MQTT 5 §2.1.4', 'five bytes', 'c0 8080808001'],
    ['MQTT 5 §2.1.4', 'a fifth byte to come', 'c0 ffffffff'],
  ])('%s: %s; closed without an answer', (clause, _meaning, hex) => {
    expect(refusal(() => decoded('server', 5, bytes(hex)))).toMatchObject({ clause, reasonCode: 0x81, closesSilently: true });
  });

  test.each([127, 128, 16_383, 16_384, 2_097_151, 2_097_152])('%i bytes', (length) => {
    const input = packet('30', text('t'), '00'.repeat(length - 3));
    const collector = new Collector();
    greeted('server', 4, 3_000_000).push(input, collector);
    expect(collector.seen).toMatchObject([{ payload: '00'.repeat(length - 3) }]);
  });

  test('0x95 beyond the largest packet, told by its fixed header alone', () => {
    const decoder = greeted('server', 5, 200);
    const collector = new Collector();
    decoder.push(packet('30', text('t'), '00', '61'.repeat(200 - 3 - 4)), collector); // 200 bytes in all
    expect(collector.seen).toHaveLength(1);
    expect(refusal(() => decoder.push(bytes('30 c601'), collector))).toMatchObject({ reasonCode: 0x95, closesSilently: false });
  });
});

describe('before CONNECT', () => {
  test('CONNECT may have 256 KiB, whatever later packets may have', () => {
    const decoder = server(2_000_000);
    decoder.push(bytes('10 fcff0f'), new Collector());
    expect(decoder.bufferedBytes).toBe(64);
    expect(refusal(() => server(2_000_000).push(bytes('10 fdff0f'), new Collector()))).toMatchObject({ reasonCode: 0x95 });
  });

  test('a smaller packet limit holds for CONNECT too', () => {
    expect(refusal(() => server(15).push(packet('10', protocol(4), '02 003c', text('cc')), new Collector()))).toMatchObject({ reasonCode: 0x95 });
  });
});

describe('chunks', () => {
  const stream = Buffer.concat([CONNECT, PUBLISH, PINGREQ, packet('82', '0001', text('a/b'), '01'), PUBLISH, bytes('40 02 0001 e0 00')]);
  const whole = new Collector();
  server().push(stream, whole);

  test.each(Array.from({ length: stream.length }, (_, index) => index + 1))('of %i bytes give the same packets', (size) => {
    const collector = new Collector();
    const decoder = server();
    for (let at = 0; at < stream.length; at += size) decoder.push(stream.subarray(at, at + size), collector);
    expect(collector.seen).toEqual(whole.seen);
    expect(decoder.bufferedBytes).toBe(0);
  });

  test('what is kept of a packet grows with what came, never beyond the largest packet', () => {
    const decoder = greeted('server', 4, 1000);
    const input = packet('30', text('t'), 'ff'.repeat(994));
    expect(input.length).toBe(1000);
    const kept = [0, 1, 2, 3, 63, 128, 528].map((from, index, starts) => {
      decoder.push(input.subarray(from, starts[index + 1] ?? 999), new Collector());
      return decoder.bufferedBytes;
    });
    expect(kept).toEqual([64, 64, 64, 64, 128, 528, 1000]);
  });

  test('the rest is a copy: the chunk may change', () => {
    const decoder = greeted('server', 4);
    const collector = new Collector();
    const first = Buffer.from(PUBLISH.subarray(0, 50));
    decoder.push(first, collector);
    first.fill(0);
    decoder.push(PUBLISH.subarray(50), collector);
    expect(collector.seen).toMatchObject([{ topic: 't', payload: 'ff'.repeat(200) }]);
  });
});

/** Pauses its decoder at each packet of a type. */
class Pausing extends Collector {
  readonly #decoder: MqttDecoder;
  readonly #at: string;

  constructor(decoder: MqttDecoder, at: string) {
    super();
    this.#decoder = decoder;
    this.#at = at;
  }

  override onPacket(seen: DecodedPacket): void {
    super.onPacket(seen);
    if (seen.type === this.#at) this.#decoder.pause();
  }

  get types(): readonly string[] {
    return this.seen.map(({ type }) => type);
  }
}

describe('pause and resume', () => {
  test('a CONNECT is judged while the rest of the chunk, and later ones, wait', () => {
    const decoder = server();
    const visitor = new Pausing(decoder, 'connect');
    decoder.push(Buffer.concat([CONNECT, PUBLISH, PINGREQ.subarray(0, 1)]), visitor);
    decoder.push(PINGREQ.subarray(1), visitor);
    expect(visitor.types).toEqual(['connect']);
    decoder.resume(visitor);
    expect(visitor.types).toEqual(['connect', 'publish', 'pingreq']);
    expect(decoder.bufferedBytes).toBe(0);
  });

  test('again and again', () => {
    const decoder = server();
    const visitor = new Pausing(decoder, 'pingreq');
    decoder.push(Buffer.concat([CONNECT, PINGREQ, PINGREQ, PUBLISH, PINGREQ]), visitor);
    expect(visitor.types).toEqual(['connect', 'pingreq']);
    decoder.resume(visitor);
    expect(visitor.types).toEqual(['connect', 'pingreq', 'pingreq']);
    decoder.resume(visitor);
    expect(visitor.types).toEqual(['connect', 'pingreq', 'pingreq', 'publish', 'pingreq']);
  });

  test('a packet cut by the pause is completed after it', () => {
    const decoder = server();
    const visitor = new Pausing(decoder, 'connect');
    decoder.push(Buffer.concat([CONNECT, PUBLISH.subarray(0, 100)]), visitor);
    decoder.resume(visitor);
    decoder.push(PUBLISH.subarray(100), visitor);
    expect(visitor.types).toEqual(['connect', 'publish']);
  });

  test('a pause at the last byte keeps nothing', () => {
    const decoder = server();
    const visitor = new Pausing(decoder, 'connect');
    decoder.push(CONNECT, visitor);
    expect(decoder.bufferedBytes).toBe(0);
    decoder.resume(visitor);
    decoder.push(PINGREQ, visitor);
    expect(visitor.types).toEqual(['connect', 'pingreq']);
  });

  test('inside one visit they leave the view as it is', () => {
    const decoder = greeted('server', 4);
    const payloads: string[] = [];
    const visitor = new Collector();
    visitor.onPublish = (view) => {
      decoder.pause();
      decoder.resume(visitor);
      payloads.push(view.payload().toString('hex'));
    };
    decoder.push(Buffer.concat([PUBLISH, PUBLISH]), visitor);
    expect(payloads).toEqual(['ff'.repeat(200), 'ff'.repeat(200)]);
  });

  test('resume without pause does nothing', () => {
    const decoder = greeted('server', 4);
    decoder.push(PINGREQ.subarray(0, 1), new Collector());
    decoder.resume(new Collector());
    const collector = new Collector();
    decoder.push(PINGREQ.subarray(1), collector);
    expect(collector.seen).toEqual([{ type: 'pingreq' }]);
  });

  test('one read and the largest packet are kept while paused; a byte more is 0x97', () => {
    const decoder = greeted('server', 4, 1000);
    decoder.pause();
    decoder.push(Buffer.alloc(66_000), new Collector());
    decoder.push(Buffer.alloc(536), new Collector());
    expect(decoder.bufferedBytes).toBe(66_536);
    expect(refusal(() => decoder.push(Buffer.alloc(1), new Collector()))).toMatchObject({ reasonCode: 0x97 });
    expect(decoder.bufferedBytes).toBe(0);
  });
});

describe('the end of a decoder', () => {
  test('after an error nothing is visited', () => {
    const decoder = greeted('server', 4);
    const collector = new Collector();
    refusal(() => decoder.push(bytes('c0 00 c1 00 c0 00'), collector));
    decoder.push(PINGREQ, collector);
    decoder.resume(collector);
    expect(collector.seen).toEqual([{ type: 'pingreq' }]);
  });

  test('close ends the visits in the middle of a chunk', () => {
    const decoder = greeted('server', 4);
    const seen: string[] = [];
    const visitor: MqttVisitor = {
      onPublish: () => seen.push('publish'),
      onAck: () => seen.push('ack'),
      onPacket(disconnect) {
        seen.push(disconnect.type);
        decoder.close();
      },
    };
    decoder.push(Buffer.concat([bytes('40 02 0001 e0 00'), PUBLISH, PUBLISH.subarray(0, 9)]), visitor);
    decoder.push(PUBLISH, visitor);
    expect(seen).toEqual(['ack', 'disconnect']);
    expect(decoder.bufferedBytes).toBe(0);
  });

  test('what a visitor throws rises, and closes', () => {
    const decoder = greeted('server', 4);
    const failing: MqttVisitor = {
      onPublish() {},
      onAck() {},
      onPacket() {
        throw new RangeError('not my day');
      },
    };
    expect(() => decoder.push(Buffer.concat([PINGREQ, PINGREQ]), failing)).toThrow('not my day');
    const collector = new Collector();
    decoder.push(PINGREQ, collector);
    expect(collector.seen).toEqual([]);
  });
});
