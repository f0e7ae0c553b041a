// The TLS listener with Debian's clients and MQTT.js: certificates, pre-shared keys, who they make of a client, and a reload while clients are in.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connectAsync, type MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { describeWithPeers, peer } from '../support/peers.ts';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';
import { type IssuedFiles, TestAuthority } from '../support/test-authority.ts';

const KEY = '00112233445566778899aabbccddeeff';

describeWithPeers(['mosquitto_pub', 'openssl'], 'MQTT over TLS', () => {
  /** A gateway where clients may publish below their own name only, and an authority its listener trusts. */
  async function gateway(tls: (authority: TestAuthority) => readonly string[]) {
    const authority = new TestAuthority(temporaryDirectory());
    const { certFile, keyFile } = authority.issue('localhost', { names: ['DNS:localhost', 'IP:127.0.0.1'] });
    const settings = ['enabled: true', 'bind: 127.0.0.1:0', `certFile: ${certFile}`, `keyFile: ${keyFile}`, `caFile: ${authority.caFile}`, ...tls(authority)];
    const access = '{anonymous: never, defaultPermission: deny, rules: [{permission: allow, topic: "devices/%u/#"}]}';
    const config = authority.path('postern.yaml');
    writeFileSync(config, `mqttSn: {udp: {enabled: false}}\nmqtt: {tcp: {enabled: false}, tls: {${settings.join(', ')}}}\naccess: ${access}\n`);
    const process = new PosternProcess(['start', '--data', temporaryDirectory(), '--config', config]);
    const [, port = ''] = await process.prints(/mqtt\.tls +127\.0\.0\.1:(\d+)\n/);
    /** @returns the exit status, 0 or 1, and whether the gateway said no to the message. */
    const publishes = (topic: string, shown: readonly string[]) => {
      const args = ['-V', '5', '-h', '127.0.0.1', '-p', port, ...shown, '-t', topic, '-m', 'x', '-q', '1'];
      const { status, stderr } = spawnSync(peer('mosquitto_pub'), args, { timeout: 20_000, encoding: 'utf8' });
      return { status: Math.min(status ?? -1, 1), isDenied: stderr.includes('Not authorized') };
    };
    const files = (own: IssuedFiles | undefined) => [
      '--cafile',
      authority.caFile,
      ...(own === undefined ? [] : ['--cert', own.certFile, '--key', own.keyFile]),
    ];
    return { authority, process, port: Number(port), publishes, files };
  }

  async function withCertificate(port: number, authority: TestAuthority, { certFile, keyFile }: IssuedFiles): Promise<MqttClient> {
    const identity = { ca: readFileSync(authority.caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) };
    const client = await connectAsync(`mqtts://127.0.0.1:${port}`, { ...identity, protocolVersion: 5, reconnectPeriod: 0 });
    onTestFinished(() => void client.end(true));
    return client;
  }

  test('without a client certificate nobody is in, where anonymous clients are not', async () => {
    const { publishes, files } = await gateway(() => ['clientCertificate: optional']);
    expect(publishes('devices/valve-1/a', files(undefined)).status).toBe(1);
  });

  test.each([
    ['common-name', 'devices/valve-1/a', false],
    ['common-name', 'devices/valve-2/a', true],
    ['subject', 'devices/CN=valve-1/a', false],
    ['subject', 'devices/valve-1/a', true],
  ])('the certificate of valve-1, named by %s, may publish to %s: denied is %s', async (identity, topic, isDenied) => {
    const { authority, publishes, files } = await gateway(() => ['clientCertificate: required', `certificateIdentity: ${identity}`]);
    expect(publishes(topic, files(authority.issue('valve-1')))).toEqual({ status: 0, isDenied });
    expect(publishes(topic, files(undefined)).status).toBe(1);
  });

  test('a pre-shared key names its holder, beside certificates', async () => {
    const { authority, publishes, files } = await gateway((at) => {
      writeFileSync(at.path('keys'), `valve-7:${KEY}\n`, { mode: 0o600 });
      return ['clientCertificate: required', `pskFile: ${at.path('keys')}`, 'pskHint: test'];
    });
    const psk = (identity: string, key: string) => ['--psk', key, '--psk-identity', identity];
    expect(publishes('devices/valve-7/a', psk('valve-7', KEY))).toEqual({ status: 0, isDenied: false });
    expect(publishes('devices/valve-8/a', psk('valve-7', KEY))).toEqual({ status: 0, isDenied: true });
    expect(publishes('devices/valve-7/a', psk('valve-7', '00')).status).toBe(1);
    expect(publishes('devices/valve-8/a', psk('valve-8', KEY)).status).toBe(1);
    expect(publishes('devices/valve-1/a', files(authority.issue('valve-1')))).toEqual({ status: 0, isDenied: false });
  });

  test('MQTT.js with a certificate: its messages arrive', async () => {
    const { authority, port } = await gateway(() => ['clientCertificate: required']);
    const client = await withCertificate(port, authority, authority.issue('valve-1'));
    const arrived = new Promise<string>((resolve) => client.on('message', (topic, payload) => resolve(`${topic} ${payload}`)));
    await client.subscribeAsync('devices/valve-1/#', { qos: 1 });
    await client.publishAsync('devices/valve-1/state', 'open', { qos: 1 });
    expect(await arrived).toBe('devices/valve-1/state open');
  });

  test('SIGHUP: a certificate revoked meanwhile is out with its next connection, open ones stay, a broken list changes nothing', async () => {
    const { authority, process, port, publishes, files } = await gateway((at) => ['clientCertificate: required', `crlFile: ${at.writeCrl()}`]);
    const lost = authority.issue('lost');
    const open = await withCertificate(port, authority, lost);
    expect(publishes('devices/lost/a', files(lost)).status).toBe(0);

    writeFileSync(authority.path('ca.crl'), 'no list');
    process.kill('SIGHUP');
    await process.prints(/mqtt\.tls\.crlFile \(.*ca\.crl\) holds no revocation list/);
    expect(publishes('devices/lost/a', files(lost)).status).toBe(0);

    authority.revoke('lost');
    authority.writeCrl();
    process.kill('SIGHUP');
    await process.prints(/certificates and keys read again/);
    expect(publishes('devices/lost/a', files(lost)).status).toBe(1);
    await process.prints(/its certificate is revoked/);
    expect(publishes('devices/kept/a', files(authority.issue('kept'))).status).toBe(0);
    await open.publishAsync('devices/lost/a', 'still here', { qos: 1 });
    expect(open.connected).toBe(true);
  });
});
