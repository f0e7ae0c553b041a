import { describe, expect, test } from 'vitest';
import type { SystemReaders } from '../../../src/access/access-control.ts';
import { clientId, isOfThisHost, type Principal, peerAddress } from '../../../src/model/client.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';
import { openAccess } from '../../support/access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const HERE = '127.0.0.1:4711';
const THERE = '192.0.2.7:4711';

function principal(peer: string, isSuperuser = false): Principal {
  return { clientId: clientId('c'), peer: peerAddress(peer), listener: 'mqtt.tcp', protocol: 'mqtt 5.0', isSuperuser };
}

describe('access.systemTopics: who may subscribe to $SYS', () => {
  const cases: [readers: SystemReaders, who: Principal, isAllowed: boolean][] = [
    ['superusers', principal(HERE), false],
    ['superusers', principal(THERE, true), true],
    ['loopback', principal(HERE), true],
    ['loopback', principal(THERE), false],
    ['loopback', principal(THERE, true), true],
    ['all', principal(THERE), true],
  ];
  test.each(cases)('%s, %#', (systemReaders, who, isAllowed) => {
    const { control } = openAccess(new FakeClock(), { systemReaders, noMatch: 'allow' });
    expect(control.may(who, { kind: 'subscribe', filter: topicFilter('$SYS/#') })).toBe(isAllowed);
  });

  test('rules that deny it hold all the same', () => {
    const authorizers = [{ name: 'deny', authorize: () => 'deny' as const }];
    const { control } = openAccess(new FakeClock(), { systemReaders: 'all', authorizers });
    expect(control.may(principal(HERE), { kind: 'subscribe', filter: topicFilter('$SYS/#') })).toBe(false);
  });
});

describe('who may publish to $SYS', () => {
  test.each([
    ['a bridge about its own connection', '$SYS/broker/connection/c/state', true],
    ['nobody about the connection of another', '$SYS/broker/connection/d/state', false],
    ['nobody about anything else of a connection', '$SYS/broker/connection/c/states', false],
    ['nobody about the gateway', '$SYS/broker/version', false],
  ])('%s: %s', (_who, topic, isAllowed) => {
    const { control } = openAccess(new FakeClock(), { noMatch: 'allow' });
    expect(control.may(principal(THERE), { kind: 'publish', topic: topicName(topic) })).toBe(isAllowed);
  });

  test('not where rules deny it', () => {
    const authorizers = [{ name: 'deny', authorize: () => 'deny' as const }];
    const { control } = openAccess(new FakeClock(), { authorizers });
    expect(control.may(principal(HERE), { kind: 'publish', topic: topicName('$SYS/broker/connection/c/state') })).toBe(false);
  });
});

describe('who is of this host', () => {
  test.each([
    [HERE, true],
    ['[::1]:4711', true],
    ['[::ffff:127.0.0.1]:4711', true],
    ['/run/postern/mqtt.sock#3', true],
    ['', true],
    [THERE, false],
    ['/dev/ttyUSB0#0x12', false],
  ])('%s: %s', (peer, isLocal) => {
    expect(isOfThisHost(peerAddress(peer))).toBe(isLocal);
  });
});
