import { describe, expect, test } from 'vitest';
import { type MqttListenerSettings, mqttListeners } from '../../../src/config/mqtt-listeners.ts';
import { configWith, linesOf, loadWith } from './config-file.ts';

function listenersOf(yaml: string): readonly MqttListenerSettings[] {
  return mqttListeners(configWith({ yaml, files: 'ignored' }).mqtt);
}

function listed(item: string): string {
  return `mqtt: {tcp: {enabled: false}, listeners: [{name: garden, ${item}}]}`;
}

describe('which listeners are opened', () => {
  test.each([
    ['', ['mqtt.tcp']],
    ['mqtt: {tcp: {enabled: false}}', []],
    ['mqtt: {ws: {enabled: true}, wss: {enabled: true, certFile: a, keyFile: b}}', ['mqtt.tcp', 'mqtt.ws', 'mqtt.wss']],
    ['mqtt: {tls: {enabled: true, pskFile: a}}', ['mqtt.tcp', 'mqtt.tls']],
    ['mqtt: {listeners: [{name: a, type: tcp, bind: "127.0.0.1:1"}, {name: b, type: unix, path: /s}]}', ['mqtt.tcp', 'mqtt.a', 'mqtt.b']],
  ])('%s: %j', (yaml, names) => {
    expect(listenersOf(yaml).map(({ name }) => name)).toEqual(names);
  });

  test('WebSocket listens on the port EMQX uses for it, on this host only', () => {
    const [, ws, wss] = listenersOf('mqtt: {ws: {enabled: true}, wss: {enabled: true, certFile: a, keyFile: b}}');
    expect([ws?.bind, wss?.bind]).toEqual([
      { host: '127.0.0.1', port: 8083 },
      { host: '127.0.0.1', port: 8084 },
    ]);
    expect(ws).toMatchObject({ type: 'ws', webSocket: { path: '/mqtt', origins: [], allowWithoutSubprotocol: false } });
  });
});

describe('a listener of the list', () => {
  test('has what the section mqtt has, but for what it says itself', () => {
    const yaml = `mqtt:
  receiveMax: 7
  packetBytesMax: 64KiB
  listeners:
    - name: garden
      type: tcp
      bind: 127.0.0.1:1885
      packetBytesMax: 1KiB
      versions: [3.1.1]
      mountPoint: garden/\${clientid}/
      allowBridgeBit: false
      keepAliveMaxSeconds: 0
    - {name: shed, type: tcp, bind: "127.0.0.1:1886"}`;
    const [tcp, garden, shed] = listenersOf(yaml);
    const shared = tcp?.connection;
    expect(shared).toMatchObject({ receiveMax: 7, packetBytesMax: 65_536, versions: ['3.1', '3.1.1', '5.0'], mountPoint: '' });
    expect(shed?.connection).toEqual(shared);
    const own = { packetBytesMax: 1_024, versions: ['3.1.1'], mountPoint: 'garden/${clientid}/', allowBridgeBit: false, keepAliveMaxSeconds: 0 };
    expect(garden?.connection).toEqual({ ...shared, ...own });
  });

  test.each([
    ['type: unix, path: /run/mqtt.sock', { path: '/run/mqtt.sock', mode: 0o660, bind: undefined }],
    ['type: unix, path: /run/mqtt.sock, mode: 600', { mode: 0o600 }],
    ['type: tcp, bind: "[::1]:1885", connectionsMax: 5', { bind: { host: '::1', port: 1_885 }, path: undefined, connectionsMax: 5 }],
    ['type: ws, bind: "127.0.0.1:1", webSocket: {path: /, origins: ["*"]}', { webSocket: { path: '/', origins: ['*'], allowWithoutSubprotocol: false } }],
    ['type: wss, bind: "127.0.0.1:1", tls: {certFile: /a, keyFile: /b}', { tls: { certFile: '/a', keyFile: '/b' }, webSocket: { path: '/mqtt' } }],
    ['type: tls, bind: "127.0.0.1:1", tls: {pskFile: /p}', { tls: { pskFile: '/p' } }],
  ])('%s', (item, expected) => {
    const [listener] = listenersOf(listed(item));
    expect(listener).toMatchObject({ at: ['mqtt', 'listeners', 0], name: 'mqtt.garden', ...expected });
  });
});

