import { describe, expect, test } from 'vitest';
import { ack, connect, disconnect, MqttBench, type MqttPeer, will } from '../../support/mqtt.ts';

const NEVER = 0xffff_ffff;

function kept(sessionExpirySeconds: number): {
  readonly clientId: string;
  readonly cleanStart: boolean;
  readonly properties: { sessionExpirySeconds: number };
} {
  return { clientId: 'gw', cleanStart: false, properties: { sessionExpirySeconds } };
}

async function stage(sessionExpirySeconds: number): Promise<{ bench: MqttBench; sender: MqttPeer; peer: MqttPeer }> {
  const bench = await MqttBench.start();
  const peer = await (await bench.connected(kept(sessionExpirySeconds))).subscribed({ filter: 'a' });
  return { bench, peer, sender: await bench.connected({ clientId: 'sender' }) };
}

describe('MQTT 5 §4.1 Session State', () => {
  test('MQTT-3.1.2-5, MQTT-3.1.2-23: the next connection finds its subscriptions and what came meanwhile', async () => {
    const { bench, sender, peer } = await stage(100);
    await peer.sends(disconnect()).expectsEnd();
    await sender.publishes('a', '0').publishes('a', '1', { qos: 1 }).publishes('a', '2', { qos: 2 }).receives();
    const again = bench.peer().sends(connect(kept(100)));
    await again.expects({ type: 'connack', isSessionPresent: true }, { payload: '1', isDuplicate: false }, { payload: '2', isDuplicate: false });
    sender.publishes('a', '3');
    expect(await again.payloads()).toEqual(['3']);
  });

  test('MQTT-3.1.2-4, MQTT-3.1.4-4: Clean Start 1 drops subscriptions and queue', async () => {
    const { bench, sender, peer } = await stage(100);
    await peer.sends(disconnect()).expectsEnd();
    await sender.publishes('a', 'x', { qos: 1 }).receives();
    const again = bench.peer().sends(connect({ ...kept(100), cleanStart: true }));
    await again.expects({ type: 'connack', isSessionPresent: false });
    sender.publishes('a', 'y');
    await again.expectsNothing();
  });

  test.each([
    ['just before', 9_999, true],
    ['at', 10_000, false],
  ])('MQTT-4.1.0-1, MQTT-4.1.0-2: a session that may outlive its connection by 10 s, %s that time', async (_, waitMs, isSessionPresent) => {
    const { bench, peer } = await stage(10);
    await bench.clock.advanceSeconds(60); // MQTT-4.1.0-1: the connection keeps it
    await peer.breaks();
    await bench.clock.advanceMs(waitMs);
    await bench
      .peer()
      .sends(connect(kept(10)))
      .expects({ type: 'connack', isSessionPresent });
  });

  test('§3.1.2.11.2: 0xFFFFFFFF never ends', async () => {
    const { bench, peer } = await stage(NEVER);
    await peer.breaks();
    await bench.clock.advanceSeconds(10 * 365 * 86_400);
    await bench
      .peer()
      .sends(connect(kept(NEVER)))
      .expects({ type: 'connack', isSessionPresent: true });
  });

  test('a connection that resumes with an expiry of 0 still gets what waited; the session ends with it', async () => {
    const { bench, sender, peer } = await stage(100);
    await peer.sends(disconnect()).expectsEnd();
    await sender.publishes('a', '1', { qos: 1, packetId: 1 }).publishes('a', '2', { qos: 2, packetId: 2 }).receives();
    const again = bench.peer().sends(connect({ ...kept(0) }));
    const [connack, first, second] = await again.receives();
    expect([connack, first, second]).toMatchObject([{ type: 'connack', isSessionPresent: true }, { payload: '1' }, { payload: '2' }]);
    const ids = [first, second].map((packet) => (packet !== undefined && 'packetId' in packet ? packet.packetId : 0));
    await again.sends(ack('puback', ids[0] ?? 0), ack('pubrec', ids[1] ?? 0)).expects({ type: 'pubrel', packetId: ids[1] });
    await again.breaks();
    expect(bench.core.store.sessions.size).toBe(0);
    await bench
      .peer()
      .sends(connect(kept(0)))
      .expects({ type: 'connack', isSessionPresent: false });
  });

  test('what is queued survives the gateway', async () => {
    const { bench, sender, peer } = await stage(100);
    await peer.sends(disconnect()).expectsEnd();
    await sender.publishes('a', 'x', { qos: 1 }).expects({ type: 'puback', reasonCode: 0 });
    expect(bench.core.store.reopened({ wasClean: false }).sessions.size).toBe(1);
  });
});

