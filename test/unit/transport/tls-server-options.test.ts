import { createSecureContext, DEFAULT_CIPHERS } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { TLS_FILE_BYTES_MAX } from '../../../src/model/limits.ts';
import { contextFor, loadServerTls, type ServerTlsSettings } from '../../../src/transport/tls-server-options.ts';
import { OLD_REVOCATION_LIST, PROTECTED_KEY, REVOCATION_LIST, SERVER_IDENTITY, TEST_AUTHORITY } from '../../support/certificates.ts';
import { TLS_FILES, tlsSettings, writtenFile } from '../../support/tls-files.ts';

const { server, client, foreign, authority } = TLS_FILES;
const KEY = 'aabbccddeeff';

function load(changes: Partial<ServerTlsSettings> = {}) {
  return loadServerTls('mqtt.tls', tlsSettings(changes));
}

describe('what is wrong with a file is one sentence that names it', () => {
  const broken = writtenFile('broken.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const chain = writtenFile('chain.pem', `${SERVER_IDENTITY.cert}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`);
  const CHAIN_LINE = SERVER_IDENTITY.cert.toString().split('\n').length + 1;
  const cut = writtenFile('cut.pem', `${SERVER_IDENTITY.cert}\n-----BEGIN CERTIFICATE-----\nAAAA\n`);
  const mixed = writtenFile('mixed.key', '-----BEGIN PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----\n');
  const brokenKey = writtenFile('broken.key', 'text before\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
  const der = writtenFile('der', Buffer.from('308201', 'hex'));
  const noPem = writtenFile('no.pem', 'nothing of the kind');
  const secret = writtenFile('protected.key', PROTECTED_KEY);
  const brokenList = writtenFile('broken.crl', `${REVOCATION_LIST}\n-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n`);
  const huge = writtenFile('huge.pem', Buffer.alloc(TLS_FILE_BYTES_MAX + 1));
  const sni = [{ serverName: 'a.example', certFile: server.certFile, keyFile: foreign.keyFile }];
  test.each<[Partial<ServerTlsSettings>, RegExp]>([
    [{ certFile: '/nowhere.pem' }, /^mqtt\.tls\.certFile \(\/nowhere\.pem\) cannot be read: ENOENT/],
    [{ certFile: noPem }, /^mqtt\.tls\.certFile \(.*no\.pem\) holds no certificate in PEM form$/],
    [{ certFile: server.keyFile }, /^mqtt\.tls\.certFile \(.*server\.key\) holds no certificate in PEM form, but PRIVATE KEY$/],
    [{ certFile: der }, /^mqtt\.tls\.certFile \(.*der\) holds no certificate in PEM form: it looks like DER, which openssl turns into PEM$/],
    [{ certFile: broken }, /^mqtt\.tls\.certFile \(.*broken\.pem\), line 1: certificate 1 of 1 cannot be read: /],
    [{ certFile: chain }, new RegExp(`^mqtt\\.tls\\.certFile \\(.*chain\\.pem\\), line ${CHAIN_LINE}: certificate 2 of 2 cannot be read: `)],
    [{ certFile: cut }, new RegExp(`^mqtt\\.tls\\.certFile \\(.*cut\\.pem\\), line ${CHAIN_LINE}: BEGIN CERTIFICATE without its END$`)],
    [{ keyFile: mixed }, /^mqtt\.tls\.keyFile \(.*mixed\.key\), line 2: END RSA PRIVATE KEY without its BEGIN$/],
    [{ keyFile: server.certFile }, /^mqtt\.tls\.keyFile \(.*server\.pem\) holds no private key in PEM form, but CERTIFICATE$/],
    [{ keyFile: brokenKey }, /^mqtt\.tls\.keyFile \(.*broken\.key\), line 2: the private key cannot be read: /],
    [{ certFile: huge }, /^mqtt\.tls\.certFile \(.*huge\.pem\) has 16777217 bytes, more than is read \(16777216\)$/],
    [{ keyFile: noPem }, /^mqtt\.tls\.keyFile \(.*no\.pem\) holds no private key in PEM form$/],
    [{ keyFile: secret }, /^mqtt\.tls\.keyFile \(.*protected\.key\), line 1: the private key is protected by a passphrase, which nobody types at a start/],
    [{ keyFile: client.keyFile }, /^mqtt\.tls\.keyFile \(.*client\.key\) does not belong to the certificate in .*server\.pem$/],
    [{ caFile: server.keyFile }, /^mqtt\.tls\.caFile \(.*server\.key\) holds no certificate in PEM form, but PRIVATE KEY$/],
    [{ crlFile: authority }, /^mqtt\.tls\.crlFile \(.*ca\.pem\) holds no revocation list in PEM form, but CERTIFICATE$/],
    [{ crlFile: brokenList }, /^mqtt\.tls\.crlFile \(.*broken\.crl\), line \d+: revocation list 2 of 2 cannot be read: /],
    [{ sni }, /^mqtt\.tls\.sni\[0\]\.keyFile \(.*foreign\.key\) does not belong to the certificate in .*server\.pem$/],
    [{ ciphers: 'NO-SUCH-SUITE' }, /^mqtt\.tls\.ciphers \(NO-SUCH-SUITE\) names no cipher suite that is known here: /],
    [{ pskFile: writtenFile('empty', '# nobody yet\n') }, /^mqtt\.tls\.pskFile \(.*empty\) holds no key: each has a line identity:key$/],
    [{ pskFile: writtenFile('wrong', `a:${KEY}\nb:xyz\n`) }, /^mqtt\.tls\.pskFile \(.*wrong\), line 2: must be identity:key with the key in hexadecimal$/],
  ])('%j', (changes, message) => {
    expect(() => load(changes)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }));
  });

  test('no secret is ever part of it', () => {
    const pskFile = writtenFile('secrets', 'valve-1:topsecret');
    expect(() => load({ pskFile })).toThrow(expect.objectContaining({ message: expect.not.stringContaining('topsecret') }));
  });
});

