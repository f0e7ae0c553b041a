// The bridge against Debian's Mosquitto, over TCP and TLS, with clients made by others at both ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { bridgingGateway } from '../support/bridging-gateway.ts';
import { CLIENT_IDENTITY, SERVER_IDENTITY, TEST_AUTHORITY } from '../support/certificates.ts';
import { startMosquitto } from '../support/mosquitto-process.ts';
import { describeWithPeers, peer } from '../support/peers.ts';
import { temporaryDirectory } from '../support/postern-process.ts';

interface Seen {
  readonly topic: string;
  readonly payload: string;
}

async function client(port: number, options: { readonly clientId?: string; readonly isPersistent?: boolean } = {}): Promise<MqttClient> {
  const { clientId = `test-${port}-${Math.random().toString(16).slice(2)}`, isPersistent = false } = options;
  const made = await connectAsync({
    port,
    host: '127.0.0.1',
    protocolVersion: 5,
    clientId,
    clean: !isPersistent,
    properties: { sessionExpiryInterval: isPersistent ? 1_000 : 0 },
  });
  onTestFinished(() => void made.end(true));
  return made;
}

/** Collects until `count` messages are there. */
function collector(from: MqttClient): { readonly seen: Seen[]; readonly until: (count: number) => Promise<void> } {
  const seen: Seen[] = [];
  let wake = (): void => undefined;
  from.on('message', (topic, payload) => {
    seen.push({ topic, payload: payload.toString() });
    wake();
  });
  return {
    seen,
    async until(count) {
      while (seen.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

describeWithPeers(['mosquitto'], 'a bridge to Mosquitto', () => {
  test.each([['5.0'], ['3.1.1']])('MQTT %s: out at QoS 2, in at QoS 1, with prefixes', async (protocol) => {
    const centre = await startMosquitto();
    const topics = '[{filter: "readings/#", direction: out, qos: 2, remotePrefix: site1/}, {filter: "cmd/#", direction: in, qos: 1, remotePrefix: site1/}]';
    const { process, port } = await bridgingGateway(
      temporaryDirectory(),
      `{name: centre, address: "127.0.0.1:${centre.port}", protocol: "${protocol}", topics: ${topics}}`,
    );
    await process.prints(/bridge connected/);
    const there = await client(centre.port);
    const here = await client(port);
    const atCentre = collector(there);
    const atEdge = collector(here);
    await there.subscribeAsync('site1/readings/#', { qos: 2 });
    await here.subscribeAsync('cmd/#', { qos: 1 });
    for (const payload of numbers(20)) await here.publishAsync('readings/t', payload, { qos: 2 });
    for (const payload of numbers(20)) await there.publishAsync('site1/cmd/valve', payload, { qos: 1 });
    await atCentre.until(20);
    await atEdge.until(20);
    expect(atCentre.seen).toEqual(numbers(20).map((payload) => ({ topic: 'site1/readings/t', payload })));
    expect(atEdge.seen).toEqual(numbers(20).map((payload) => ({ topic: 'cmd/valve', payload })));
  });

  test('what was published while the centre was away arrives once, in order, and the gateway was killed in between', async () => {
    const centre = await startMosquitto();
    const there = await client(centre.port, { clientId: 'collector', isPersistent: true });
    const atCentre = collector(there);
    await there.subscribeAsync('readings/#', { qos: 2 });
    const data = temporaryDirectory();
    const bridge = `{name: centre, clientId: edge, address: "127.0.0.1:${centre.port}", topics: [{filter: "readings/#", direction: out, qos: 2}], retry: {capSeconds: 1}}`;
    const first = await bridgingGateway(data, bridge);
    await first.process.prints(/bridge connected/);
    await centre.stop();
    await first.process.prints(/bridge disconnected/);
    const here = await client(first.port);
    for (const payload of numbers(100)) await here.publishAsync('readings/t', payload, { qos: payload.endsWith('7') ? 2 : 1 });
    first.process.kill('SIGKILL');
    await first.process.ended;
    await bridgingGateway(data, bridge);
    await centre.start();
    await atCentre.until(100);
    const ofQoS2 = atCentre.seen.filter(({ payload }) => payload.endsWith('7'));
    const rest = atCentre.seen.filter(({ payload }) => !payload.endsWith('7'));
    expect(ofQoS2.map(({ payload }) => payload)).toEqual(numbers(100).filter((payload) => payload.endsWith('7')));
    expect(rest.map(({ payload }) => payload)).toEqual(numbers(100).filter((payload) => !payload.endsWith('7')));
  });

  test('TLS with a client certificate; a certificate nobody vouches for is refused', async () => {
    const directory = temporaryDirectory();
    const file = (name: string, content: Buffer | string): string => {
      const path = join(directory, name);
      writeFileSync(path, content);
      return path;
    };
    const ca = file('ca.pem', TEST_AUTHORITY);
    const server = [`cafile ${ca}`, `certfile ${file('server.pem', SERVER_IDENTITY.cert)}`, `keyfile ${file('server.key', SERVER_IDENTITY.key)}`];
    const centre = await startMosquitto([...server, 'require_certificate true']);
    const identity = `certFile: ${file('edge.pem', CLIENT_IDENTITY.cert)}, keyFile: ${file('edge.key', CLIENT_IDENTITY.key)}`;
    const bridge = (tls: string) => `{name: centre, address: "127.0.0.1:${centre.port}", topics: [{filter: "readings/#"}], tls: {enabled: true, ${tls}}}`;
    const good = await bridgingGateway(temporaryDirectory(), bridge(`caFile: ${ca}, ${identity}`));
    await good.process.prints(/bridge connected/);
    const bad = await bridgingGateway(temporaryDirectory(), bridge(identity));
    await bad.process.prints(/authority that is not trusted.*bridge cannot connect/);
  });

  test('a remote that is not there delays no listener', async () => {
    const { process, port } = await bridgingGateway(temporaryDirectory(), '{name: nowhere, address: "127.0.0.1:1", topics: [{filter: "#"}]}');
    await (await client(port)).publishAsync('readings/t', 'x', { qos: 1 });
    await process.prints(/bridge cannot connect/);
  });
});

describeWithPeers(['mosquitto', 'mosquitto_pub'], 'a bridge whose queue is full', () => {
  test.each([[1], [2]])('a 3.1.1 publisher is held back at QoS %i on its one connection, and everything arrives once the centre is back', async (qos) => {
    const centre = await startMosquitto();
    const there = await client(centre.port, { clientId: 'collector', isPersistent: true });
    const atCentre = collector(there);
    await there.subscribeAsync('readings/#', { qos: 2 });
    await centre.stop();
    const topics = '[{filter: "readings/#", direction: out, qos: 2}]';
    const bridge = `{name: centre, clientId: edge, address: "127.0.0.1:${centre.port}", topics: ${topics}, retry: {capSeconds: 1}, queueMessagesMax: 3}`;
    const { process, port } = await bridgingGateway(temporaryDirectory(), bridge);
    const args = ['-h', '127.0.0.1', '-p', String(port), '-V', 'mqttv311', '-q', String(qos), '-t', 'readings/t', '-l'];
    const publisher = spawn(peer('mosquitto_pub'), args, { stdio: ['pipe', 'ignore', 'inherit'] });
    const ended = once(publisher, 'exit');
    onTestFinished(() => void publisher.kill('SIGKILL'));
    publisher.stdin.end(`${numbers(50).join('\n')}\n`);
    await process.prints(/no room for a message/);
    await centre.start();
    await atCentre.until(50);
    expect(await ended).toEqual([0, null]);
    expect(atCentre.seen.map(({ payload }) => payload)).toEqual(numbers(50));
  });
});
