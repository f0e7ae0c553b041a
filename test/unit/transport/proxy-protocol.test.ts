import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MalformedPacketError } from '../../../src/model/errors.ts';
import { PROXY_HEADER_BYTES_MAX } from '../../../src/model/limits.ts';
import { type ParsedProxyHeader, ProxyHeaderParser, type ProxyVersions } from '../../../src/transport/proxy-protocol.ts';
import type { ProxyHeader } from '../../../src/transport/proxy-protocol-v2.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const CONNECT = Buffer.from('101000044d5154540402003c000474657374', 'hex');
const FROM_V4 = { source: { host: '192.0.2.7', port: 49_152 } };
const TCP4 = 'c0000207 c6336401 c000 075b';
const TCP6 = '20010db8000000000000000000000007 20010db8000000000000000000000001 c000 075b';

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** A header of version 2; what there is but the addresses is given as text of type and value. */
function v2(versionAndCommand: string, family: string, rest: string | Buffer): Buffer {
  const body = typeof rest === 'string' ? hex(rest) : rest;
  const size = Buffer.alloc(2);
  size.writeUInt16BE(body.length);
  return Buffer.concat([hex(SIGNATURE + versionAndCommand + family), size, body]);
}

function field(type: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([type, bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function tls(client: number, verify: number, ...fields: Buffer[]): Buffer {
  return field(0x20, Buffer.concat([Buffer.from([client, 0, 0, 0, verify]), ...fields]));
}

function withFields(...fields: Buffer[]): Buffer {
  return v2('21', '11', Buffer.concat([hex(TCP4), ...fields]));
}

function parse(bytes: Buffer, versions: ProxyVersions = 'both'): ParsedProxyHeader | undefined {
  return new ProxyHeaderParser(versions).push(bytes);
}

const VALID: readonly (readonly [string, Buffer, ProxyHeader])[] = [
  ['§2.1 TCP4', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 49152 1883\r\n'), FROM_V4],
  ['§2.1 TCP6', Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 49152 1883\r\n'), { source: { host: '2001:db8::7', port: 49_152 } }],
  ['§2.1 TCP6, written at length', Buffer.from('PROXY TCP6 2001:DB8:0:0::0007 ::1 49152 1883\r\n'), { source: { host: '2001:db8::7', port: 49_152 } }],
  ['§2.1 the longest line', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(91)}\r\n`), {}],
  ['§2.1 UNKNOWN alone', Buffer.from('PROXY UNKNOWN\r\n'), {}],
  ['§2.1 UNKNOWN: what follows is ignored', Buffer.from('PROXY UNKNOWN 1 2 3\r\n'), {}],
  ['§2.2 TCP over IPv4', v2('21', '11', TCP4), FROM_V4],
  ['§2.2 TCP over IPv6', v2('21', '21', TCP6), { source: { host: '2001:db8::7', port: 49_152 } }],
  [
    '§2.2 an IPv4 address in IPv6 form',
    v2('21', '21', TCP6.replace('20010db8000000000000000000000007', '00000000000000000000ffffc0000207')),
    { source: { host: '::ffff:192.0.2.7', port: 49_152 } },
  ],
  ['§2.2 LOCAL: the proxy speaks for itself', v2('20', '00', ''), {}],
  ['§2.2 LOCAL: addresses are skipped', v2('20', '11', TCP4), {}],
  ['§2.2 UNSPEC', v2('21', '00', ''), {}],
  ['§2.2 a Unix socket of the proxy', v2('21', '31', Buffer.alloc(216, 'a')), {}],
  ['§2.2.1 unknown types and NOOP are skipped', withFields(field(0x04, 'xxx'), field(0xe0, ''), field(0x05, 'id')), FROM_V4],
  ['§2.2.2 authority', withFields(field(0x02, 'API.Example.org')), { ...FROM_V4, serverName: 'api.example.org' }],
  ['§2.2.5 a verified certificate', withFields(tls(0x07, 0, field(0x21, 'TLSv1.3'), field(0x22, 'valve-1'))), { ...FROM_V4, commonName: 'valve-1' }],
  ['§2.2.5 a certificate of the session', withFields(tls(0x05, 0, field(0x22, 'Grün'))), { ...FROM_V4, commonName: 'Grün' }],
  ['§2.2.5 TLS without a certificate', withFields(tls(0x01, 0, field(0x22, 'valve-1'))), FROM_V4],
  ['§2.2.5 a certificate that did not verify', withFields(tls(0x07, 1, field(0x22, 'valve-1'))), FROM_V4],
  ['§2.2.5 no TLS at all', withFields(tls(0x06, 0, field(0x22, 'valve-1'))), FROM_V4],
  ['§2.2.5 no common name', withFields(tls(0x07, 0, field(0x22, ''))), FROM_V4],
  ['§2.2 the largest header', v2('21', '11', Buffer.concat([hex(TCP4), field(0x04, Buffer.alloc(PROXY_HEADER_BYTES_MAX - 16 - 12 - 3))])), FROM_V4],
];

describe('PROXY protocol, what a proxy says', () => {
  test.each(VALID)('%s', (_, bytes, header) => {
    expect(parse(bytes)?.header).toEqual(header);
  });

  test.each(VALID)('%s, cut anywhere, and what comes behind it is the client’s', (_, bytes, header) => {
    const stream = Buffer.concat([bytes, CONNECT]);
    for (let cut = 1; cut < stream.length; cut += 1) {
      const parser = new ProxyHeaderParser('both');
      const first = parser.push(stream.subarray(0, cut));
      expect(first !== undefined, `after ${cut} bytes`).toBe(cut >= bytes.length);
      const found = first ?? parser.push(stream.subarray(cut));
      expect(found?.header).toEqual(header);
      expect(first === undefined ? found?.rest : Buffer.concat([first.rest, stream.subarray(cut)])).toEqual(CONNECT);
    }
  });

  test.each(VALID)('%s, byte by byte', (_, bytes, header) => {
    const parser = new ProxyHeaderParser('both');
    const results = [...bytes].map((byte) => parser.push(Buffer.from([byte])));
    expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true);
    expect(results.at(-1)).toEqual({ header, rest: Buffer.alloc(0) });
  });
});

describe('PROXY protocol, what is refused with its first wrong byte', () => {
  test.each([
    ['§2 MQTT without a header', CONNECT.subarray(0, 1)],
    ['§2 a ClientHello', hex('16')],
    ['§2 nearly version 1', Buffer.from('PROXX')],
    ['§2 nearly version 2', hex('0d0a0d0a000d0a515549540b')],
    ['§2.1 another family', Buffer.from('PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n')],
    ['§2.1 lower case', Buffer.from('PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n')],
    ['§2.1 IPv6 said to be IPv4', Buffer.from('PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n')],
    ['§2.1 IPv4 said to be IPv6', Buffer.from('PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n')],
    ['§2.1 a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 2001:db8::1 1 2\r\n')],
    ['§2.1 a name', Buffer.from('PROXY TCP4 localhost 198.51.100.1 1 2\r\n')],
    ['§2.1 heading zeroes in an address', Buffer.from('PROXY TCP4 192.0.02.7 198.51.100.1 1 2\r\n')],
    ['§2.1 heading zeroes in a port', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n')],
    ['§2.1 a port above 65535', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n')],
    ['§2.1 no ports', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1\r\n')],
    ['§2.1 two spaces', Buffer.from('PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n')],
    ['§2.1 more than that', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n')],
    ['§2.1 CR without LF', Buffer.from('PROXY UNKNOWN\r.')],
    ['§2.1 no end within 107 bytes', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(92)}`)],
    ['§2.1 an end behind 107 bytes', Buffer.from(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`)],
    ['§2.2 version 1 in the form of version 2', v2('11', '11', TCP4)],
    ['§2.2 version 3', v2('31', '11', TCP4)],
    ['§2.2 an unknown command', v2('22', '11', TCP4)],
    ['§2.2 datagrams', v2('21', '12', TCP4)],
    ['§2.2 an unknown family', v2('21', '41', TCP4)],
    ['§2.2 IPv4 cut short', v2('21', '11', TCP4.slice(0, -2))],
    ['§2.2 IPv6 cut short', v2('21', '21', TCP4)],
    ['§2.2 longer than is read', v2('21', '11', Buffer.alloc(PROXY_HEADER_BYTES_MAX - 15)).subarray(0, 16)],
    ['§2.2.1 half a field', withFields(hex('0400'))],
    ['§2.2.1 a field beyond the header', withFields(hex('040002ff'))],
    ['§2.2.2 an authority that is not UTF-8', withFields(field(0x02, hex('ff')))],
    ['§2.2.5 PP2_TYPE_SSL too short', withFields(field(0x20, hex('07000000')))],
    ['§2.2.5 a field beyond PP2_TYPE_SSL', withFields(tls(0x07, 0, hex('2200ff61')))],
    ['§2.2.5 a common name that is not UTF-8', withFields(tls(0x07, 0, field(0x22, hex('c3'))))],
  ])('%s', (_, bytes) => {
    expect(() => parse(bytes)).toThrow(MalformedPacketError);
  });

  test.each([
    ['v1', v2('21', '11', TCP4)],
    ['v2', Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 49152 1883\r\n')],
  ] as const)('the version that is not expected, where only %s is', (versions, bytes) => {
    expect(() => parse(bytes.subarray(0, 1), versions)).toThrow(MalformedPacketError);
  });
});

describe('PROXY protocol, whatever comes', () => {
  const any = fc.uint8Array({ maxLength: 300 });
  const start = fc.constantFrom('', SIGNATURE, `${SIGNATURE}2111`, Buffer.from('PROXY ').toString('hex'), Buffer.from('PROXY TCP4 ').toString('hex'));

  test('it is a header, the beginning of one, or malformed, however it is cut', () => {
    fc.assert(
      fc.property(start, any, fc.array(fc.nat(300), { maxLength: 5 }), (prefix, tail, cuts) => {
        const bytes = Buffer.concat([hex(prefix), tail]);
        const whole = verdict([bytes]);
        const edges = [0, ...cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
        expect(verdict(edges.slice(1).map((end, index) => bytes.subarray(edges[index], end)))).toEqual(whole);
      }),
      { numRuns: 2_000 },
    );
  });

  test('any IPv4 address and port of version 1 is read as it is written', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(65_535), (host, port) => {
        expect(parse(Buffer.from(`PROXY TCP4 ${host} 192.0.2.1 ${port} 1883\r\n`))?.header).toEqual({ source: { host, port } });
      }),
    );
  });
});

/** The header and how much is left behind it; `malformed`; or `unfinished`. */
function verdict(parts: readonly Buffer[]): unknown {
  const parser = new ProxyHeaderParser('both');
  let rest = 0;
  let header: ProxyHeader | undefined;
  try {
    for (const part of parts) {
      if (header !== undefined) rest += part.length;
      else {
        const parsed = parser.push(part);
        header = parsed?.header;
        rest = parsed?.rest.length ?? 0;
      }
    }
  } catch (error) {
    if (!(error instanceof MalformedPacketError)) throw error;
    return 'malformed';
  }
  return header === undefined ? 'unfinished' : { header, rest };
}
