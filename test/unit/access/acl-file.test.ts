import { describe, expect, test } from 'vitest';
import type { Action } from '../../../src/access/access.ts';
import { parseAcl, readAclFile } from '../../../src/access/acl-file.ts';
import { indexAuthorizer } from '../../../src/access/providers/rules.ts';
import { clientId, type Principal, peerAddress } from '../../../src/model/client.ts';
import { topicFilter, topicName } from '../../../src/model/topic.ts';

const SENSOR: Principal = {
  clientId: clientId('sensor-1'),
  username: 'ada',
  peer: peerAddress('192.0.2.7:49152'),
  listener: 'mqtt.tcp',
  protocol: 'mqtt',
  isSuperuser: false,
};

const publish = (topic: string): Action => ({ kind: 'publish', topic: topicName(topic) });
const subscribe = (filter: string): Action => ({ kind: 'subscribe', filter: topicFilter(filter) });

function decide(text: string, action: Action, principal: Partial<Principal> = {}): string {
  return indexAuthorizer('acl', parseAcl(text, 'access.acl')).authorize({ ...SENSOR, ...principal }, action);
}

describe('a line says', () => {
  test.each([
    ['allow publish a/+', publish('a/b'), 'allow'],
    ['allow publish a/+', subscribe('a/+'), 'skip'],
    ['deny subscribe a/#', subscribe('a/b/+'), 'deny'],
    ['allow all a/#', publish('a'), 'allow'],
    ['  allow\tall   a/b  ', subscribe('a/b'), 'allow'],
    ['allow publish devices/%c/up', publish('devices/sensor-1/up'), 'allow'],
    ['allow publish devices/%c/up', publish('devices/sensor-2/up'), 'skip'],
    ['allow publish home/${username}/${clientid}/#', publish('home/ada/sensor-1/x'), 'allow'],
    ['allow publish # user=ada', publish('x'), 'allow'],
    ['allow publish # user=bob', publish('x'), 'skip'],
    ['allow publish # client=sensor-1', publish('x'), 'allow'],
    ['allow publish # address=192.0.2.0/24', publish('x'), 'allow'],
    ['allow publish # address=192.0.3.0/24', publish('x'), 'skip'],
    ['allow publish # listener=mqtt.tcp', publish('x'), 'allow'],
    ['allow publish # listener=mqtt.tls', publish('x'), 'skip'],
    ['allow publish # user=ada listener=mqtt.tls', publish('x'), 'skip'],
    ['deny subscribe # exact', subscribe('#'), 'deny'],
    ['deny subscribe # exact', subscribe('a/#'), 'skip'],
    ['deny subscribe a/+ exact', subscribe('a/+'), 'deny'],
    ['deny subscribe a/+ exact', subscribe('a/b'), 'skip'],
    ['allow publish "a b/c"', publish('a b/c'), 'allow'],
    ['allow publish "say \\"hi\\""', publish('say "hi"'), 'allow'],
    ['allow publish # user="ada"', publish('x'), 'allow'],
    ['allow publish # anonymous', publish('x'), 'skip'],
    ['deny subscribe a/b overlap', subscribe('a/b'), 'deny'],
    ['deny subscribe a/b overlap', subscribe('a/#'), 'deny'],
    ['deny subscribe a/b overlap', subscribe('#'), 'deny'],
    ['deny subscribe a/b overlap', subscribe('+/+'), 'deny'],
    ['deny subscribe a/b overlap', subscribe('+/+/+'), 'skip'],
    ['deny subscribe a/b overlap', subscribe('a/c'), 'skip'],
    ['deny subscribe a/b/# overlap', subscribe('a/b'), 'deny'],
    ['deny subscribe a overlap', subscribe('a/#'), 'deny'],
    ['deny subscribe a overlap', subscribe('a/+'), 'skip'],
    ['deny subscribe +/b overlap', subscribe('a/+'), 'deny'],
    ['deny subscribe $SYS/# overlap', subscribe('#'), 'skip'],
    ['deny subscribe # overlap', subscribe('$SYS/x'), 'skip'],
    ['deny subscribe devices/%c/key overlap', subscribe('devices/+/key'), 'deny'],
    ['deny subscribe devices/%c/key overlap', subscribe('devices/sensor-2/key'), 'skip'],
    ['deny subscribe devices/%u overlap', subscribe('devices/+'), 'deny'],
    ['deny subscribe a/b user=bob overlap', subscribe('#'), 'skip'],
    ['deny subscribe a/b user=ada overlap', subscribe('#'), 'deny'],
    ['deny publish a/b overlap', subscribe('#'), 'skip'],
    ['deny all a/+ overlap', publish('a/b'), 'deny'],
    ['deny all a/+ overlap', publish('b/b'), 'skip'],
    ['# allow publish #', publish('x'), 'skip'],
    ['\n\r\n   \n', publish('x'), 'skip'],
  ])('%j, %j: %s', (text, action, decision) => {
    expect(decide(text, action)).toBe(decision);
  });

  test('a user name with a space', () => {
    expect(decide('allow publish # user="ada lovelace"', publish('x'), { username: 'ada lovelace' })).toBe('allow');
  });
});

