import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { changedKeys } from '../../../src/config/changes.ts';
import { readSecret } from '../../../src/config/files.ts';
import { printYaml } from '../../../src/config/print-yaml.ts';
import { configWith, linesOf, loadWith, temporaryDirectory } from './config-file.ts';

describe('precedence', () => {
  const yaml = 'mqtt: {receiveMax: 1}';

  test.each([
    ['default', {}, 1024],
    ['file', { yaml }, 1],
    ['environment over file', { yaml, environment: { POSTERN_MQTT__RECEIVE_MAX: '2' } }, 2],
    ['--set over environment', { yaml, environment: { POSTERN_MQTT__RECEIVE_MAX: '2' }, set: ['mqtt.receiveMax=3'] }, 3],
    ['the last --set', { set: ['mqtt.receiveMax=3', 'mqtt.receiveMax=4'] }, 4],
    ['an empty key is not given', { yaml: 'mqtt:\n  receiveMax:\n' }, 1024],
    ['null is not given', { yaml: 'mqtt: {receiveMax: null}' }, 1024],
    ['an empty section', { yaml: 'mqtt:\n' }, 1024],
  ] as const)('%s', (_, parts, receiveMax) => {
    expect(configWith(parts).mqtt.receiveMax).toBe(receiveMax);
  });
});

describe('the data directory', () => {
  const yaml = 'data: {directory: /from/file}';
  const environment = { STATE_DIRECTORY: '/var/lib/postern:/var/lib/other' };

  test.each([
    ['a checkout', {}, resolve('data')],
    ['systemd', { environment }, '/var/lib/postern'],
    ['file over systemd', { yaml, environment }, '/from/file'],
    ['--set over file', { yaml, set: ['data.directory=/from/set'] }, '/from/set'],
    ['--data over everything', { yaml, environment, set: ['data.directory=/from/set'], data: '/from/option' }, '/from/option'],
    ['relative to the working directory', { data: 'here' }, resolve('here')],
  ] as const)('%s', (_, parts, directory) => {
    const config = configWith(parts);
    expect(config.data.directory).toBe(directory);
    expect(config.control.socket).toBe(join(directory, 'control.sock'));
  });
});

describe('values', () => {
  test.each([
    ['mqtt.tcp.bind=[::1]:1883', { mqtt: { tcp: { bind: { host: '::1', port: 1883 } } } }],
    ['mqtt.tcp.bind=localhost:0', { mqtt: { tcp: { bind: { host: 'localhost', port: 0 } } } }],
    ['mqtt.packetBytesMax=64KiB', { mqtt: { packetBytesMax: 65_536 } }],
    ['mqtt.packetBytesMax=2MB', { mqtt: { packetBytesMax: 2_000_000 } }],
    ['mqtt.packetBytesMax=1.5 KiB', { mqtt: { packetBytesMax: 1_536 } }],
    ['mqtt.sessionExpiryMaxSeconds=never', { mqtt: { sessionExpiryMaxSeconds: Number.POSITIVE_INFINITY } }],
    ['mqtt.sessionExpiryMaxSeconds=0', { mqtt: { sessionExpiryMaxSeconds: 0 } }],
    ['mqtt.allowBridgeBit=false', { mqtt: { allowBridgeBit: false } }],
    ['bridges=[{name: a, address: "b:1", protocol: 5.0}]', { bridges: [{ protocol: '5.0', address: { host: 'b', port: 1 } }] }],
    ['bridges=[{name: a, address: "b:1", topics: [{filter: x, qos: 2}]}]', { bridges: [{ topics: [{ qos: 2, direction: 'out' }] }] }],
    ['access.rules=[{permission: deny, topic: "#", address: /dev/ttyUSB0}]', { access: { rules: [{ topic: '#', address: '/dev/ttyUSB0' }] } }],
  ])('%s', (assignment, expected) => {
    expect(configWith({ set: [assignment] })).toMatchObject(expected);
  });

  test('the smallest size must be whole bytes', () => {
    expect(linesOf(loadWith({ set: ['mqtt.packetBytesMax=200.5'] }))[0]).toContain('mqtt.packetBytesMax must be bytes');
  });
});

describe('single keys of lists', () => {
  const yaml = 'bridges: [{name: a, address: "b:1"}]';

  test('--set changes an item and may add the next one', () => {
    const { bridges } = configWith({ yaml, set: ['bridges.0.username=#1: *x', 'bridges.1.name=c', 'bridges.1.address=d:2'] });
    expect(bridges).toMatchObject([
      { name: 'a', username: '#1: *x' },
      { name: 'c', address: { host: 'd', port: 2 } },
    ]);
  });

  test('the environment does the same', () => {
    expect(configWith({ environment: { POSTERN_BRIDGES: '[{name: a}]', POSTERN_BRIDGES__0__ADDRESS: 'b:1' } }).bridges[0]?.address.port).toBe(1);
  });

  test.each([
    ['bridges.2.name=c', '--set bridges.2.name: bridges[2].name leaves a gap: the next item is 1'],
    ['bridges.a.name=c', '--set bridges.a.name: has no item "a" in bridges: items are numbered from 0'],
    ['bridges.0.name.x=c', '--set bridges.0.name.x: has nothing below bridges[0].name'],
    ['bridges=[{name: c', '--set bridges: is not YAML:'],
    ['bridges.1.name=c', '--set bridges.1.name: bridges[1].address is missing:'],
  ])('%s', (assignment, problem) => {
    expect(linesOf(loadWith({ yaml, set: [assignment] }))[0]).toContain(problem);
  });
});

