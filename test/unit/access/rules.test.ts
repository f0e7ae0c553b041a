import { describe, expect, test } from 'vitest';
import type { Action } from '../../../src/access/access.ts';
import { ruleAuthorizer } from '../../../src/access/providers/rules.ts';
import type { AccessRule } from '../../../src/access/rule-index.ts';
import { clientId, type Principal, peerAddress } from '../../../src/model/client.ts';
import { ACCESS_RULES_MAX } from '../../../src/model/limits.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';

const SENSOR: Principal = {
  clientId: clientId('sensor-1'),
  username: 'ada',
  peer: peerAddress('192.0.2.7:49152'),
  listener: 'mqtt.tcp',
  protocol: 'mqtt',
  isSuperuser: false,
};

function publish(topic: string): Action {
  return { kind: 'publish', topic: topicName(topic) };
}

function subscribe(filter: string): Action {
  return { kind: 'subscribe', filter: topicFilter(filter) };
}

function allow(topic: string, rest: Partial<AccessRule> = {}): AccessRule {
  return { permission: 'allow', action: 'all', topic, ...rest };
}

function deny(topic: string, rest: Partial<AccessRule> = {}): AccessRule {
  return { permission: 'deny', action: 'all', topic, ...rest };
}

function decide(rules: readonly AccessRule[], action: Action, principal: Partial<Principal> = {}) {
  return ruleAuthorizer(rules).authorize({ ...SENSOR, ...principal }, action);
}

describe('the first rule that applies decides', () => {
  const rules = [deny('a/secret'), allow('a/+'), deny('#', { action: 'publish' })];
  test.each([
    [publish('a/secret'), 'deny'],
    [publish('a/open'), 'allow'],
    [publish('b'), 'deny'],
    [subscribe('b'), 'skip'],
    [publish('$x'), 'skip'], // MQTT-4.7.2-1
  ] as const)('%j: %s', (action, decision) => {
    expect(decide(rules, action)).toBe(decision);
  });
});

describe('a rule is for its action', () => {
  test.each([
    ['publish', 'allow', 'skip'],
    ['subscribe', 'skip', 'allow'],
    ['all', 'allow', 'allow'],
  ] as const)('%s', (action, onPublish, onSubscribe) => {
    expect(decide([allow('a', { action })], publish('a'))).toBe(onPublish);
    expect(decide([allow('a', { action })], subscribe('a'))).toBe(onSubscribe);
  });
});

describe('a subscribe is judged by the filter asked for', () => {
  test.each([
    ['test/nosubscribe', 'test/nosubscribe', 'deny'],
    ['test/nosubscribe', 'test/+', 'skip'],
    ['test/nosubscribe', '#', 'skip'],
    ['test/#', 'test/+/x', 'deny'],
    ['test/#', 'test', 'deny'],
    ['test/+', 'test/#', 'skip'],
    ['#', '$share-like/x', 'skip'],
  ])('deny %s, asked for %s: %s', (topic, filter, decision) => {
    expect(decide([deny(topic, { action: 'subscribe' })], subscribe(filter))).toBe(decision);
  });
});

describe('placeholders', () => {
  test.each([
    ['up/%c/#', {}, publish('up/sensor-1/temperature'), 'allow'],
    ['up/%c/#', {}, publish('up/sensor-2/temperature'), 'skip'],
    ['up/%c/#', {}, subscribe('up/sensor-1/+'), 'allow'],
    ['up/%c/#', {}, subscribe('up/+/#'), 'skip'],
    ['%u/%c', {}, publish('ada/sensor-1'), 'allow'],
    ['%u/x', { username: 'eve' }, publish('ada/x'), 'skip'],
    ['100%/x', {}, publish('100%/x'), 'allow'],
  ] as const)('%s', (topic, principal, action, decision) => {
    expect(decide([allow(topic)], action, principal)).toBe(decision);
  });

  test.each(['#', '+', 'a/b', '', '\ud800', 'x'.repeat(70_000)])('a client whose name is no level (%#) gains and loses nothing by it', (name) => {
    for (const action of [publish('up/other/x'), publish('up/a/b'), publish('up//x'), subscribe('up/+/x'), subscribe('up/#')]) {
      expect(decide([allow('up/%c/#'), deny('up/%c/#')], action, { clientId: clientId(name) })).toBe('skip');
      expect(decide([allow('up/%u/#')], action, { username: name })).toBe('skip');
    }
  });

  test('without user name %u selects nothing', () => {
    const { username: _, ...anonymous } = SENSOR;
    expect(ruleAuthorizer([allow('users/%u')]).authorize(anonymous, publish('users/undefined'))).toBe('skip');
  });
});

