import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/model/errors.ts';
import { ByteReader } from '../../../src/wire/byte-reader.ts';
import { ByteWriter } from '../../../src/wire/byte-writer.ts';
import { putVarint, varintBytes } from '../../../src/wire/varint.ts';

const WIDEST = Number.MAX_SAFE_INTEGER;

describe('integers of variable length', () => {
  test.each([
    [0, '00'],
    [1, '01'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [16_383, 'ff7f'],
    [16_384, '808001'],
    [2 ** 32, '8080808010'],
    [WIDEST, 'ffffffffffffff0f'],
  ])('%d is %s', (value, hex) => {
    const bytes = Buffer.alloc(8);
    const end = putVarint(bytes, 0, value);
    expect(bytes.subarray(0, end).toString('hex')).toBe(hex);
    expect(varintBytes(value)).toBe(end);
    expect(new ByteReader(bytes, 0, end).varint()).toBe(value);
  });

  test('take as many bytes as they say', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(putVarint(Buffer.alloc(8), 0, value)).toBe(varintBytes(value));
      }),
    );
  });

  test('without an end are refused', () => {
    expect(() => new ByteReader(Buffer.alloc(20, 0xff)).varint()).toThrow(GatewayError);
  });
});

describe('a writer and a reader', () => {
  test('agree, from any first buffer', () => {
    const text = fc.string({ unit: 'binary' }).filter((each) => each.isWellFormed());
    const written = fc.tuple(fc.nat(255), fc.nat(65_535), fc.nat(0xffff_ffff), fc.double(), fc.maxSafeNat(), text, fc.uint8Array());
    fc.assert(
      fc.property(fc.nat(40), written, (room, [u8, u16, u32, f64, varint, texts, blob]) => {
        const writer = new ByteWriter(Buffer.alloc(room));
        writer.u8(u8);
        writer.u16(u16);
        writer.u32(u32);
        writer.f64(f64);
        writer.varint(varint);
        writer.text(texts);
        writer.blob(blob);
        const reader = new ByteReader(Buffer.from(writer.written));
        const read = [reader.u8(), reader.u16(), reader.u32(), reader.f64(), reader.varint(), reader.text(), Uint8Array.from(reader.blob())];
        expect(read).toEqual([u8, u16, u32, f64, varint, texts, blob]);
        expect(reader.left).toBe(0);
      }),
    );
  });

  test('a view of what was written stays as it was when the buffer grows', () => {
    const writer = new ByteWriter(Buffer.alloc(4), 16);
    writer.u32(0xdead_beef);
    const view = writer.written;
    writer.u32(1);
    writer.setU32(0, 0);
    expect(view.readUInt32LE()).toBe(0xdead_beef);
    expect(writer.bytes.length).toBe(16);
  });

  test.each<[string, (reader: ByteReader) => unknown]>([
    ['u8', (reader) => reader.u8()],
    ['u16', (reader) => reader.u16()],
    ['u32', (reader) => reader.u32()],
    ['f64', (reader) => reader.f64()],
    ['raw', (reader) => reader.raw(1)],
  ])('%s does not read beyond the end it was given', (_name, read) => {
    expect(() => read(new ByteReader(Buffer.alloc(100), 50, 50))).toThrow(GatewayError);
  });

  test.each<[string, (reader: ByteReader) => unknown]>([
    ['text', (reader) => reader.text()],
    ['blob', (reader) => reader.blob()],
  ])('%s that claims more than there is is refused', (_name, read) => {
    expect(() => read(new ByteReader(Buffer.of(5, 1, 2)))).toThrow(GatewayError);
  });
});
