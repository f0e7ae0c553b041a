import { describe, expect, test } from 'vitest';
import { nextUpdateMs } from '../../../src/transport/tls-crl.ts';

const ALGORITHM = '300a06082a8648ce3d040302';
const NOBODY = '3000';
const MADE = '170d3236303130313030303030305a';

/** A CertificateList whose signature nobody looks at. */
function list(...parts: readonly string[]): Buffer {
  return Buffer.from(sequence(sequence(parts.join('')) + ALGORITHM), 'hex');
}

function sequence(content: string): string {
  const size = content.length / 2;
  const length = size < 0x80 ? size.toString(16).padStart(2, '0') : size < 0x100 ? `81${size.toString(16)}` : `82${size.toString(16).padStart(4, '0')}`;
  return `30${length}${content}`;
}

function time(tag: '17' | '18', text: string): string {
  return tag + text.length.toString(16).padStart(2, '0') + Buffer.from(text).toString('hex');
}

describe('RFC 5280 §5.1.2.5 Next Update', () => {
  test.each([
    ['UTCTime', time('17', '350102030405Z'), '2035-01-02T03:04:05Z'],
    ['UTCTime of the last century', time('17', '500102030405Z'), '1950-01-02T03:04:05Z'],
    ['UTCTime of this one', time('17', '491231235959Z'), '2049-12-31T23:59:59Z'],
    ['GeneralizedTime', time('18', '20510102030405Z'), '2051-01-02T03:04:05Z'],
  ])('%s, in versions 1 and 2', (_, nextUpdate, expected) => {
    expect(nextUpdateMs(list(ALGORITHM, NOBODY, MADE, nextUpdate))).toBe(Date.parse(expected));
    expect(nextUpdateMs(list('020101', ALGORITHM, NOBODY, MADE, nextUpdate, sequence('00'.repeat(300))))).toBe(Date.parse(expected));
  });

  test.each([
    ['nothing follows', ''],
    ['the revoked certificates follow', NOBODY],
    ['the extensions follow', 'a000'],
  ])('none: %s', (_, rest) => {
    expect(nextUpdateMs(list('020101', ALGORITHM, NOBODY, MADE, rest))).toBeUndefined();
  });
});
