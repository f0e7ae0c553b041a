// The ways a bridge reaches Debian's Mosquitto besides TCP and certificates, and `postern bridge test` as a person meets it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { freeTcpPort } from '../durability/e2e/network.ts';
import { startMosquitto } from '../support/mosquitto-process.ts';
import { describeWithPeers } from '../support/peers.ts';
import { type Ended, PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

const KEY = '00112233445566778899aabbccddeeff';

interface Gateway {
  readonly process: PosternProcess;
  readonly port: number;
  /** `postern bridge ...` */
  bridge(...args: string[]): Promise<Ended>;
}

async function gateway(...bridges: string[]): Promise<Gateway> {
  const file = join(temporaryDirectory(), 'postern.yaml');
  const data = temporaryDirectory();
  const listeners = 'mqtt: {tcp: {bind: "127.0.0.1:0"}}\nmqttSn: {udp: {enabled: false}}\n';
  writeFileSync(file, `${listeners}bridges:\n${bridges.map((bridge) => `  - ${bridge}\n`).join('')}`);
  const process = new PosternProcess(['start', '--config', file, '--data', data]);
  const [, port = ''] = await process.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  return { process, port: Number(port), bridge: (...args) => new PosternProcess(['bridge', ...args, '--config', file, '--data', data]).ended };
}

const topics = (prefix: string): string => `topics: [{filter: "readings/#", remotePrefix: ${prefix}/}]`;

function secret(content: string): string {
  const path = join(temporaryDirectory(), 'secret');
  writeFileSync(path, content, { mode: 0o644 });
  return path;
}

describeWithPeers(['mosquitto'], 'a bridge to Mosquitto', () => {
  test('over WebSocket and with a pre-shared key: messages arrive, and a test of each is passed', async () => {
    const [webSocketPort, pskPort] = [await freeTcpPort(), await freeTcpPort()];
    const centre = await startMosquitto([
      `listener ${webSocketPort} 127.0.0.1`,
      'protocol websockets',
      `listener ${pskPort} 127.0.0.1`,
      'psk_hint centre',
      `psk_file ${secret(`greenhouse:${KEY}\n`)}`,
    ]);
    const there = await connectAsync({ port: centre.port, host: '127.0.0.1', protocolVersion: 5 });
    onTestFinished(() => void there.end(true));
    await there.subscribeAsync('+/readings/#', { qos: 1 });
    const seen: string[] = [];
    const both = new Promise<void>((resolve) => {
      there.on('message', (topic) => seen.push(topic) === 2 && resolve());
    });
    const { port, bridge } = await gateway(
      `{name: ws, address: "127.0.0.1:${webSocketPort}", websocket: {enabled: true}, ${topics('w')}}`,
      `{name: psk, address: "127.0.0.1:${pskPort}", tls: {enabled: true, pskIdentity: greenhouse, pskFile: ${secret(`${KEY}\n`)}}, ${topics('k')}}`,
    );
    const here = await connectAsync({ port, host: '127.0.0.1', protocolVersion: 5 });
    onTestFinished(() => void here.end(true));
    await here.publishAsync('readings/a', 'x'.repeat(70_000), { qos: 1 });
    await both;
    expect(seen.sort()).toEqual(['k/readings/a', 'w/readings/a']);
    expect(await bridge('test', 'ws')).toMatchObject({ code: 0, stdout: expect.stringMatching(/tcp .*\n {2}websocket .*\n {2}mqtt .*\n$/) });
    expect(await bridge('test', 'psk')).toMatchObject({ code: 0, stdout: expect.stringMatching(/tcp .*\n {2}tls .*\n {2}mqtt .*\n$/) });
  });

  test('what does not work is said in plain words, address by address, and by the list', async () => {
    const centre = await startMosquitto();
    const { bridge, process } = await gateway(
      `{name: away, address: "nothing.invalid:1883", fallbacks: ["127.0.0.1:9"], ${topics('a')}}`,
      `{name: plain, address: "127.0.0.1:${centre.port}", tls: {enabled: true}, ${topics('b')}}`,
      `{name: good, address: "127.0.0.1:${centre.port}", ${topics('c')}}`,
    );
    await process.prints(/bridge connected/);
    const away = await bridge('test', 'away');
    expect(away).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^nothing\.invalid:1883\n {2}unresolved: .*\n127\.0\.0\.1:9\n {2}unreachable: nothing listens there/),
    });
    expect(await bridge('test', 'plain')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/tls-failed: it closed the connection instead of a handshake/),
    });
    expect(await bridge('stop', 'good')).toMatchObject({ code: 0 });
    const list = await bridge('list');
    expect(list.stdout).toMatch(/^away {2}\w+ for /);
    expect(list.stdout).toMatch(/\ngood {2}stopped for /);
    expect(await bridge('start', 'nobody')).toMatchObject({ code: 69, stderr: expect.stringContaining('there is no bridge nobody') });
  });
});