test('variables a container platform sets for a service called postern are not ours', () => {
  expect(configWith({ environment: { POSTERN_PORT: 'tcp://10.0.0.1:1883', POSTERN_SERVICE_HOST: '10.0.0.1' } })).toEqual(configWith({}));
});

describe('defaults of a bridge', () => {
  test.each([
    ['', 'postern-board-a', '$SYS/broker/connection/postern-board-a/state'],
    ['clientId: x+y', 'x+y', '$SYS/broker/connection/x_y/state'],
    ['statusTopic: state/here', 'postern-board-a', 'state/here'],
  ])('{%s}', (keys, clientId, statusTopic) => {
    expect(configWith({ yaml: `bridges: [{name: a, address: "b:1", ${keys}}]` }).bridges[0]).toMatchObject({ clientId, statusTopic });
  });
});

describe('keys that contradict each other', () => {
  const bridge = (keys: string) => `bridges: [{name: a, address: "b:1", ${keys}}]`;

  test.each([
    [bridge('protocol: 3.1.1, passwordFile: package.json'), '1:68: bridges[0].passwordFile needs a username in MQTT 3.1.1 [MQTT-3.1.2-22]'],
    ['mqtt: {tls: {enabled: true, certFile: package.json}}', '1:23: mqtt.tls.enabled needs mqtt.tls.keyFile'],
    ['store: {evictBelowBytes: 200MiB}', '1:26: store.evictBelowBytes must be less than store.compactBelowBytes'],
    ['store: {refuseBelowBytes: 64MiB}', '1:27: store.refuseBelowBytes must be less than store.evictBelowBytes'],
    [bridge('tls: {certFile: package.json}'), '1:53: bridges[0].tls.certFile needs the keyFile that belongs to it'],
    [bridge('tls: {keyFile: package.json}'), '1:52: bridges[0].tls.keyFile needs the certFile it belongs to'],
    [bridge('budget: {rampUpSeconds: 60}'), '1:61: bridges[0].budget.rampUpSeconds needs messagesPerSecond or bytesPerSecond: there is nothing to come to'],
    [bridge('budget: {windows: ["8:00-9:00"]}'), '1:55: bridges[0].budget.windows must be a time of day like 22:00-06:30'],
    [bridge('tls: {pskFile: package.json}'), '1:52: bridges[0].tls.pskFile needs the pskIdentity it belongs to'],
    [bridge('tls: {pskIdentity: greenhouse}'), '1:56: bridges[0].tls.pskIdentity needs the pskFile with its key'],
    [bridge('start: lazy, lazyThreshold: 6, queueMessagesMax: 5'), '1:65: bridges[0].lazyThreshold must not be more than queueMessagesMax (5)'],
    [bridge('websocket: {path: "mq tt"}'), '1:55: bridges[0].websocket.path must be a path that begins with / and holds no space, not "mq tt"'],
    [bridge('retry: {firstSeconds: 60}'), '1:59: bridges[0].retry.firstSeconds must not be longer than capSeconds (30)'],
    [
      bridge('topics: [{filter: "a/+", direction: both, rename: "b/{1}"}]'),
      '1:87: bridges[0].topics[0].rename goes with one direction only: make a topic map for each',
    ],
    [bridge('queueDiskShareMax: 0'), '1:56: bridges[0].queueDiskShareMax leaves no room for a message'],
    [bridge('topics: [{filter: "a/+", rename: "b/{2}"}]'), '1:70: bridges[0].topics[0].rename {2} needs 2 + in the filter'],
    [bridge('topics: [{filter: "a/+", rename: "b/{#}"}]'), '1:70: bridges[0].topics[0].rename {#} needs a filter that ends in #'],
    [bridge('topics: [{filter: "a/+", rename: "b/+"}]'), '1:70: bridges[0].topics[0].rename must have no wildcard, and braces only as {1} to {9} and {#}'],
    [
      bridge('topics: [{filter: "#", localPrefix: a}]'),
      '1:73: bridges[0].topics[0].localPrefix does not go with the filter: "#" must be the whole last level: "a#" [MQTT-4.7.1-1]',
    ],
    [bridge('topics: [{filter: $share/g/x}]'), '1:55: bridges[0].topics[0].filter must not make a subscription that is shared or exclusive: $share/g/x'],
    [
      bridge('topics: [{filter: g/x, direction: in, remotePrefix: $share/}]'),
      '1:55: bridges[0].topics[0].filter must not make a subscription that is shared or exclusive: $share/g/x',
    ],
    [bridge('topics: [{filter: x, remotePrefix: +/}]'), '1:72: bridges[0].topics[0].remotePrefix must have no wildcard'],
    ['bridges: [{name: a, address: "b:1"}, {name: a, address: "c:1"}]', '1:45: bridges[1].name a is already taken by bridges[0]'],
    [
      'mqttSn: {predefinedTopics: [{id: 1, topic: a}, {id: 1, topic: b, clientId: c}, {id: 1, topic: d}]}',
      '1:85: mqttSn.predefinedTopics[2].id 1 for client * is already taken by mqttSn.predefinedTopics[0]',
    ],
  ])('%s', (yaml, problem) => {
    expect(linesOf(loadWith({ yaml }))).toEqual([`postern.yaml:${problem}`]);
  });
});