describe('MQTT 5 §3.14 DISCONNECT', () => {
  test.each([
    ['longer', 10, 100, 50, true],
    ['shorter', 100, 10, 50, false],
    ['never ending', 10, NEVER, 100_000, true],
    ['at once', 100, 0, 0, false],
  ])('§3.14.2.2.2: the session is kept %s', async (_, asked, changed, waitSeconds, isSessionPresent) => {
    const { bench, peer } = await stage(asked);
    await peer.sends(disconnect(0, changed)).expectsEnd();
    await bench.clock.advanceSeconds(waitSeconds);
    await bench
      .peer()
      .sends(connect(kept(asked)))
      .expects({ type: 'connack', isSessionPresent });
  });

  test('§3.14.2.2.2: a session that CONNECT did not want cannot be asked for', async () => {
    const { peer } = await stage(0);
    await peer.sends(disconnect(0, 10)).expectsEnd({ type: 'disconnect', reasonCode: 0x82 });
  });

  test.each([
    ['MQTT-3.14.1-1: reserved flags', 'e1 00', 0x81],
    ['MQTT-3.14.2-1: a code that is none of its own', 'e0 01 01', 0x82],
  ])('%s', async (_, hex, reasonCode) => {
    const { peer } = await stage(0);
    await peer.sends(hex).expectsEnd({ type: 'disconnect', reasonCode });
  });

  test('MQTT-3.14.4-1: what follows in the same read is thrown away', async () => {
    const { sender, peer } = await stage(0);
    await sender.sends('e0 00', 'c0 00', 'ff ff ff ff ff').expectsEnd();
    sender.publishes('a', 'x');
    await peer.expectsNothing();
  });

  test.each([
    ['it is served', 5, { type: 'disconnect', reasonCode: 0x8b }],
    ['it is served by 3.1.1', 4, undefined],
  ] as const)('0x8B: the gateway stops while a client is there: %s; no will goes out', async (_, version, last) => {
    const bench = await MqttBench.start();
    const application = await bench.application();
    application.subscribe('will');
    const peer = await bench.connected({ clientId: 'gw', version, will: will() });
    await bench.gateway.stop(new AbortController().signal);
    bench.core.broker.shutDown();
    await peer.expectsEnd(...(last === undefined ? [] : [last]));
    expect(application.payloads).toEqual([]);
  });

  test('the gateway stops while a CONNECT is judged and while one has not come: both links close', async () => {
    const bench = await MqttBench.start();
    let admit: (() => void) | undefined;
    const { authenticate } = bench.core.access;
    bench.core.access.authenticate = async (credentials) => {
      await new Promise<void>((resolve) => {
        admit = resolve;
      });
      return authenticate.call(bench.core.access, credentials);
    };
    const [silent, judged] = [bench.peer(), bench.peer().sends(connect())];
    await bench.gateway.stop(new AbortController().signal);
    await silent.expectsEnd();
    await judged.expectsEnd();
    admit?.();
    await judged.expectsNothing();
    expect(bench.core.broker.connectedCount).toBe(0);
  });

  test('a gateway told to stop at once breaks links that do not close', async () => {
    const bench = await MqttBench.start();
    const peer = await bench.connected({ clientId: 'gw' });
    peer.link.stopsReading();
    await bench.gateway.stop(AbortSignal.abort());
    expect(peer.link.isEnded).toBe(true);
  });
});
