import { expect, test } from 'vitest';
import { startCore } from '../../support/core.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { policyOf, requestOf, TestClient } from '../../support/test-client.ts';

test('what is published again in the place of a delivery is refused by no queue: it would be lost', async () => {
  const core = startCore({ clock: new FakeClock() });
  const keeper = new TestClient(core.context('mqtt'));
  await keeper.connect(requestOf('keeper', { queue: policyOf({ messagesMax: 1, whenFull: 'refuse' }) }));
  keeper.subscribe('dead/#', { qos: 1 });
  keeper.session.disconnect({ publishWill: false });
  const client = new TestClient(core.context('mqtt'));
  await client.connect(requestOf('client'));
  client.subscribe('a', { qos: 1 });
  for (const payload of ['1', '2']) client.publish('a', payload);
  for (const { packetId } of client.delivered) expect(client.session.redirect(packetId, 'dead/')).toBe(true);
  expect(core.broker.queues('keeper').queues).toMatchObject([{ messages: 2 }]);
  expect(core.broker.queues('client').queues).toMatchObject([{ messages: 0 }]);
});