describe('listeners that other hosts can reach', () => {
  test('anonymous: always needs an explicit key', () => {
    expect(linesOf(loadWith({ yaml: 'mqtt: {tcp: {bind: "0.0.0.0:1883"}}\nmqttSn: {udp: {bind: "[::]:1884"}}\naccess: {anonymous: always}' }))).toEqual([
      'postern.yaml:3:21: access.anonymous is always, and other hosts can reach mqtt.tcp.bind (0.0.0.0:1883) and mqttSn.udp.bind ([::]:1884): ' +
        'bind to 127.0.0.1, choose another value, or set access.allowAnonymousBeyondLoopback: true',
    ]);
  });

  test.each(['both', 'off'])('a Unix socket with proxyProtocol %s: other hosts come through the proxy', (proxyProtocol) => {
    const set = ['access.anonymous=always', `mqtt.listeners=[{name: a, type: unix, path: /run/a.sock, proxyProtocol: ${proxyProtocol}}]`];
    const problem = expect.stringContaining('access.anonymous is always, and other hosts can reach mqtt.listeners[0].path (/run/a.sock)');
    expect(linesOf(loadWith({ set }))).toEqual(proxyProtocol === 'off' ? [] : [problem]);
  });

  test.each([
    ['always on loopback', ['access.anonymous=always'], []],
    ['always on a listener that is off', ['access.anonymous=always', 'mqtt.tcp.enabled=false', 'mqtt.tcp.bind=0.0.0.0:1'], []],
    [
      'always with the key',
      ['access.anonymous=always', 'access.allowAnonymousBeyondLoopback=true', 'mqtt.tcp.bind=0.0.0.0:1'],
      ['--set mqtt.tcp.bind: mqtt.tcp.bind listens on 0.0.0.0:1, which other hosts can reach, and anyone there may connect: access.anonymous is always'],
    ],
    [
      'only loopback',
      ['mqtt.tcp.bind=192.0.2.1:1'],
      [
        '--set mqtt.tcp.bind: mqtt.tcp.bind listens on 192.0.2.1:1, which other hosts can reach, but access.anonymous is loopback: a client there needs credentials',
      ],
    ],
    [
      'loopback behind a proxy',
      ['mqtt.tcp.proxyProtocol=v2', 'mqtt.tcp.proxyTrusted=[127.0.0.1]', 'mqtt.tcp.bind=127.0.0.1:1'],
      [
        '--set mqtt.tcp.bind: mqtt.tcp.bind listens on 127.0.0.1:1, which other hosts can reach through its proxy, but access.anonymous is loopback: a client there needs credentials',
      ],
    ],
    ['nothing to say', ['mqtt.tcp.bind=localhost:1', 'mqttSn.udp.bind=[::1]:1'], []],
  ])('%s', (_, set, warnings) => {
    const outcome = loadWith({ set });
    expect(outcome.kind === 'loaded' && outcome.warnings.map(({ where, message }) => `${where}: ${message}`)).toEqual(warnings);
  });
});

test('a secret is the first line of its file, and nothing that is printed holds it', () => {
  const file = join(temporaryDirectory(), 'password');
  writeFileSync(file, 'hunter2\r\nsecond line\n');
  const outcome = loadWith({ set: [`bridges=[{name: a, address: "b:1", username: u, passwordFile: ${file}}]`] });
  if (outcome.kind !== 'loaded') throw new Error('does not load');
  expect(readSecret(outcome.config.bridges[0]?.passwordFile ?? '')).toBe('hunter2');
  expect(printYaml(outcome.written) + JSON.stringify(outcome.config)).not.toContain('hunter2');
});

test('a secret that is gone', () => {
  expect(() => readSecret('/nowhere/password')).toThrow('cannot read the secret in /nowhere/password: no such file');
});

describe('changed keys', () => {
  test.each([
    [[], []],
    [['mqtt.receiveMax=1'], ['mqtt.receiveMax']],
    [['mqtt.tcp.bind=127.0.0.1:1'], ['mqtt.tcp.bind']],
    [
      ['bridges=[{name: a, address: "b:1"}]', 'log.level=debug'],
      ['log.level', 'bridges'],
    ],
    [['mqtt.sessionExpiryMaxSeconds=never'], []],
  ])('%j', (set, keys) => {
    expect(changedKeys(configWith({}), configWith({ set }))).toEqual(keys);
  });
});
