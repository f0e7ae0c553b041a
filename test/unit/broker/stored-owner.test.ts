// STORE 2: a CONNECT with a will is answered once the will is on disk; what access rules ask about its owner must be there too.
import { describe, expect, test } from 'vitest';
import type { Will } from '../../../src/gateway/gateway.ts';
import type { Principal } from '../../../src/model/client.ts';
import { topicName } from '../../../src/model/topic.ts';
import { startCore, type TestCore } from '../../support/core.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { requestOf, TestClient } from '../../support/test-client.ts';

const TRANSIENT = { cleanStart: true, sessionExpirySeconds: 0 } as const;

const will = (core: TestCore): Will => ({
  draft: { topic: core.context('mqtt').topics.intern(topicName('will')), payload: Buffer.from('gone'), qos: 1, isRetain: false },
  delaySeconds: 0,
});

describe('a will that fires after a kill', () => {
  test.each([
    ['a stored session', {}],
    ['a session that ends with its link', TRANSIENT],
  ])('is judged by who left it: %s', async (_, over) => {
    const clock = new FakeClock();
    const first = startCore({ clock });
    const mortal = new TestClient(first.context('mqtt'));
    const request = requestOf('m', { ...over, will: will(first) });
    await mortal.connect({ ...request, credentials: { ...request.credentials, username: 'ann' } });
    const second = startCore({ clock, store: first.store.reopened({ wasClean: false }) });
    const asked: Principal[] = [];
    second.access.forbids = (action, principal) => {
      if (action.kind === 'publish') asked.push(principal);
      return false;
    };
    const watcher = new TestClient(second.context('mqtt'));
    await watcher.connect(requestOf('w', TRANSIENT));
    watcher.subscribe('will');
    await clock.advanceSeconds(61);
    expect(watcher.payloads).toEqual(['gone']);
    expect(asked).toEqual([{ clientId: 'm', username: 'ann', peer: 'test:m', listener: 'test', protocol: 'test', isSuperuser: false }]);
  });

  test('nothing of its owner is kept without a will, and no gateway sees what is', async () => {
    const core = startCore({ clock: new FakeClock() });
    const client = new TestClient(core.context('mqtt'));
    await client.connect(requestOf('c', { will: will(core) }));
    const stored = [...core.store.sessions.values()].find(({ clientId }) => clientId === 'c');
    expect([stored?.state.size, client.session.state.entries()]).toEqual([1, []]);
    client.session.setWill(undefined);
    await settled();
    expect(stored?.state.size).toBe(0);
  });
});