describe('who a rule is for', () => {
  test.each([
    [{ clientId: 'sensor-1' }, 'allow'],
    [{ clientId: 'sensor-2' }, 'skip'],
    [{ username: 'ada' }, 'allow'],
    [{ username: 'Ada' }, 'skip'],
    [{ clientId: 'sensor-1', username: 'eve' }, 'skip'],
    [{ address: '192.0.2.7' }, 'allow'],
    [{ address: '192.0.2.8' }, 'skip'],
    [{ address: '192.0.2.0/24' }, 'allow'],
    [{ address: '192.0.3.0/24' }, 'skip'],
    [{ address: '0.0.0.0/0' }, 'allow'],
    [{ address: '::ffff:192.0.2.0/120' }, 'allow'],
    [{ address: '2000::/3' }, 'skip'],
    [{ address: '/dev/ttyUSB0' }, 'skip'],
  ])('%j: %s', (who, decision) => {
    expect(decide([allow('#', who)], publish('a'))).toBe(decision);
  });

  test.each([
    ['[2001:db8::1]:1883', '2001:db8::/32', 'allow'],
    ['[2001:db8::1]:1883', '2001:db9::/32', 'skip'],
    ['[2001:db8::1]:1883', '2001:DB8:0::1', 'allow'],
    ['[fe80::1%eth0]:1883', 'fe80::/10', 'allow'],
    ['[::ffff:192.0.2.7]:1883', '192.0.2.0/24', 'allow'],
    ['[::1]:1883', '127.0.0.0/8', 'skip'],
    ['/dev/ttyUSB0#0x12', '/dev/ttyUSB0', 'allow'],
    ['/dev/ttyUSB0#0x12', '/dev/ttyUSB0#0x12', 'allow'],
    ['/dev/ttyUSB01#0x12', '/dev/ttyUSB0', 'skip'],
    ['bridge:cloud', '0.0.0.0/0', 'skip'],
  ])('peer %s, address %s: %s', (peer, address, decision) => {
    expect(decide([allow('#', { address })], publish('a'), { peer: peerAddress(peer) })).toBe(decision);
  });
});

describe('rules that cannot be meant are refused, all at once', () => {
  test.each([
    [{ topic: '' }, 'empty topic'],
    [{ topic: 'a/#/b' }, '"#" must be the whole last level'],
    [{ topic: 'up/%x/#' }, 'unknown placeholder "%x"'],
    [{ topic: 'up/dev-%c/#' }, 'a placeholder must fill a whole level: "dev-%c"'],
    [{ topic: 'up/%c%u' }, 'a placeholder must fill a whole level'],
    [{ topic: '#', address: 'localhost' }, '"localhost" is neither'],
    [{ topic: '#', address: '192.0.2.0/33' }, 'neither'],
    [{ topic: '#', address: '192.0.2.0/' }, 'neither'],
    [{ topic: '#', address: '192.0.2.0/8/8' }, 'neither'],
    [{ topic: '#', address: '::/129' }, 'neither'],
    [{ topic: '#', address: '' }, 'neither'],
  ])('%j: %s', (rule, problem) => {
    expect(() => ruleAuthorizer([allow('fine'), { permission: 'deny', action: 'all', ...rule }])).toThrowError(`access rule 1: `);
    expect(() => ruleAuthorizer([{ permission: 'deny', action: 'all', ...rule }])).toThrowError(problem);
  });

  test('each is named', () => {
    expect(() => ruleAuthorizer([allow('%x'), allow('a'), allow('#b')])).toThrowError(/access rule 0: .*\naccess rule 2: /);
  });

  test('no more than ACCESS_RULES_MAX', () => {
    const most = Array.from({ length: ACCESS_RULES_MAX }, () => allow('a'));
    expect(() => ruleAuthorizer(most)).not.toThrow();
    expect(() => ruleAuthorizer([...most, allow('a')])).toThrowError('access rules');
  });
});
