// Peers that use up connections instead of messages: each is bounded, and named by a counter, while a client that behaves is served.
import { beforeEach, describe, expect, test } from 'vitest';
import { CONNECT_BYTES_MAX, CONNECT_TIMEOUT_MS, PACKET_BYTES_MAX } from '../../../src/model/limits.ts';
import { connect, MqttBench, type MqttPeer, quiet, will } from '../../support/mqtt.ts';

let bench: MqttBench;
let witness: MqttPeer;

beforeEach(async () => {
  bench = await MqttBench.start();
  witness = await (await bench.connected({ clientId: 'witness' })).subscribed({ filter: 'witness/#' });
});

async function requireService(): Promise<void> {
  expect(await witness.publishes('witness/x', 'still here').payloads()).toEqual(['still here']);
}

describe('connections that say nothing useful', () => {
  test('a CONNECT that comes a byte a second ends with the time a CONNECT may take', async () => {
    const octets = Buffer.from('10 10 0004 4d515454 04 02 0000 0004 736c6f77'.replaceAll(' ', ''), 'hex');
    const links = Array.from({ length: 500 }, () => bench.peer(4).link);
    for (const octet of octets.subarray(0, CONNECT_TIMEOUT_MS / 1_000 - 1)) {
      for (const link of links) link.sends(Buffer.from([octet]));
      await bench.clock.advanceSeconds(1);
    }
    await requireService();
    expect(bench.metric('mqtt.connections')).toBe(501);
    await bench.clock.advanceSeconds(1);
    expect(links.every(({ isEnded }) => isEnded)).toBe(true);
    expect([bench.metric('mqtt.connect-timeouts'), bench.metric('mqtt.connections')]).toEqual([500, 1]);
    await requireService();
  });

  test('10,000 connections opened and dropped leave nothing behind, before CONNECT or after it', async () => {
    const timers = bench.clock.pendingTimers;
    for (let index = 0; index < 10_000; index += 1) {
      const peer = bench.peer();
      if (index % 2 === 0) peer.sends(connect({ clientId: `drop-${index % 100}`, keepAliveSeconds: 60 }));
      peer.link.resets();
      if (index % 500 === 0) await quiet();
    }
    await quiet();
    expect([bench.metric('mqtt.connections.accepted'), bench.metric('mqtt.connections'), bench.metric('sessions')]).toEqual([10_001, 1, 1]);
    expect(bench.clock.pendingTimers).toBe(timers);
    await requireService();
  });
});

describe('a length header that promises 256 MB', () => {
  test.each([
    ['CONNECT', '10 ff ff ff 7f', CONNECT_BYTES_MAX],
    ['CONNECT one byte above its bound', '10 81 80 10', CONNECT_BYTES_MAX],
  ])('%s: refused by its header, nothing is waited for', async (_, header) => {
    const peer = bench.peer().sends(header);
    await quiet();
    expect(peer.link.isEnded).toBe(true);
    expect(bench.metric('mqtt.malformed') + bench.metric('mqtt.protocol-errors')).toBe(1);
    await requireService();
  });

  test('PUBLISH: 0x95 and the end; what follows is not kept', async () => {
    const peer = await bench.connected({ clientId: 'large' });
    await peer.sends('30 ff ff ff 7f').expectsEnd({ type: 'disconnect', reasonCode: 0x95 });
    for (let sent = 0; sent < 2 * PACKET_BYTES_MAX; sent += 65_536) peer.link.sends(Buffer.alloc(65_536));
    await peer.expectsNothing();
    expect(bench.metric('mqtt.malformed') + bench.metric('mqtt.protocol-errors')).toBe(1);
    await requireService();
  });
});

describe('client ids and wills', () => {
  test('two peers that take one client id from each other 1,000 times: one session, one connection, each take-over counted', async () => {
    const peers: MqttPeer[] = [];
    for (let index = 0; index < 1_000; index += 1) {
      peers.push(bench.peer().sends(connect({ clientId: 'ball', cleanStart: false, properties: { sessionExpirySeconds: 60 } })));
      await quiet();
    }
    expect(peers.map(({ link }) => link.isEnded).filter((isEnded) => !isEnded)).toHaveLength(1);
    expect(await peers[0]?.receives()).toMatchObject([{ type: 'connack' }, { type: 'disconnect', reasonCode: 0x8e }]); // MQTT-3.1.4-3
    expect([bench.metric('sessions.taken-over'), bench.metric('mqtt.connections'), bench.metric('sessions')]).toEqual([999, 2, 2]);
    await requireService();
  });

  test('1,000 wills at once: each is published once and counted; a reader that stands still keeps no more than a queue of them', async () => {
    const queue = { messagesMax: 100, bytesMax: 1_000_000 };
    bench = await MqttBench.start({ broker: { memoryQueueLimits: queue } });
    witness = await (await bench.connected({ clientId: 'witness' })).subscribed({ filter: 'witness/#' }, { filter: 'will/#' });
    const idle = await (await bench.connected({ clientId: 'idle' })).subscribed({ filter: 'will/#' });
    idle.link.stopsReading();
    const storm: MqttPeer[] = [];
    for (let index = 0; index < 1_000; index += 1) {
      storm.push(await bench.connected({ clientId: `storm-${index}`, will: will({ topic: `will/${index}`, payload: 'x'.repeat(4_096) }) }));
    }
    for (const { link } of storm) link.resets();
    await quiet();
    expect(bench.metric('wills.published')).toBeLessThan(1_000); // others have their turns in between
    for (let turns = 0; turns < 100; turns += 1) await quiet();
    expect(new Set((await witness.receives()).map((packet) => 'topic' in packet && packet.topic)).size).toBe(1_000);
    expect(bench.metric('wills.published')).toBe(1_000);
    idle.link.readsAgain();
    const late = await idle.payloads();
    expect(late.length).toBeLessThan(1_000);
    expect(late.length + bench.metric('messages.dropped.queue-full')).toBe(1_000);
    await requireService();
  });
});
