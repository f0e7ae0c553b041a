import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binaryFrame, closeFrame, FRAME_HEADER_BYTES_MAX, FrameDecoder, pongFrame } from '../../../src/transport/websocket-frames.ts';
import { OutBuffer } from '../../../src/wire/out-buffer.ts';
import { type ClientFrame, clientFrame, closing, OPCODE } from '../../support/websocket-frames.ts';

const PAYLOAD_BYTES_MAX = 100_000;

/** What comes out when `bytes` arrive cut at `cuts`. */
function decoded(bytes: Buffer, cuts: readonly number[] = []) {
  const pings: string[] = [];
  const decoder = new FrameDecoder(PAYLOAD_BYTES_MAX, (payload) => pings.push(payload.toString()));
  const parts: Buffer[] = [];
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (const [index, edge] of edges.entries()) parts.push(Buffer.from(decoder.decode(Buffer.from(bytes.subarray(edges[index - 1] ?? 0, edge)))));
  return { payload: Buffer.concat(parts), pings, end: decoder.end };
}

const everyByte = (bytes: Buffer): number[] => Array.from(bytes, (_, index) => index);
const binary = (payload: Uint8Array, more: Partial<ClientFrame> = {}): Buffer => clientFrame({ opcode: OPCODE.binary, payload, ...more });

describe('RFC 6455 §5.7 examples', () => {
  test('a masked ping with "Hello"', () => {
    expect(decoded(Buffer.from('898537fa213d7f9f4d5158', 'hex'))).toEqual({ payload: Buffer.alloc(0), pings: ['Hello'], end: undefined });
  });

  test('the payload of its masked text message, as binary', () => {
    expect(decoded(Buffer.from('828537fa213d7f9f4d5158', 'hex')).payload.toString()).toBe('Hello');
  });

  test('an unmasked pong with "Hello"', () => {
    expect(pongFrame(Buffer.from('Hello')).toString('hex')).toBe('8a0548656c6c6f');
  });

  test.each([
    [0, '8200'],
    [125, '827d'],
    [126, '827e007e'],
    [256, '827e0100'],
    [65_535, '827effff'],
    [65_536, '827f0000000000010000'],
  ])('a binary message of %i bytes begins with %s', (size, header) => {
    const out = new OutBuffer(FRAME_HEADER_BYTES_MAX + size);
    out.bytes.fill(0x61);
    out.length = FRAME_HEADER_BYTES_MAX + size;
    const frame = binaryFrame(out);
    expect(frame.toString('hex', 0, header.length / 2)).toBe(header);
    expect(frame.subarray(header.length / 2).equals(Buffer.alloc(size, 0x61))).toBe(true);
  });

  test.each([
    [1000, '880203e8'],
    [undefined, '8800'],
  ])('a close frame with status %s is %s', (status, hex) => {
    expect(closeFrame(status).toString('hex')).toBe(hex);
  });
});

