import { describe, expect, test } from 'vitest';
import { pskKey, pskTable } from '../../../src/transport/psk-file.ts';

describe('a file of pre-shared keys', () => {
  test.each([
    ['valve:00ff', { valve: '00ff' }],
    ['valve:00FF\n', { valve: '00ff' }],
    ['# a comment\r\n\r\nvalve:01\r\n', { valve: '01' }],
    ['urn:dev:7:01', { 'urn:dev:7': '01' }],
    ['Ventil Süd:01', { 'Ventil Süd': '01' }],
    [`${'i'.repeat(256)}:${'ab'.repeat(512)}`, { ['i'.repeat(256)]: 'ab'.repeat(512) }],
  ])('%j', (text, keys) => {
    const found = [...pskTable(text, 'keys')].map(([identity, key]) => [identity, key.toString('hex')]);
    expect(Object.fromEntries(found)).toEqual(keys);
  });

  test.each([
    ['valve', 'keys, line 1: must be identity:key with the key in hexadecimal'],
    [':01', 'keys, line 1: must be identity:key with the key in hexadecimal'],
    ['valve:', 'keys, line 1: must be identity:key with the key in hexadecimal'],
    ['valve:0', 'keys, line 1: must be identity:key with the key in hexadecimal'],
    ['\na:01\nvalve:0x01', 'keys, line 3: must be identity:key with the key in hexadecimal'],
    ['valve: 01', 'keys, line 1: must be identity:key with the key in hexadecimal'],
    [`${'i'.repeat(257)}:01`, 'keys, line 1: an identity has at most 256 bytes'],
    [`valve:${'ab'.repeat(513)}`, 'keys, line 1: a key has at most 512 bytes'],
    ['a:01\nb:02\na:03', 'keys, line 3: the identity has a key already'],
    ['', 'keys holds no key: each has a line identity:key'],
  ])('%j: %s', (text, message) => {
    expect(() => pskTable(text, 'keys')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }));
  });
});

describe('a file with one key', () => {
  test('holds it in its first line', () => {
    expect(pskKey('00FF\r\nwhatever', 'key').toString('hex')).toBe('00ff');
  });

  test.each([
    ['', 'key must hold the key in hexadecimal, in its first line'],
    ['greenhouse:00ff', 'key must hold the key in hexadecimal, in its first line'],
    ['ab'.repeat(513), 'key: a key has at most 512 bytes'],
  ])('%j: %s', (text, message) => {
    expect(() => pskKey(text, 'key')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message }));
  });
});
