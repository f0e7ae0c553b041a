import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { load } from '../../../src/config/load.ts';
import { linesOf, loadWith, temporaryDirectory } from './config-file.ts';

describe('a wrong value is told with line, column and what is allowed', () => {
  test.each([
    ['mqtt:\n  allowBridgeBit: yes', '2:19: mqtt.allowBridgeBit must be true or false, not "yes"'],
    ['mqtt:\n  receiveMax: many', '2:15: mqtt.receiveMax must be a whole number from 1 to 65535, not "many"'],
    ['mqtt:\n  receiveMax: 0', '2:15: mqtt.receiveMax must be a whole number from 1 to 65535, not "0"'],
    ['mqtt:\n  receiveMax: 65536', '2:15: mqtt.receiveMax must be a whole number from 1 to 65535, not "65536"'],
    ['mqtt:\n  receiveMax: 1.5', '2:15: mqtt.receiveMax must be a whole number from 1 to 65535, not "1.5"'],
    ['mqtt:\n  receiveMax: [1]', '2:15: mqtt.receiveMax must be a whole number from 1 to 65535, not a list'],
    ['mqtt: {receiveMax: {a: 1}}', '1:20: mqtt.receiveMax must be a whole number from 1 to 65535, not a section'],
    ['mqtt:\n  connectTimeoutSeconds: 15s', '2:26: mqtt.connectTimeoutSeconds must be whole seconds from 1 to 3600, not "15s"'],
    ['mqtt:\n  sessionExpiryMaxSeconds: ever', '2:28: mqtt.sessionExpiryMaxSeconds must be whole seconds from 0 to 4294967295, or never, not "ever"'],
    ['mqtt:\n  packetBytesMax: 2 XB', '2:19: mqtt.packetBytesMax must be bytes from 128 to 268435460 or with a unit: 64KiB, 2MB, not "2 XB"'],
    ['mqtt:\n  packetBytesMax: 1GB', '2:19: mqtt.packetBytesMax must be bytes from 128 to 268435460 or with a unit: 64KiB, 2MB, not "1GB"'],
    ['mqtt:\n  versions: [5]', '2:13: mqtt.versions must be a list of one or more of 3.1, 3.1.1, 5.0, not ["5"]'],
    ['mqtt:\n  versions: []', '2:13: mqtt.versions must be a list of one or more of 3.1, 3.1.1, 5.0, not []'],
    ['mqtt:\n  versions: [[5], {a: 1}]', '2:13: mqtt.versions must be a list of one or more of 3.1, 3.1.1, 5.0, not [a list, a section]'],
    ['mqtt:\n  mountPoint: a/#', '2:15: mqtt.mountPoint must be text of at most 65535 bytes without "+" and "#", not "a/#"'],
    ['mqtt:\n  mountPoint: +/${clientid}/', '2:15: mqtt.mountPoint must be text of at most 65535 bytes without "+" and "#", not "+/${clientid}/"'],
    [
      'sharedSubscriptions: {groups: [{group: a/b, strategy: random}]}',
      '1:40: sharedSubscriptions.groups[0].group must be text of 1 to 65535 bytes without "/", "+" and "#", not "a/b"',
    ],
    ['log:\n  level: loud', '2:10: log.level must be one of debug, info, warn, error, not "loud"'],
    ['mqtt:\n  tcp:\n    bind: 1883', '3:11: mqtt.tcp.bind must be host:port with a port from 0 to 65535 (127.0.0.1:1883, [::1]:1883), not "1883"'],
    ['mqtt:\n  tcp:\n    bind: ::1:1883', '3:11: mqtt.tcp.bind must be host:port with a port from 0 to 65535 (127.0.0.1:1883, [::1]:1883), not "::1:1883"'],
    ['mqtt:\n  tcp:\n    bind: a:70000', '3:11: mqtt.tcp.bind must be host:port with a port from 0 to 65535 (127.0.0.1:1883, [::1]:1883), not "a:70000"'],
    ['bridges: [{name: a, address: "b:0"}]', '1:30: bridges[0].address must be host:port with a port from 1 to 65535 (127.0.0.1:1883, [::1]:1883), not "b:0"'],
    ['bridges: [{name: a b, address: "b:1"}]', '1:18: bridges[0].name must be 1 to 64 letters, digits, "-" or "_", not "a b"'],
    ['bridges: [{name: a, address: "b:1", retry: {jitter: 1.5}}]', '1:53: bridges[0].retry.jitter must be a number from 0 to 1, not "1.5"'],
    ['bridges: [{name: a, address: "b:1", tls: {alpn: mqtt}}]', '1:49: bridges[0].tls.alpn must be a list of at most 8 texts of 1 to 255 bytes, not "mqtt"'],
    ['bridges: [{name: a, address: "b:1", topics: [{filter: x, qos: 3}]}]', '1:63: bridges[0].topics[0].qos must be one of 0, 1, 2, not "3"'],
    [
      'mqttSn:\n  predefinedTopics:\n    - id: 65535\n      topic: a/+',
      '3:11: mqttSn.predefinedTopics[0].id must be a whole number from 1 to 65534, not "65535"',
      '4:14: mqttSn.predefinedTopics[0].topic must be a topic name without wildcards: wildcard in topic name "a/+" [MQTT-4.7.1-1]',
    ],
    [
      'access:\n  rules:\n    - permission: deny\n      topic: a/#/b\n      address: 300.0.0.1',
      '4:14: access.rules[0].topic must be a topic filter: "#" must be the whole last level: "a/#/b" [MQTT-4.7.1-1]',
      '5:16: access.rules[0].address must be an IP address, a range (10.0.0.0/8, fd00::/8) or the path of a serial device, not "300.0.0.1"',
    ],
    [
      'access:\n  rules:\n    - permission: deny\n      topic: #',
      '4:7: access.rules[0].topic is missing: a topic filter; text that begins with "#" needs quotes',
    ],
    [
      'access:\n  rules:\n    - permission: deny\n      topic: #/b\n      action: all',
      '4:7: access.rules[0].topic is missing: a topic filter; text that begins with "#" needs quotes',
    ],
    ['access:\n  rules:\n    - permission: deny', '3:7: access.rules[0].topic is missing: a topic filter'],
    ['access:\n  rules:\n    - permission: deny\n      topic:', '4:7: access.rules[0].topic is missing: a topic filter'],
    ['access:\n  rules:\n    - permission: deny\n      topic:  # which?', '4:7: access.rules[0].topic is missing: a topic filter'],
    ['access:\n  rules:\n    - permission: deny\n      topic:\n      #action: all', '4:7: access.rules[0].topic is missing: a topic filter'],
    ['bridges:\n  - address: "b:1"', '2:5: bridges[0].name is missing: 1 to 64 letters, digits, "-" or "_"'],
  ])('%j', (yaml, ...problems) => {
    expect(linesOf(loadWith({ yaml }))).toEqual(problems.map((problem) => `postern.yaml:${problem}`));
  });
});

