// The TLS listener with Debian's clients: server certificate, client certificate, and what is refused.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CLIENT_IDENTITY, SERVER_IDENTITY, TEST_AUTHORITY } from '../support/certificates.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

describeWithPeers(['mosquitto_pub'], 'MQTT over TLS', () => {
  test.each([
    ['none', [], 0],
    ['required', [], 1],
    ['required', ['--cert', 'client.pem', '--key', 'client.key'], 0],
  ] as const)('client certificate %s, shown: %j', async (clientCertificate, shown, isRefused) => {
    const directory = temporaryDirectory();
    const file = (name: string) => join(directory, name);
    writeFileSync(file('ca.pem'), TEST_AUTHORITY);
    writeFileSync(file('server.pem'), SERVER_IDENTITY.cert);
    writeFileSync(file('server.key'), SERVER_IDENTITY.key);
    writeFileSync(file('client.pem'), CLIENT_IDENTITY.cert);
    writeFileSync(file('client.key'), CLIENT_IDENTITY.key);
    const set = (key: string, value: string) => ['--set', `${key}=${value}`];
    const gateway = new PosternProcess([
      ...['start', '--data', directory],
      ...set('mqtt.tcp.enabled', 'false'),
      ...set('mqttSn.udp.enabled', 'false'),
      ...set('mqtt.tls.enabled', 'true'),
      ...set('mqtt.tls.bind', '127.0.0.1:0'),
      ...set('mqtt.tls.certFile', file('server.pem')),
      ...set('mqtt.tls.keyFile', file('server.key')),
      ...set('mqtt.tls.caFile', file('ca.pem')),
      ...set('mqtt.tls.clientCertificate', clientCertificate),
    ]);
    const [, port = ''] = await gateway.prints(/mqtt\.tls +127\.0\.0\.1:(\d+)\n/);
    const args = ['-h', '127.0.0.1', '-p', port, '--cafile', 'ca.pem', ...shown, '-t', 'a', '-m', 'x', '-q', '1'];
    const { status } = spawnSync(peer('mosquitto_pub'), args, { cwd: directory, timeout: 20_000 });
    expect(Math.min(status ?? -1, 1)).toBe(isRefused);
  });
});
