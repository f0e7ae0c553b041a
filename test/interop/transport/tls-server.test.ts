// What a TLS listener asks of its clients and shows them, with OpenSSL's own client.
import { writeFileSync } from 'node:fs';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { MetricsTable } from '../../../src/model/metrics.ts';
import { TlsTransport } from '../../../src/transport/tls.ts';
import { loadServerTls, type ServerTlsSettings } from '../../../src/transport/tls-server-options.ts';
import type { Link } from '../../../src/transport/transport.ts';
import { eventually, OwnedLink } from '../../contract/stream-transport.contract.ts';
import { describeWithPeers } from '../../support/peers.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { type IssuedFiles, TestAuthority } from '../../support/test-authority.ts';
import { keptDirectory } from '../../support/tls-files.ts';
import { environment, portOf } from './environment.ts';
import { opensslClient } from './openssl-client.ts';
import { handshaken } from './tls-peer.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** What OpenSSL says once it has something to resume. */
const TICKET = /Post-Handshake New Session Ticket arrived|Session-ID: \w/;

const KEY = '00112233445566778899aabbccddeeff';

function shown({ certFile, keyFile }: IssuedFiles): string[] {
  return ['-cert', certFile, '-key', keyFile];
}

function psk(identity: string, key = KEY): string[] {
  return ['-psk', key, '-psk_identity', identity];
}