describe('wrong structure', () => {
  test.each([
    ['mqtt: 5', '1:7: mqtt must be a section with the keys tcp, tls, ws, wss, listeners,'],
    ['mqtt: []', '1:7: mqtt must be a section with the keys tcp,'],
    ['- mqtt', '1:1: must be a section with the keys data, control, log,'],
    ['hello', '1:1: must be a section with the keys data, control, log,'],
    ['bridges: {name: a}', '1:10: bridges must be a list of sections with the keys name, address,'],
    ['bridges:\n  - a', '2:5: bridges[0] must be a section with the keys name, address,'],
    ['bridges:\n  - name: a', '2:5: bridges[0].address is missing: host:port'],
    ['mqtt: {tcp: {port: 1}}', '1:14: mqtt.tcp.port is not a key: enabled, bind, proxyProtocol,'],
    ['constructor: 1', '1:1: constructor is not a key: data,'],
    ['__proto__: {polluted: 1}', '1:1: __proto__ is not a key: data,'],
  ])('%j', (yaml, problem) => {
    const [line, ...others] = linesOf(loadWith({ yaml }));
    expect(line).toContain(`postern.yaml:${problem}`);
    expect(others).toEqual([]);
  });
});

describe('an unknown key is told with the one that was meant', () => {
  test.each([
    ['mqtt: {recieveMax: 5}', '1:8: mqtt.recieveMax is not a key; did you mean mqtt.receiveMax?'],
    ['mqtt: {receive_max: 5}', '1:8: mqtt.receive_max is not a key; did you mean mqtt.receiveMax?'],
    ['mqtt-sn: {}', '1:1: mqtt-sn is not a key; did you mean mqttSn?'],
    ['qosMinusOne: true', '1:1: qosMinusOne is not a key; did you mean mqttSn.qosMinusOne?'],
    ['bridges: [{name: a, address: "b:1", qos: 1}]', '1:37: bridges[0].qos is not a key: name, address,'],
  ])('%j', (yaml, problem) => {
    expect(linesOf(loadWith({ yaml })).join()).toContain(`postern.yaml:${problem}`);
  });
});

