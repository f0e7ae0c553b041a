// Whatever becomes of a file: each message that is still whole in it is found, none that was not written is, and what is damaged is told.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { frame, HEAD_BYTES, KIND } from '../../../src/carry/frame.ts';
import { type Damage, type FoundFrame, framesIn } from '../../../src/carry/frame-reader.ts';

const MARK = Buffer.from('0102030405060708', 'hex');
const OTHER_MARK = Buffer.from('a1a2a3a4a5a6a7a8', 'hex');

interface Read {
  readonly bodies: readonly string[];
  readonly damages: readonly Damage[];
}

function read(file: Buffer, chunkBytes = 7): Read {
  const chunks = Array.from({ length: Math.ceil(file.length / chunkBytes) }, (_, index) => file.subarray(index * chunkBytes, (index + 1) * chunkBytes));
  const bodies: string[] = [];
  const damages: Damage[] = [];
  for (const found of framesIn(chunks)) {
    if (isFrame(found)) bodies.push(found.body.toString('latin1'));
    else damages.push(found);
  }
  return { bodies, damages };
}

function isFrame(found: FoundFrame | Damage): found is FoundFrame {
  return 'kind' in found;
}

const file = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.string({ maxLength: 10 }).map((text) => frame(KIND.message, OTHER_MARK, Buffer.from(text)).toString('latin1')),
    ),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((bodies) => bodies.map((body) => Buffer.from(body, 'latin1').toString('latin1')))
  .map((bodies) => ({ bodies, frames: bodies.map((body) => frame(KIND.message, MARK, Buffer.from(body, 'latin1'))) }));

describe('a file that is', () => {
  test('whole gives every frame, in whatever pieces it is read', () => {
    fc.assert(
      fc.property(file, fc.integer({ min: 1, max: 64 }), ({ bodies, frames }, chunkBytes) => {
        expect(read(Buffer.concat(frames), chunkBytes)).toEqual({ bodies, damages: [] });
      }),
    );
  });

  test('cut off anywhere gives what is before, and says so', () => {
    fc.assert(
      fc.property(file, fc.nat(), ({ bodies, frames }, cut) => {
        const whole = Buffer.concat(frames);
        const at = cut % whole.length;
        const ends = frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length);
        const intact = ends.filter((end) => end <= at).length;
        const found = read(whole.subarray(0, at));
        expect(found.bodies.slice(0, intact)).toEqual(bodies.slice(0, intact));
        expect(found.damages.length > 0 || at === 0 || ends[intact - 1] === at).toBe(true);
      }),
    );
  });

  test('damaged in one frame gives all the others: flipped, overwritten, with bytes taken out or put in', () => {
    const damage = fc.oneof(
      fc
        .nat(7)
        .map(
          (bit) => (bytes: Buffer, at: number) => Buffer.concat([bytes.subarray(0, at), Buffer.from([(bytes[at] ?? 0) ^ (1 << bit)]), bytes.subarray(at + 1)]),
        ),
      fc.integer({ min: 1, max: 9 }).map((count) => (bytes: Buffer, at: number) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + count)])),
      fc
        .uint8Array({ minLength: 1, maxLength: 9 })
        .map((more) => (bytes: Buffer, at: number) => Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)])),
    );
    fc.assert(
      fc.property(file, fc.nat(), fc.nat(), damage, ({ bodies, frames }, which, where, damaged) => {
        const index = which % frames.length;
        fc.pre(frames.length > 1 && index > 0); // else its mark may be another's: the test below
        const victim = frames[index] ?? MARK;
        const changed = damaged(victim, where % (victim.length - 1));
        fc.pre(!changed.includes(victim)); // put in before it, the frame is whole
        const found = read(Buffer.concat([...frames.slice(0, index), changed, ...frames.slice(index + 1)]));
        expect(found.bodies).toEqual(bodies.filter((_, at) => at !== index));
        expect(found.damages).toHaveLength(1);
      }),
    );
  });

  test('within a payload of a file that is damaged is no part of it', () => {
    const inner = frame(KIND.message, OTHER_MARK, Buffer.from('inner'));
    const [first, second, third] = [
      frame(KIND.message, MARK, Buffer.from('first')),
      frame(KIND.message, MARK, inner),
      frame(KIND.message, MARK, Buffer.from('third')),
    ];
    second[HEAD_BYTES - 1] = (second[HEAD_BYTES - 1] ?? 0) ^ 1;
    expect(read(Buffer.concat([first, second, third]))).toEqual({ bodies: ['first', 'third'], damages: [{ offset: first.length, bytes: second.length }] });
  });

  test('something else gives nothing, and says so', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        expect(read(Buffer.from(bytes))).toEqual({ bodies: [], damages: [{ offset: 0, bytes: bytes.length }] });
      }),
    );
  });

  test('of a later version is refused; a version that was damaged is damage', () => {
    const later = frame(KIND.message, MARK, Buffer.from('later'));
    later[4] = 2;
    expect(read(later).damages).toHaveLength(1);
    later.writeUInt32LE(0, 22);
    const { crc32 } = process.getBuiltinModule('node:zlib');
    later.writeUInt32LE(crc32(later.subarray(0, 22)), 22);
    expect(() => read(later)).toThrow('version 2');
  });
});
