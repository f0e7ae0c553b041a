import { expect, test } from 'vitest';
import { clientId, realm } from '../../../src/model/client.ts';
import { Image } from '../../../src/session/image.ts';
import { FACTS } from '../../support/store-samples.ts';

const CLIENT = { realm: realm('mqtt'), clientId: clientId('boiler'), facts: FACTS };

test('a session whose end was in a group that is lost is over when its successor comes, and does not come back after that one', () => {
  const image = new Image();
  image.apply({ kind: 'session', id: 3, ...CLIENT });
  image.markStored();
  image.apply({ kind: 'session', id: 6, ...CLIENT });
  expect([...image.sessions.values()].map(({ id }) => id)).toEqual([6]);
  expect(image.session(3)).toBeUndefined();
  image.apply({ kind: 'session-removed', id: 6 });
  expect(image.sessions.size).toBe(0);
  expect([...image.takeDirt().removedSessions]).toEqual([3]);
});
