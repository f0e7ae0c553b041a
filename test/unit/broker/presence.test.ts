import { describe, expect, test } from 'vitest';
import { INTERNAL_PROTOCOL } from '../../../src/model/client.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;
const NOW = 1_800_000_000_000;

async function bench(presenceNode: string | undefined): Promise<{ core: TestCore; watcher: TestClient }> {
  const core = startCore({ clock: new FakeClock(), settings: { presenceNode } });
  const watcher = new TestClient(core.context('mqtt'));
  await watcher.connect(requestOf('w', TRANSIENT));
  watcher.subscribe('$SYS/brokers/+/clients/#');
  return { core, watcher };
}

function told(watcher: TestClient): [topic: string, facts: unknown][] {
  return watcher.delivered.map(({ topic, payload }) => [topic, JSON.parse(payload)]);
}

describe('presence', () => {
  test('tells who connects, in the words of EMQX, and retains nothing', async () => {
    const { core, watcher } = await bench('n@h');
    const { credentials } = requestOf('c');
    const client = new TestClient(core.context('mqtt'));
    await client.connect(
      requestOf('c', {
        credentials: { ...credentials, username: 'ann', protocol: 'mqtt 5.0' },
        keepAliveSeconds: 60,
        cleanStart: true,
        sessionExpirySeconds: 0,
      }),
    );
    expect(told(watcher)).toEqual([
      [
        '$SYS/brokers/n@h/clients/c/connected',
        {
          clientid: 'c',
          username: 'ann',
          ipaddress: 'test:c',
          proto_name: 'MQTT',
          proto_ver: 5,
          keepalive: 60,
          clean_start: true,
          expiry_interval: 0,
          listener: 'test',
          connack: 0,
          connected_at: NOW,
          ts: NOW,
        },
      ],
    ]);
    const late = new TestClient(core.context('mqtt'));
    await late.connect(requestOf('late', TRANSIENT));
    late.subscribe('$SYS/#');
    expect(late.delivered).toEqual([]);
  });

  test.each([
    ['says goodbye', 'normal', (client: TestClient) => client.session.disconnect({ publishWill: false })],
    ['is cut off', 'closed', (client: TestClient) => client.session.disconnect({ publishWill: true })],
  ])('of a client that %s: %s', async (_, reason, leave) => {
    const { core, watcher } = await bench('n');
    const client = new TestClient(core.context('mqtt'));
    await client.connect(requestOf('c', TRANSIENT));
    leave(client);
    expect(told(watcher).at(-1)).toMatchObject(['$SYS/brokers/n/clients/c/disconnected', { clientid: 'c', reason, ts: NOW }]);
  });

  test('of a client another connection takes over, and of one that is ended', async () => {
    const { core, watcher } = await bench('n');
    const first = new TestClient(core.context('mqtt'));
    await first.connect(requestOf('c', TRANSIENT));
    await new TestClient(core.context('mqtt')).connect(requestOf('c', TRANSIENT));
    core.broker.kick(({ clientId }) => clientId === 'c');
    expect(watcher.delivered.map(({ topic, payload }) => [topic.split('/').at(-1), JSON.parse(payload).reason])).toEqual([
      ['connected', undefined],
      ['disconnected', 'takenover'],
      ['connected', undefined],
      ['disconnected', 'kicked'],
    ]);
  });

  test('a client id is one level of the topic whatever it holds', async () => {
    const { core, watcher } = await bench('n');
    await new TestClient(core.context('mqtt')).connect(requestOf('a/#', TRANSIENT));
    expect(told(watcher)).toMatchObject([['$SYS/brokers/n/clients/a__/connected', { clientid: 'a/#' }]]);
  });

  test('is silent about bridges, and unless it is asked for', async () => {
    const { core, watcher } = await bench('n');
    await new TestClient(core.context('bridge')).connect(requestOf('b', { credentials: { ...requestOf('b').credentials, protocol: INTERNAL_PROTOCOL } }));
    const off = await bench(undefined);
    await new TestClient(off.core.context('mqtt')).connect(requestOf('c', TRANSIENT));
    await settled();
    expect([watcher.delivered, off.watcher.delivered]).toEqual([[], []]);
  });
});