test('a rule for anonymous clients is for those without a user name', () => {
  const nobody = { username: undefined } as unknown as Partial<Principal>;
  expect(decide('allow publish # anonymous', publish('x'), nobody)).toBe('allow');
  expect(decide('deny subscribe a/%u overlap', subscribe('#'), nobody)).toBe('skip');
});

test('a denial by overlap has its place among the lines', () => {
  const text = 'allow subscribe +/public\ndeny all a/# overlap\nallow all #\n';
  expect(decide(text, subscribe('+/public'))).toBe('allow');
  expect(decide(text, subscribe('#'))).toBe('deny');
  expect(decide(text, subscribe('b/#'))).toBe('allow');
});

test('the first line that applies decides', () => {
  const text = 'deny publish a/secret\nallow publish a/# user=ada\ndeny publish #\n';
  expect(decide(text, publish('a/secret'))).toBe('deny');
  expect(decide(text, publish('a/b'))).toBe('allow');
  expect(decide(text, publish('b'))).toBe('deny');
});

describe('a wrong line is named, with all others', () => {
  test.each([
    ['permit publish a', 'access.acl:1: a rule begins with allow or deny, not "permit"'],
    ['valve-7:00112233445566778899aabbccddeeff', 'access.acl:1: a rule begins with allow or deny'], // a file of keys in its place
    ['allow', 'access.acl:1: after allow comes publish, subscribe or all, not ""'],
    ['allow publish', 'access.acl:1: after publish comes a topic filter'],
    ['# one\n\nallow publish a/#/b', 'access.acl:3: "#" must be the whole last level: "a/#/b" [MQTT-4.7.1-1]'],
    ['allow publish a host=x', 'access.acl:1: "host=x" is none of user=, client=, address=, listener=, exact, anonymous, overlap'],
    ['allow publish a user=', 'access.acl:1: "user=" is none of user=, client=, address=, listener=, exact, anonymous, overlap'],
    ['allow publish a user=x anonymous', 'access.acl:1: anonymous clients have no user name'],
    ['allow publish a overlap', 'access.acl:1: only a denial can be by overlap: it would allow what it does not name'],
    ['deny publish a overlap exact', 'access.acl:1: a rule is exact or by overlap, not both'],
    ['allow publish a user=x user=y', 'access.acl:1: user= is given twice'],
    ['allow publish a address=300.0.0.1', 'access.acl:1: "300.0.0.1" is neither an IP address, nor a range like 192.168.0.0/16, nor a device path'],
    ['allow publish "a', 'access.acl:1: a quotation mark is missing or misplaced'],
    ['allow publish a"b', 'access.acl:1: a quotation mark is missing or misplaced'],
    ['allow publish a/%x', 'access.acl:1: unknown placeholder "%x" in "a/%x"; there are %c (client id) and %u (user name)'],
    ['allow publish a/${id}', 'access.acl:1: unknown placeholder "${id}" in "a/${id}"; there are %c (client id) and %u (user name)'],
    ['allow publish a/x%c', 'access.acl:1: a placeholder must fill a whole level: "x%c" in "a/x%c"'],
    ['allow\ndeny', 'access.acl:1: after allow comes publish, subscribe or all, not ""\naccess.acl:2: after deny comes publish, subscribe or all, not ""'],
  ])('%j', (text, problem) => {
    expect(() => parseAcl(text, 'access.acl')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: problem }));
  });
});

test('a file that is not there', () => {
  expect(() => readAclFile('/nowhere/access.acl')).toThrow('/nowhere/access.acl cannot be read');
});
