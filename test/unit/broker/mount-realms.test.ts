import { expect, test } from 'vitest';
import { openAccess } from '../../support/access.ts';
import { startCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

function clients() {
  const clock = new FakeClock();
  const { control } = openAccess(clock, { noMatch: 'allow' });
  const core = startCore({ clock, judge: control });
  return async (id: string, mountPoint: string) => {
    const client = new TestClient(core.context('mqtt'));
    const outcome = await client.connect(requestOf(id, { mountPoint }));
    await settled();
    return { client, isPresent: outcome.kind === 'accepted' && outcome.isSessionPresent };
  };
}

test.each([
  ['another mount point: a session of its own, and nothing of what waits', 'b/', false, []],
  ['no mount point: the same', '', false, []],
  ['the same mount point: its own session and queue', 'a/', true, ['secret']],
])('a client id that returns below %s', async (_where, mountPoint, isPresent, delivered) => {
  const connected = clients();
  const { client: away } = await connected('x', 'a/');
  away.subscribe('#');
  away.session.disconnect({ publishWill: false });
  const { client: publisher } = await connected('p', 'a/');
  publisher.publish('secret', 'of a');
  await settled();
  const back = await connected('x', mountPoint);
  back.client.session.resume('link');
  await settled();
  expect(back.isPresent).toBe(isPresent);
  expect(back.client.delivered.map(({ topic }) => topic)).toEqual(delivered);
});
