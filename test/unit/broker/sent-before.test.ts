// MQTT-3.3.1-1: what may have been sent before carries DUP 1. After a restart that is known exactly for whoever was not connected when it came: what its
// last link was sent and did not acknowledge is written down with the end of that link, for the cost of a few bytes, and mostly there is nothing.
import { describe, expect, test } from 'vitest';
import type { ConnectRequest } from '../../../src/gateway/gateway.ts';
import { topicFilter } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

const URGENT_FIRST = { queue: policyOf({ messagesMax: 100, priorities: [{ filter: topicFilter('a/urgent'), priority: 7 }] }) };

interface Boot {
  readonly core: TestCore;
  readonly clock: FakeClock;
}

function first(): Boot {
  const clock = new FakeClock();
  return { core: startCore({ clock }), clock };
}

/** What a kill leaves. */
function killed({ core }: Boot): Boot {
  const clock = new FakeClock();
  return { core: startCore({ clock, store: core.store.reopened({ wasClean: false }) }), clock };
}

async function client({ core }: Boot, id: string, over: Partial<ConnectRequest> = {}): Promise<TestClient> {
  const made = new TestClient(core.context('mqtt'));
  await made.connect(requestOf(id, { inflightMax: 3, ...over }));
  return made;
}

async function publishes(boot: Boot, ...payloads: readonly string[]): Promise<void> {
  const publisher = await client(boot, 'publisher', { sessionExpirySeconds: 0 });
  for (const payload of payloads) publisher.publish('a', payload);
  await settled();
}

const seen = ({ delivered }: TestClient): string[] => delivered.map(({ payload, isDuplicate }) => (isDuplicate ? `${payload} again` : payload));

/** A subscriber whose link sent it `sent` and was told of none, and is gone. */
async function left(boot: Boot, ...sent: readonly string[]): Promise<void> {
  const subscriber = await client(boot, 'subscriber');
  subscriber.subscribe('a');
  await publishes(boot, ...sent);
  subscriber.session.disconnect({ publishWill: false });
  await settled();
}

describe('after a kill, a client that was not connected', () => {
  test('is sent what came meanwhile as new', async () => {
    const boot = first();
    await left(boot);
    await publishes(boot, '1', '2', '3', '4');
    expect(seen(await client(killed(boot), 'subscriber'))).toEqual(['1', '2', '3']);
  });

  test('is sent again what its last link was sent, and the rest as new', async () => {
    const boot = first();
    await left(boot, '1', '2');
    await publishes(boot, '3', '4');
    expect(seen(await client(killed(boot), 'subscriber'))).toEqual(['1 again', '2 again', '3']);
  });

  test('over two kills, too, with a session that ends or never does', async () => {
    for (const sessionExpirySeconds of [1_000, Number.POSITIVE_INFINITY]) {
      const boot = first();
      const subscriber = await client(boot, 'subscriber', { sessionExpirySeconds });
      subscriber.subscribe('a');
      await publishes(boot, '1');
      subscriber.session.disconnect({ publishWill: false });
      await publishes(boot, '2');
      expect(seen(await client(killed(killed(boot)), 'subscriber'))).toEqual(['1 again', '2']);
    }
  });

  test('has nothing written for it when everything was acknowledged', async () => {
    const boot = first();
    const subscriber = await client(boot, 'subscriber');
    subscriber.subscribe('a');
    await publishes(boot, '1');
    for (const { packetId } of subscriber.delivered) subscriber.session.settle(packetId);
    subscriber.session.disconnect({ publishWill: false });
    const [stored] = [...boot.core.store.sessions.values()].filter(({ clientId }) => clientId === 'subscriber');
    expect([...(stored?.state.keys() ?? [])]).toEqual([]);
  });

  test('what was written is taken back once it is no longer so', async () => {
    const boot = first();
    await left(boot, '1');
    const subscriber = await client(boot, 'subscriber');
    for (const { packetId } of subscriber.delivered) subscriber.session.settle(packetId);
    subscriber.session.disconnect({ publishWill: false });
    await publishes(boot, '2');
    expect(seen(await client(killed(boot), 'subscriber'))).toEqual(['2']);
  });
});

describe('after a kill, a client that was connected', () => {
  test('may have been sent its window of messages', async () => {
    const boot = first();
    const subscriber = await client(boot, 'subscriber');
    subscriber.subscribe('a');
    await publishes(boot, '1', '2', '3', '4');
    const again = await client(killed(boot), 'subscriber');
    for (const { packetId } of [...again.delivered]) again.session.settle(packetId);
    expect(seen(again)).toEqual(['1 again', '2 again', '3 again', '4']);
  });

  test('still may after another kill before it is back, and after a link that took some of them', async () => {
    for (const sessionExpirySeconds of [1_000, Number.POSITIVE_INFINITY]) {
      const boot = first();
      const subscriber = await client(boot, 'subscriber', { sessionExpirySeconds });
      subscriber.subscribe('a');
      await publishes(boot, '1', '2', '3', '4', '5');
      const third = killed(killed(boot));
      const once = await client(third, 'subscriber', { sessionExpirySeconds });
      expect(seen(once)).toEqual(['1 again', '2 again', '3 again']);
      once.session.settle(once.delivered[0]?.packetId ?? 0);
      once.session.disconnect({ publishWill: false });
      await settled();
      expect(seen(await client(killed(third), 'subscriber', { sessionExpirySeconds }))).toEqual(['2 again', '3 again', '4 again']);
    }
  });

  test('still may after a link that was sent nothing', async () => {
    const boot = first();
    const subscriber = await client(boot, 'subscriber');
    subscriber.subscribe('a');
    await publishes(boot, '1', '2', '3', '4');
    const second = killed(boot);
    const outcome = await second.core.context('mqtt').connect(requestOf('subscriber', { inflightMax: 3 }), subscriber);
    if (outcome.kind === 'accepted') outcome.session.disconnect({ publishWill: false });
    await settled();
    const again = await client(killed(second), 'subscriber');
    again.session.settle(again.delivered[0]?.packetId ?? 0);
    expect(seen(again)).toEqual(['1 again', '2 again', '3 again', '4']);
  });
});

test('after a stop in order nobody is in doubt', async () => {
  const boot = first();
  const subscriber = await client(boot, 'subscriber', { inflightMax: 1 });
  subscriber.subscribe('a');
  await publishes(boot, '1', '2');
  boot.core.broker.shutDown();
  await settled();
  expect(seen(await client(killed(boot), 'subscriber'))).toEqual(['1 again', '2']);
});

test('classes of priority are told apart', async () => {
  const boot = first();
  const subscriber = await client(boot, 'subscriber', { ...URGENT_FIRST, inflightMax: 1 });
  for (const filter of ['a', 'a/urgent']) subscriber.subscribe(filter);
  const publisher = await client(boot, 'publisher', { sessionExpirySeconds: 0 });
  publisher.publish('a/urgent', 'sent');
  await settled();
  subscriber.session.disconnect({ publishWill: false });
  publisher.publish('a', 'plain');
  publisher.publish('a/urgent', 'urgent');
  await settled();
  expect(seen(await client(killed(boot), 'subscriber', URGENT_FIRST))).toEqual(['sent again', 'urgent', 'plain']);
});