describe('what node:tls is given', () => {
  test('a certificate alone: TLS 1.2 and up with the suites of Node.js, the cheapest first', () => {
    const { context, keys, names } = load();
    expect(context).toMatchObject({ minVersion: 'TLSv1.2', honorCipherOrder: true, ca: TEST_AUTHORITY, ...SERVER_IDENTITY });
    expect(context.ciphers).toMatch(/^TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-.*:!PSK:/);
    expect(context.ciphers?.split(':').sort()).toEqual(DEFAULT_CIPHERS.split(':').sort());
    expect(context).not.toHaveProperty('maxVersion');
    expect([keys, names.size]).toEqual([undefined, 0]);
  });

  test('revocation lists one by one, of which Node.js would read the first only', () => {
    const crlFile = writtenFile('two.crl', `text before\n${REVOCATION_LIST}\n${OLD_REVOCATION_LIST}\n`);
    expect(load({ crlFile }).context.crl).toEqual([REVOCATION_LIST, OLD_REVOCATION_LIST]);
  });

  test('pre-shared keys: TLS 1.2 only, their suites before the others', () => {
    const pskFile = writtenFile('keys', `# comment\n\nvalve:1:${KEY}\r\nvalve-2:00\n`);
    const { context, keys } = load({ pskFile });
    expect(context.maxVersion).toBe('TLSv1.2');
    expect(context.ciphers).toMatch(/^ECDHE-PSK-.*:PSK-AES128-CBC-SHA:TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:.*ECDHE-ECDSA-AES128-GCM-SHA256/);
    expect(context.ciphers).not.toContain('!PSK');
    expect(keys).toEqual(
      new Map([
        ['valve:1', Buffer.from(KEY, 'hex')],
        ['valve-2', Buffer.from([0])],
      ]),
    );
  });

  test('suites that are given are taken as they are', () => {
    const pskFile = writtenFile('keys', `a:${KEY}`);
    expect(load({ pskFile, ciphers: 'PSK-AES128-GCM-SHA256' }).context.ciphers).toBe('PSK-AES128-GCM-SHA256');
  });
});

describe('RFC 6125 §6.4.3: which certificate is shown for a name', () => {
  const exact = createSecureContext();
  const wild = createSecureContext();
  const names = new Map([
    ['api.example.org', exact],
    ['*.example.org', wild],
    ['localhost', exact],
  ]);
  test.each([
    ['api.example.org', exact],
    ['API.Example.Org', exact],
    ['www.example.org', wild],
    ['a.www.example.org', undefined],
    ['example.org', undefined],
    ['localhost', exact],
    ['other', undefined],
    ['', undefined],
  ])('%s', (name, context) => {
    expect(contextFor(name, { names })).toBe(context);
  });
});

describe('what a person should look at', () => {
  const crlFile = writtenFile('ending.crl', `${OLD_REVOCATION_LIST}\n${REVOCATION_LIST}`);

  test.each([
    ['2035-01-02T03:04:04Z', 0],
    ['2035-01-02T03:04:05Z', 1],
    ['2051-01-02T03:04:05Z', 2],
  ])('RFC 5280 §5.1.2.5: at %s %i of the lists have expired', (time, count) => {
    const tls = load({ crlFile });
    expect(tls.cautions(Date.parse(time))).toHaveLength(count);
    expect(tls.listsEndMs).toBe(Date.parse('2035-01-02T03:04:05Z'));
  });

  test('without lists there is no end', () => {
    expect(load().listsEndMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('certificates that have expired, those for other names too', () => {
    const sni = [{ serverName: 'a.example', ...foreign }];
    expect(load({ sni }).cautions(Date.parse('2130-01-01T00:00:00Z'))).toEqual([
      'the certificate CN=localhost of mqtt.tls has expired: clients will not accept it',
      'the certificate CN=valve-1 of mqtt.tls has expired: clients will not accept it',
    ]);
  });

  test('a file of keys that others may read; without a time nothing else is known', () => {
    const pskFile = writtenFile('open-keys', `a:${KEY}`, 0o640);
    expect(load({ pskFile, crlFile }).cautions(undefined)).toEqual([
      `mqtt.tls.pskFile (${pskFile}) can be read or changed by other users: chmod 600 ${pskFile}`,
    ]);
    expect(load({ pskFile: writtenFile('own-keys', `a:${KEY}`) }).cautions(undefined)).toEqual([]);
  });
});