describe('text that is not YAML', () => {
  test.each([
    ['mqtt:\n\ttcp: 1', ['2:1: is not YAML: Tabs are not allowed as indentation']],
    ['mqtt: [', ['1:8: is not YAML: Flow sequence in block collection must be']],
    ['a: 1\n---\nb: 1', ['2:1: begins a second document; a configuration is one']],
    ['log: {level: !!str info}', []],
    ['log: {level: !secret info}', ['1:14: is not YAML: Unresolved tag: !secret']],
    ['mqttSn: {predefinedTopics: [{id: 1, topic: a, clientId: *}]}', ['1:57: "*" is an alias of YAML']],
    ['log: &a {level: info}\nmqtt: *a', ['2:7: "*a" is an alias of YAML']],
  ])('%j', (yaml, problems) => {
    const lines = linesOf(loadWith({ yaml }));
    expect(lines).toHaveLength(problems.length);
    for (const [index, problem] of problems.entries()) expect(lines[index]).toContain(`postern.yaml:${problem}`);
  });

  test('a key given twice is told beside what else is wrong', () => {
    expect(linesOf(loadWith({ yaml: 'log: {level: info, level: loud}\nmqtt: {receiveMax: 0}' }))).toEqual([
      'postern.yaml:1:20: is not YAML: Map keys must be unique',
      'postern.yaml:1:27: log.level must be one of debug, info, warn, error, not "loud"',
      'postern.yaml:2:20: mqtt.receiveMax must be a whole number from 1 to 65535, not "0"',
    ]);
  });

  test.each([
    ['bytes that are not UTF-8', Uint8Array.of(0x6c, 0x6f, 0x67, 0x3a, 0xff), 'is not UTF-8 text'],
    ['more than a MiB', `# ${'x'.repeat(1_048_576)}`, 'has 1048578 bytes, more than a configuration may have (1048576)'],
    ['brackets without end', '['.repeat(100_000), 'is not YAML'],
  ])('%s', (_, yaml, problem) => {
    const lines = linesOf(loadWith({ yaml }));
    expect(lines[0]).toContain(problem);
  });
});

test('every problem is told at once: in the order of the file, then environment and command line', () => {
  const outcome = loadWith({
    yaml: 'store: {checkpointIntervalSeconds: 0}\nbridges:\n  - address: x\nlog:\n  levle: info\n  format: xml\n',
    environment: { POSTERN_MQTT__TCP__BIND: 'nowhere', POSTERN_MQTT__TPC__BIND: 'a:1' },
    set: ['mqtt.receiveMax=0', 'mqttSn.gateway=1', 'mqtt.tcp=1', 'log'],
  });
  expect(linesOf(outcome).map((line) => line.slice(0, 72))).toEqual([
    'postern.yaml:1:36: store.checkpointIntervalSeconds must be whole seconds',
    'postern.yaml:3:5: bridges[0].name is missing: 1 to 64 letters, digits, "',
    'postern.yaml:3:14: bridges[0].address must be host:port with a port from',
    'postern.yaml:5:3: log.levle is not a key; did you mean log.level?',
    'postern.yaml:6:11: log.format must be one of auto, text, json, not "xml"',
    'POSTERN_MQTT__TCP__BIND: mqtt.tcp.bind must be host:port with a port fro',
    '--set mqtt.receiveMax: mqtt.receiveMax must be a whole number from 1 to ',
    'POSTERN_MQTT__TPC__BIND: is not a key; did you mean POSTERN_MQTT__TCP?',
    '--set mqttSn.gateway: is not a key; did you mean mqttSn.gatewayId?',
    '--set mqtt.tcp: is a section: set one of its keys enabled, bind, proxyPr',
    '--set log: needs a value: --set key=value',
  ]);
});

test('a file that is not there', () => {
  const outcome = load({
    file: '/nowhere/postern.yaml',
    dataDirectory: undefined,
    assignments: [],
    machine: { environment: {}, hostname: 'board' },
    files: 'required',
  });
  expect(linesOf(outcome)[0]).toBe("postern.yaml: cannot be read: ENOENT: no such file or directory, stat '/nowhere/postern.yaml'");
});

describe('files the configuration names', () => {
  const bridge = (keys: string) => `bridges:\n  - {name: a, address: "b:8883", username: u, ${keys}}`;

  test.each([
    ['tls: {caFile: /nowhere/ca.pem}', '2:61: bridges[0].tls.caFile must be the path of a readable file ("/nowhere/ca.pem"): no such file'],
    ['tls: {caFile: /tmp}', '2:61: bridges[0].tls.caFile must be the path of a readable file ("/tmp"): not a file'],
  ])('%s', (keys, problem) => {
    expect(linesOf(loadWith({ yaml: bridge(keys) }))).toEqual([`postern.yaml:${problem}`]);
  });

  test('a password written where its file belongs is not repeated', () => {
    const [line] = linesOf(loadWith({ yaml: bridge('passwordFile: hunter2') }));
    expect(line).toBe('postern.yaml:2:61: bridges[0].passwordFile must be the path of a readable file, or credential:NAME: no such file');
  });

  test.each([
    ['required', 1],
    ['checked', 0],
    ['ignored', 0],
  ] as const)('a systemd credential without systemd, files %s', (files, problems) => {
    const lines = linesOf(loadWith({ yaml: bridge('passwordFile: credential:central'), files }));
    expect(lines).toHaveLength(problems);
    if (problems > 0) expect(lines[0]).toContain('$CREDENTIALS_DIRECTORY is not set');
  });

  test('a systemd credential is found in its directory', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'central'), 'secret\n');
    const outcome = loadWith({ yaml: bridge('passwordFile: credential:central'), environment: { CREDENTIALS_DIRECTORY: directory } });
    expect(outcome.kind === 'loaded' && outcome.config.bridges[0]?.passwordFile).toBe(join(directory, 'central'));
  });
});