describe('contradictions are told where they are', () => {
  const at = 'mqtt.listeners[0]';
  test.each([
    ['type: tcp', `1:64: ${at}.type needs ${at}.bind`],
    ['type: unix, bind: "127.0.0.1:1"', `1:64: ${at}.type needs ${at}.path`],
    ['type: tls, bind: "127.0.0.1:1"', `1:64: ${at}.type needs ${at}.tls.certFile`, `1:64: ${at}.type needs ${at}.tls.keyFile`],
    ['type: wss, bind: "127.0.0.1:1", tls: {pskFile: /p, certFile: /a}', `1:64: ${at}.type needs ${at}.tls.keyFile`],
    ['bind: "127.0.0.1:1"', `1:43: ${at}.type is missing: one of tcp, tls, ws, wss, unix`],
    ['type: quic', `1:64: ${at}.type must be one of tcp, tls, ws, wss, unix, not "quic"`],
    ['type: unix, path: /s, mode: 0888', `1:86: ${at}.mode must be three octal digits, perhaps after a 0: 0660, not "0888"`],
    ['type: tcp, bind: "127.0.0.1:1", versions: []', `1:100: ${at}.versions must be a list of one or more of 3.1, 3.1.1, 5.0`],
    ['type: tcp, bind: "127.0.0.1:1", versions: [4]', `1:100: ${at}.versions must be a list of one or more of 3.1, 3.1.1, 5.0`],
    ['type: tcp, bind: "127.0.0.1:1", receiveMax: 0', `1:102: ${at}.receiveMax must be a whole number from 1 to 65535, not "0"`],
  ])('%s', (item, ...problems) => {
    const lines = linesOf(loadWith({ yaml: listed(item), files: 'ignored' }));
    expect(lines.map((line, index) => line.slice(0, `postern.yaml:${problems[index]}`.length))).toEqual(problems.map((problem) => `postern.yaml:${problem}`));
  });

  test.each([
    ['{name: a, type: unix, path: /a}, {name: a, type: unix, path: /b}', '1:60: mqtt.listeners[1].name a is already taken by mqtt.listeners[0]'],
    ['{name: ws, type: unix, path: /a}', '1:27: mqtt.listeners[0].name ws is the name of mqtt.ws'],
  ])('%s', (items, problem) => {
    expect(linesOf(loadWith({ yaml: `mqtt: {listeners: [${items}]}` }))).toEqual([`postern.yaml:${problem}`]);
  });

  test('the sections of their own as well', () => {
    expect(linesOf(loadWith({ yaml: 'mqtt: {wss: {enabled: true}}', files: 'ignored' }))).toEqual([
      'postern.yaml:1:23: mqtt.wss.enabled needs mqtt.wss.certFile',
      'postern.yaml:1:23: mqtt.wss.enabled needs mqtt.wss.keyFile',
    ]);
  });
});

describe('listeners that other hosts can reach', () => {
  test.each([
    ['mqtt: {ws: {enabled: true, bind: "0.0.0.0:8083"}}', 'mqtt.ws.bind (0.0.0.0:8083)'],
    ['mqtt: {listeners: [{name: a, type: ws, bind: "[::]:1"}]}', 'mqtt.listeners[0].bind ([::]:1)'],
  ])('%s: with anonymous clients the gateway does not start', (yaml, place) => {
    const [line, ...others] = linesOf(loadWith({ yaml: `access: {anonymous: always}\n${yaml}` }));
    expect(line).toContain(`access.anonymous is always, and other hosts can reach ${place}: `);
    expect(others).toEqual([]);
  });

  test.each(['mqtt: {ws: {bind: "0.0.0.0:8083"}}', 'mqtt: {listeners: [{name: a, type: unix, path: /s}]}'])('%s: not one of them', (yaml) => {
    expect(linesOf(loadWith({ yaml: `access: {anonymous: always}\n${yaml}` }))).toEqual([]);
  });
});