describeWithPeers(['openssl'], 'a TLS listener', () => {
  let authority: TestAuthority;
  let server: IssuedFiles;
  let valve: IssuedFiles;
  let revoked: IssuedFiles;

  beforeAll(() => {
    authority = new TestAuthority(keptDirectory());
    server = authority.issue('localhost', { names: ['DNS:localhost', 'IP:127.0.0.1'] });
    valve = authority.issue('valve-1', { subject: '/C=DE/O=Acme, Inc./CN=group/CN=valve-1' });
    revoked = authority.issue('valve-2');
    authority.revoke('valve-2');
  });

  function file(name: string, content: string): string {
    const path = authority.path(name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  async function listening(settings: Partial<ServerTlsSettings> = {}) {
    const log = new RecordingLog();
    const metrics = new MetricsTable();
    const defaults = { sni: [], clientCertificate: 'none', certificateIdentity: 'common-name', alpn: [], minVersion: '1.2' } as const;
    const all: ServerTlsSettings = { ...server, caFile: authority.caFile, ...defaults, ...settings };
    const loadTls = () => loadServerTls('mqtt.tls', all);
    const transport = new TlsTransport({ name: 'mqtt.tls', host: '127.0.0.1', port: 0, loadTls, ...environment(), log, metrics });
    const links: Link[] = [];
    const owned: OwnedLink[] = [];
    await transport.listen((link) => {
      links.push(link);
      owned.push(new OwnedLink(link));
    });
    cleanups.push(() => transport.close());
    const refusals = () => log.lines.filter(({ event }) => event === 'TLS handshake failed').map(({ reason }) => reason);
    /** What became of the next handshake: the link, or why there is none. */
    const outcome = async (args: readonly string[], until?: RegExp) => {
      const known = links.length + refusals().length;
      const client = await opensslClient(portOf(transport), args, until);
      await eventually(() => expect(links.length + refusals().length).toBeGreaterThan(known));
      return { client, link: links[known - refusals().length] ?? links.at(-1), refusals: refusals() };
    };
    return { transport, port: portOf(transport), log, metrics, links, owned, refusals, outcome };
  }

  test.each([
    [[], 'CN = localhost', undefined],
    [['-servername', 'api.example.org'], 'CN = api', 'api.example.org'],
    [['-servername', 'API.Example.ORG'], 'CN = api', 'api.example.org'],
    [['-servername', 'one.example.net'], 'CN = wild', 'one.example.net'],
    [['-servername', 'a.one.example.net'], 'CN = localhost', 'a.one.example.net'],
    [['-servername', 'example.net'], 'CN = localhost', 'example.net'],
  ])('RFC 6066 §3: asked by %j it shows %s', async (args, subject, serverName) => {
    const sni = [
      { serverName: 'api.example.org', ...authority.issue('api') },
      { serverName: '*.example.net', ...authority.issue('wild') },
    ];
    const { outcome } = await listening({ sni });
    const { client, link } = await outcome(args.length === 0 ? ['-noservername'] : args);
    expect(client.subject).toBe(subject);
    expect(link?.serverName).toBe(serverName);
  });

  test('RFC 7301 §3.2: the protocol is the one it prefers; without one in common there is no connection', async () => {
    const { outcome } = await listening({ alpn: ['mqtt', 'x-mqtt'] });
    expect((await outcome(['-alpn', 'x-mqtt,mqtt'])).client.alpn).toBe('mqtt');
    expect((await outcome([])).client.cipher).toBeDefined();
    expect((await outcome(['-alpn', 'http/1.1'])).refusals).toEqual(['it offered no application protocol of alpn']);
  });

  test.each([
    ['common-name', 'valve-1'],
    ['subject', 'C=DE,O=Acme\\, Inc.,CN=group,CN=valve-1'],
  ] as const)('certificateIdentity: %s', async (certificateIdentity, identity) => {
    const { outcome } = await listening({ clientCertificate: 'required', certificateIdentity });
    const { link } = await outcome(shown(valve));
    expect(link).toMatchObject({
      certificateIdentity: identity,
      certificateCommonName: 'valve-1',
      certificateSubject: 'C=DE,O=Acme\\, Inc.,CN=group,CN=valve-1',
    });
    expect(link).toMatchObject({ pskIdentity: undefined, isProxied: false });
  });

  test.each(['-tls1_2', '-tls1_3'])('RFC 5280 §6.3: who is on the revocation list stays outside, others do not (%s)', async (version) => {
    const { outcome, metrics } = await listening({ clientCertificate: 'optional', crlFile: authority.writeCrl() });
    expect((await outcome([version, ...shown(valve)])).link?.certificateIdentity).toBe('valve-1');
    expect((await outcome([version, ...shown(revoked)])).refusals).toEqual(['its certificate is revoked']);
    expect((await outcome([version])).link?.certificateIdentity).toBeUndefined();
    expect(metrics.snapshot()).toMatchObject({ 'transport.mqtt.tls.failed': 1 });
  });

  test('RFC 5280 §6.3.3: with an expired list nobody is let in, and the log says so from the start', async () => {
    const { outcome, log } = await listening({ clientCertificate: 'required', crlFile: authority.writeCrl('old.crl', '20200201000000Z') });
    expect(log.lines).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        message: expect.stringMatching(/^revocation list 1 of mqtt\.tls\.crlFile \(.*old\.crl\) has expired: clients/),
      }),
    );
    expect((await outcome(shown(valve))).refusals).toEqual(['the revocation list of its authority has expired']);
  });

  test('a list of another authority does not do', async () => {
    const other = new TestAuthority(keptDirectory(), 'Another authority');
    const { outcome } = await listening({ clientCertificate: 'required', crlFile: other.writeCrl() });
    expect((await outcome(shown(valve))).refusals).toEqual(['crlFile has no revocation list of its authority']);
  });

  test.each([
    ['without a certificate of its own', { certFile: undefined, keyFile: undefined }],
    ['with one', {}],
    ['that asks for certificates', { clientCertificate: 'required' }],
  ] as const)('RFC 4279: pre-shared keys on a listener %s', async (_, settings) => {
    const { outcome } = await listening({ ...settings, pskFile: file('keys', `valve:7:${KEY}\nvalve-8:${KEY}\n`), pskHint: 'greenhouse' });
    const { client, link } = await outcome(psk('valve:7'));
    expect(client.output).toContain('PSK identity hint: greenhouse');
    expect(client.cipher).toContain('PSK');
    expect(link).toMatchObject({ pskIdentity: 'valve:7', certificateIdentity: undefined });
    expect((await outcome([...psk('valve-9')])).refusals).toEqual(['it named a pre-shared key that is not known']);
    expect((await outcome([...psk('valve-8', '00')])).refusals).toHaveLength(2);
  });

  test('a key does not keep the holders of certificates out, nor let in who has neither', async () => {
    const { outcome } = await listening({ clientCertificate: 'required', pskFile: file('keys', `valve-7:${KEY}`) });
    const { link } = await outcome(shown(valve));
    expect(link).toMatchObject({ pskIdentity: undefined, certificateIdentity: 'valve-1' });
    expect((await outcome([])).refusals).toEqual(['it showed neither a certificate nor a pre-shared key']);
  });

  test('an identity is believed in TLS 1.2 only, where it is always proved', async () => {
    const { outcome, links } = await listening({ pskFile: file('keys', `valve-7:${KEY}`) });
    expect((await outcome(['-tls1_3', ...psk('valve-7')])).refusals).toEqual(['it speaks no version of TLS that is spoken here']);
    expect(links).toEqual([]);
  });

  test('with pre-shared keys no session is resumed: nobody would know whose it was', async () => {
    const { outcome } = await listening({ pskFile: file('keys', `valve-7:${KEY}`) });
    await outcome(['-tls1_2', '-sess_out', authority.path('psk.session'), ...psk('valve-7')]);
    const { client, link } = await outcome(['-tls1_2', '-sess_in', authority.path('psk.session'), ...psk('valve-7')]);
    expect(client.isResumed).toBe(false);
    expect(link?.pskIdentity).toBe('valve-7');
  });

  test.each([
    [{ minVersion: '1.3' }, ['-tls1_2'], undefined],
    [{ minVersion: '1.3' }, [], 'TLS_AES_128_GCM_SHA256'],
    [{ ciphers: 'TLS_AES_256_GCM_SHA384' }, [], 'TLS_AES_256_GCM_SHA384'],
    [{ ciphers: 'TLS_AES_128_GCM_SHA256' }, ['-tls1_3'], 'TLS_AES_128_GCM_SHA256'],
    [{ ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }, ['-tls1_2'], 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    [{}, ['-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'], undefined],
  ] as const)('%j with a client %j: %s', async (settings, args, cipher) => {
    const { outcome } = await listening(settings);
    expect((await outcome(args)).client.cipher).toBe(cipher);
  });

  test('renegotiation is refused: it costs us much and the peer little', async () => {
    const { port } = await listening();
    const peer = await handshaken(port, { ca: undefined, rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
    cleanups.push(() => peer.leaves());
    await expect(peer.renegotiates()).rejects.toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' });
  });

  test.each(['-tls1_2', '-tls1_3'])('reload: a session does not outlive the certificate it began with (%s)', async (version) => {
    const kept = authority.issue('kept');
    const lost = authority.issue('lost');
    const { transport, outcome } = await listening({ clientCertificate: 'required', crlFile: authority.writeCrl('reload.crl') });
    const session = authority.path('session');
    await outcome([version, '-sess_out', session, ...shown(lost)], TICKET);
    const again = await outcome([version, '-sess_in', session, ...shown(lost)]);
    expect(again.client.isResumed).toBe(true);
    expect(again.link?.certificateIdentity).toBe('lost');

    authority.revoke('lost');
    authority.writeCrl('reload.crl');
    transport.reload();
    const afterwards = await outcome([version, '-sess_in', session, ...shown(lost)]);
    expect(afterwards.client.isResumed).toBe(false);
    expect(afterwards.refusals).toEqual(['its certificate is revoked']);
    expect((await outcome([version, ...shown(kept)])).link?.certificateIdentity).toBe('kept');
  });

  test.each([
    ['its certificate has expired', 30, '20400101000000Z'],
    ['the revocation list of its authority has expired', 400, '20270101000000Z'],
  ])('a session does not go on when %s meanwhile', async (reason, days, next) => {
    const device = authority.issue('device', { days });
    const { outcome } = await listening({ clientCertificate: 'required', crlFile: authority.writeCrl('ending.crl', next) }); // its clock is ahead: 2027-01-15
    const session = authority.path('ending.session');
    await outcome(['-sess_out', session, ...shown(device)], TICKET);
    expect((await outcome(['-sess_in', session, ...shown(device)])).refusals).toEqual([reason]);
  });

  test('reload: new certificates, names and keys hold from the next handshake on, open links stay', async () => {
    const own = authority.issue('before');
    const named = authority.issue('named-before');
    const settings = { ...own, sni: [{ serverName: 'api.example.org', ...named }], pskFile: file('growing', `valve-7:${KEY}\n`) };
    const { transport, port, outcome, owned } = await listening(settings);
    const open = await handshaken(port, { rejectUnauthorized: false });
    cleanups.push(() => open.leaves());
    authority.issue('before', { subject: '/CN=after' });
    authority.issue('named-before', { subject: '/CN=named-after' });
    file('growing', `valve-8:${KEY}\n`);
    transport.reload();
    expect((await outcome([])).client.subject).toBe('CN = after');
    expect((await outcome(['-servername', 'api.example.org'])).client.subject).toBe('CN = named-after');
    expect((await outcome(psk('valve-8'))).link?.pskIdentity).toBe('valve-8');
    expect((await outcome(psk('valve-7'))).refusals).toEqual(['it named a pre-shared key that is not known']);
    open.sends(Buffer.from('still here'));
    await eventually(() => expect(owned[0]?.received.toString()).toBe('still here'));
  });

  test('reload: a file that cannot be used changes nothing, and the log says which', async () => {
    const own = authority.issue('steady');
    const pskFile = file('steady-keys', `valve-7:${KEY}\n`);
    const { transport, outcome, log } = await listening({ ...own, pskFile });
    authority.issue('steady', { subject: '/CN=new' });
    file('steady-keys', 'valve-7:not hexadecimal');
    transport.reload();
    expect(log.lines.at(-1)).toEqual({
      level: 'error',
      event: 'certificates and keys stay as they were',
      listener: 'mqtt.tls',
      cause: `mqtt.tls.pskFile (${pskFile}), line 1: must be identity:key with the key in hexadecimal`,
    });
    expect((await outcome([])).client.subject).toBe('CN = steady');
    expect((await outcome(psk('valve-7'))).link?.pskIdentity).toBe('valve-7');
  });
});