describe('MQTT-6.0.0-2 of 5.0 and 3.1.1: packets and frames need not be aligned', () => {
  const payloads = [Buffer.from('10'), Buffer.alloc(0), Buffer.alloc(125, 1), Buffer.alloc(126, 2), Buffer.alloc(65_536, 3)];
  const whole = Buffer.concat(payloads);

  test('frames of every kind of length', () => {
    expect(decoded(Buffer.concat(payloads.map((payload) => binary(payload)))).payload.equals(whole)).toBe(true);
  });

  test('the fragments of one message, with control frames between them', () => {
    const frames = payloads.map((payload, index) =>
      clientFrame({ opcode: index === 0 ? OPCODE.binary : OPCODE.continuation, payload, isFinal: index === payloads.length - 1 }),
    );
    const between = [clientFrame({ opcode: OPCODE.ping, payload: Buffer.from('p') }), clientFrame({ opcode: OPCODE.pong })];
    const { payload, pings, end } = decoded(Buffer.concat(frames.flatMap((frame) => [frame, ...between])));
    expect(payload.equals(whole)).toBe(true);
    expect(pings).toEqual(['p', 'p', 'p', 'p', 'p']);
    expect(end).toBeUndefined();
  });

  test('however long the way a length is written', () => {
    expect(decoded(Buffer.concat([binary(Buffer.from('a'), { lengthBytes: 2 }), binary(Buffer.from('b'), { lengthBytes: 8 })])).payload.toString()).toBe('ab');
  });

  test('byte by byte', () => {
    const bytes = Buffer.concat([binary(Buffer.alloc(300, 7)), clientFrame({ opcode: OPCODE.ping, payload: Buffer.from('ping') }), closing(1000, 'bye')]);
    const { payload, pings, end } = decoded(bytes, everyByte(bytes));
    expect(payload.equals(Buffer.alloc(300, 7))).toBe(true);
    expect(pings).toEqual(['ping']);
    expect(end).toEqual({ kind: 'closed', status: 1000 });
  });

  test('any payloads under any masks, cut anywhere', () => {
    const frames = fc.array(fc.record({ payload: fc.uint8Array({ maxLength: 200 }), mask: fc.integer({ min: 0, max: 0xffff_ffff }) }), { maxLength: 8 });
    fc.assert(
      fc.property(frames, fc.array(fc.nat(2_000), { maxLength: 12 }), (all, cuts) => {
        const { payload, end } = decoded(Buffer.concat(all.map((frame) => binary(frame.payload, frame))), cuts);
        expect(payload.equals(Buffer.concat(all.map((frame) => frame.payload)))).toBe(true);
        expect(end).toBeUndefined();
      }),
    );
  });

  test('any bytes at all end in a payload no longer than they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300), { maxLength: 5 }), (bytes, cuts) => {
        expect(decoded(Buffer.from(bytes), cuts).payload.length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe('what breaks the rules ends the frames, after the payload before it', () => {
  const long = Buffer.alloc(126);
  test.each<[string, Buffer, number]>([
    ['MQTT-6.0.0-1 of 5.0 and 3.1.1: a text frame', clientFrame({ opcode: OPCODE.text, payload: Buffer.from('text') }), 1003],
    ['MQTT-6.0.0-1 of 5.0 and 3.1.1: a text message in fragments', clientFrame({ opcode: OPCODE.text, isFinal: false }), 1003],
    ['§5.1: a frame without mask', binary(Buffer.from('a'), { mask: undefined }), 1002],
    ['§5.2: RSV1, as compression would set it', binary(Buffer.from('a'), { reserved: 0x40 }), 1002],
    ['§5.2: RSV2', binary(Buffer.from('a'), { reserved: 0x20 }), 1002],
    ['§5.2: RSV3', binary(Buffer.from('a'), { reserved: 0x10 }), 1002],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer, number] => [`§5.2: opcode ${opcode}`, clientFrame({ opcode }), 1002]),
    ['§5.4: a continuation of nothing', clientFrame({ opcode: OPCODE.continuation }), 1002],
    ['§5.4: a message within a message', Buffer.concat([binary(long, { isFinal: false }), binary(long)]), 1002],
    ['§5.5: a ping in fragments', clientFrame({ opcode: OPCODE.ping, isFinal: false }), 1002],
    ['§5.5: a ping of 126 bytes', clientFrame({ opcode: OPCODE.ping, payload: long }), 1002],
    ['§5.5: a close frame of 126 bytes', clientFrame({ opcode: OPCODE.close, payload: long }), 1002],
    ['§5.5.1: a close frame of one byte', clientFrame({ opcode: OPCODE.close, payload: Buffer.from([3]) }), 1002],
    ...[0, 999, 1004, 1005, 1006, 1015, 2999, 5000].map((status): [string, Buffer, number] => [`§7.4: status ${status}`, closing(status), 1002]),
    ['a frame above the maximum', binary(Buffer.alloc(0), { length: BigInt(PAYLOAD_BYTES_MAX + 1) }), 1009],
    ['a frame of 4 GiB', binary(Buffer.alloc(0), { length: 2n ** 32n }), 1009],
    ['a frame of 2^64 - 1 bytes', binary(Buffer.alloc(0), { length: 2n ** 64n - 1n }), 1009],
  ])('%s', (_, bytes, status) => {
    const before = binary(Buffer.from('before'));
    const all = Buffer.concat([before, bytes, binary(Buffer.from('after'))]);
    for (const cuts of [[], everyByte(all)]) {
      const { payload, end } = decoded(all, cuts);
      expect(end).toMatchObject({ kind: 'violation', status });
      expect(payload.toString('latin1')).toMatch(/^before\0*$/);
    }
  });

  test.each([1000, 1001, 1003, 1007, 1014, 3000, 4999])('status %i closes', (status) => {
    expect(decoded(Buffer.concat([closing(status, 'why'), binary(Buffer.from('after'))]))).toEqual({
      payload: Buffer.alloc(0),
      pings: [],
      end: { kind: 'closed', status },
    });
  });

  test('a close frame without a status closes', () => {
    expect(decoded(clientFrame({ opcode: OPCODE.close })).end).toEqual({ kind: 'closed', status: undefined });
  });
});
