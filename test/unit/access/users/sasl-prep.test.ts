import { describe, expect, test } from 'vitest';
import { saslPrep } from '../../../../src/access/users/sasl-prep.ts';

describe('RFC 4013 §3: the examples', () => {
  test.each<[string, string | undefined, string]>([
    ['I\u00adX', 'IX', 'SOFT HYPHEN mapped to nothing'],
    ['user', 'user', 'no transformation'],
    ['USER', 'USER', 'case preserved'],
    ['\u00aa', 'a', 'output is NFKC, input in ISO 8859-1'],
    ['\u2168', 'IX', 'output is NFKC'],
    ['\u0007', undefined, 'prohibited character'],
    ['\u0627\u0031', undefined, 'bidirectional check'],
  ])('%j becomes %j (%s)', (text, prepared) => {
    expect(saslPrep(text)).toBe(prepared);
  });
});

describe('RFC 4013 §2', () => {
  test.each<[string, string | undefined, string]>([
    ['a\u00a0b\u3000c', 'a b c', '§2.1 non-ASCII spaces'],
    ['a\ufe0fb\ufeff', 'ab', '§2.1 commonly mapped to nothing'],
    ['\u0627\u0628', '\u0627\u0628', '§2.4 right to left throughout'],
    ['\u0627a\u0628', undefined, '§2.4 both directions'],
    ['\ue000', undefined, '§2.3 private use'],
    ['\ufffe', undefined, '§2.3 no character'],
    ['\u200e', undefined, '§2.3 changes the display'],
    ['grün', 'grün', 'composed'],
    ['gru\u0308n', 'grün', 'decomposed'],
  ])('%j becomes %j (%s)', (text, prepared) => {
    expect(saslPrep(text)).toBe(prepared);
  });
});
