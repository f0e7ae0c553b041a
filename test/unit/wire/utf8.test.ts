import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inspectUtf8, type TextKind } from '../../../src/wire/utf8.ts';

const inspect = (hex: string): TextKind => {
  const bytes = Buffer.from(hex, 'hex');
  return inspectUtf8(bytes, 0, bytes.length);
};

describe('UTF-8 (Unicode 15 §3.9, table 3-7)', () => {
  test.each<[hex: string, kind: TextKind, meaning: string]>([
    ['', 'plain', 'nothing'],
    ['207e', 'plain', 'the ends of printable ASCII'],
    ['00', 'nul', 'U+0000'],
    ['6100', 'nul', 'U+0000 at the end'],
    ['01', 'discouraged', 'U+0001'],
    ['1f', 'discouraged', 'U+001F'],
    ['7f', 'discouraged', 'U+007F'],
    ['c280', 'discouraged', 'U+0080'],
    ['c29f', 'discouraged', 'U+009F'],
    ['c2a0', 'plain', 'U+00A0'],
    ['c1bf', 'ill-formed', 'overlong U+007F'],
    ['c0af', 'ill-formed', 'overlong /'],
    ['80', 'ill-formed', 'a continuation alone'],
    ['dfbf', 'plain', 'U+07FF'],
    ['e09fbf', 'ill-formed', 'overlong U+07FF'],
    ['e0a080', 'plain', 'U+0800'],
    ['ed9fbf', 'plain', 'U+D7FF'],
    ['eda080', 'ill-formed', 'U+D800'],
    ['edbfbf', 'ill-formed', 'U+DFFF'],
    ['ee8080', 'plain', 'U+E000'],
    ['efb78f', 'plain', 'U+FDCF'],
    ['efb790', 'discouraged', 'U+FDD0'],
    ['efb7af', 'discouraged', 'U+FDEF'],
    ['efbbbf', 'plain', 'U+FEFF'],
    ['efbfbd', 'plain', 'U+FFFD'],
    ['efbfbe', 'discouraged', 'U+FFFE'],
    ['efbfbf', 'discouraged', 'U+FFFF'],
    ['f08fbfbf', 'ill-formed', 'overlong U+FFFF'],
    ['f0908080', 'plain', 'U+10000'],
    ['f09fbfbe', 'discouraged', 'U+1FFFE'],
    ['f48fbfbd', 'plain', 'U+10FFFD'],
    ['f48fbfbf', 'discouraged', 'U+10FFFF'],
    ['f4908080', 'ill-formed', 'U+110000'],
    ['f5808080', 'ill-formed', 'no lead byte'],
    ['e28261', 'ill-formed', 'cut by another character'],
    ['61e282', 'ill-formed', 'cut by the end'],
    ['0180', 'ill-formed', 'ill-formed counts more than discouraged'],
  ])('%s is %s: %s', (hex, kind) => {
    expect(inspect(hex)).toBe(kind);
  });

  test('only the range counts', () => {
    expect(inspectUtf8(Buffer.from('ff6100', 'hex'), 1, 2)).toBe('plain');
    expect(inspectUtf8(Buffer.from('e282ac', 'hex'), 0, 2)).toBe('ill-formed');
  });

  test('agrees with Node about what is well-formed', () => {
    const awkward = fc.constantFrom(0x00, 0x61, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff);
    fc.assert(
      fc.property(fc.array(awkward, { maxLength: 6 }), (array) => {
        const bytes = Buffer.from(array);
        const kind = inspectUtf8(bytes, 0, bytes.length);
        expect(kind !== 'ill-formed').toBe(kind === 'nul' || isUtf8(bytes));
      }),
      { numRuns: 20_000, seed: 7 },
    );
  });
});
