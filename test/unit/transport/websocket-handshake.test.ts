import { describe, expect, test } from 'vitest';
import { judge, refusal } from '../../../src/transport/websocket-handshake.ts';

/** The request of RFC 6455 §1.2. */
const HEADERS = {
  host: 'board.local:8083',
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
  'sec-websocket-protocol': 'mqtt',
};
const REQUEST = { method: 'GET', url: '/mqtt', httpVersionMajor: 1, httpVersionMinor: 1 };
const POLICY = { path: '/mqtt', origins: [] as string[], allowWithoutSubprotocol: false };

type Headers = Record<string, string | undefined>;

function asked(headers: Headers, { policy = {}, request = {} }: { policy?: Partial<typeof POLICY>; request?: Partial<typeof REQUEST> } = {}) {
  return judge({ ...REQUEST, ...request, headers: { ...HEADERS, ...headers } }, { ...POLICY, ...policy });
}

describe('RFC 6455 §4.2.2: the answer', () => {
  test('to the request of §1.2 is that of §1.2', () => {
    expect(asked({})).toEqual({
      kind: 'accepted',
      response:
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n',
    });
  });

  test('no extension is agreed on', () => {
    expect(asked({ 'sec-websocket-extensions': 'permessage-deflate' })).toEqual(asked({}));
  });

  test('a refusal says its length and that the connection ends', () => {
    expect(refusal(403, 'no')).toBe('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nno\n');
  });
});

describe('RFC 6455 §4.2.1: a request that is not one is refused', () => {
  test.each<[string, Headers, Partial<typeof REQUEST>, number]>([
    ['POST', {}, { method: 'POST' }, 405],
    ['HTTP/1.0', {}, { httpVersionMinor: 0 }, 400],
    ['no host', { host: undefined }, {}, 400],
    ['another upgrade', { upgrade: 'h2c' }, {}, 400],
    ['no version', { 'sec-websocket-version': undefined }, {}, 426],
    ['version 8', { 'sec-websocket-version': '8' }, {}, 426],
    ['no key', { 'sec-websocket-key': undefined }, {}, 400],
    ['a key of 15 bytes', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub24=' }, {}, 400],
    ['a key that is no base64', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZ*==' }, {}, 400],
  ])('%s', (_, headers, request, status) => {
    expect(asked(headers, { request })).toMatchObject({ kind: 'rejected', cause: 'request', response: expect.stringMatching(`^HTTP/1.1 ${status} `) });
  });

  test('the name of the protocol may be written in any case', () => {
    expect(asked({ upgrade: 'WebSocket' }).kind).toBe('accepted');
  });

  test('who asks for another version is told which one there is', () => {
    expect(asked({ 'sec-websocket-version': '8' }).response).toContain('\r\nSec-WebSocket-Version: 13\r\n');
  });
});

describe('the path', () => {
  test.each([
    ['/mqtt', '/mqtt', true],
    ['/mqtt?token=a', '/mqtt', true],
    ['/', '/mqtt', false],
    ['/mqtt/', '/mqtt', false],
    ['/MQTT', '/mqtt', false],
    ['/mqtt/../mqtt', '/mqtt', false],
    ['http://board.local/mqtt', '/mqtt', false],
    ['/', '/', true],
  ])('%s where %s is served: %s', (url, path, isServed) => {
    const verdict = asked({}, { request: { url }, policy: { path } });
    if (isServed) expect(verdict.kind).toBe('accepted');
    else expect(verdict).toMatchObject({ kind: 'rejected', cause: 'path', response: expect.stringMatching(/^HTTP\/1\.1 404 /) });
  });
});

describe('MQTT-6.0.0-3, -4 of 5.0 and 3.1.1: the subprotocol', () => {
  test.each<[string | undefined, boolean, string | undefined]>([
    ['mqtt', false, 'mqtt'],
    ['mqttv3.1', false, 'mqttv3.1'],
    ['mqttv3.1, mqtt', false, 'mqtt'],
    ['chat,mqtt', false, 'mqtt'],
    ['chat', true, undefined],
    [undefined, true, undefined],
  ])('%s is offered, others allowed %s: %s is chosen', (offered, allowWithoutSubprotocol, chosen) => {
    const { kind, response } = asked({ 'sec-websocket-protocol': offered }, { policy: { allowWithoutSubprotocol } });
    expect(kind).toBe('accepted');
    expect(/Sec-WebSocket-Protocol: (.*)\r\n/.exec(response)?.[1]).toBe(chosen);
  });

  test.each([undefined, '', 'chat', 'MQTT', 'mqtt5', 'mqttv3.1.1'])('%s alone is refused', (offered) => {
    expect(asked({ 'sec-websocket-protocol': offered })).toMatchObject({
      kind: 'rejected',
      cause: 'subprotocol',
      response: expect.stringMatching(/^HTTP\/1\.1 400 [\s\S]*the subprotocol mqtt is not offered\n$/),
    });
  });
});

describe('the origin of a page (RFC 6454)', () => {
  const none: readonly string[] = [];
  test.each<[string, string | undefined, string, readonly string[], boolean]>([
    ['who is no browser has none', undefined, 'board.local:8083', none, true],
    ['this address and port', 'http://192.168.7.1:8083', '192.168.7.1:8083', none, true],
    ['an IPv6 address', 'http://[::1]:8083', '[::1]:8083', none, true],
    ['this machine', 'http://localhost:8083', 'localhost:8083', none, true],
    ['a name a certificate vouches for', 'https://board.local:8084', 'board.local:8084', none, true],
    ['in any case', 'https://Board.Local:8084', 'board.LOCAL:8084', none, true],
    ['the port of the scheme is left out', 'https://board.local', 'board.local:443', none, true],
    ['a name its owner may have pointed here (DNS rebinding)', 'http://evil.example:8083', 'evil.example:8083', none, false],
    ['such a name on the list', 'http://board.local:8083', 'board.local:8083', ['http://board.local:8083'], true],
    ['a name that begins as an address does', 'http://127.0.0.1.evil.example', '127.0.0.1.evil.example', none, false],
    ['another port', 'http://192.168.7.1:3000', '192.168.7.1:8083', none, false],
    ['another host', 'http://evil.example', 'board.local:8083', none, false],
    ['a host that begins alike', 'http://board.local.evil.example:8083', 'board.local:8083', none, false],
    ['the host as a user name', 'http://board.local:8083@evil.example', 'board.local:8083', none, false],
    ['a page without an origin', 'null', 'board.local:8083', none, false],
    ['an extension of the browser', 'chrome-extension://board.local:8083', 'board.local:8083', none, false],
    ['text', 'board.local:8083', 'board.local:8083', none, false],
    ['one on the list', 'https://dashboard.example.org', 'board.local:8083', ['https://dashboard.example.org/'], true],
    ['the same by another scheme', 'http://dashboard.example.org', 'board.local:8083', ['https://dashboard.example.org'], false],
    ['one without an origin on the list', 'null', 'board.local:8083', ['null'], true],
    ['another one without an origin', 'file://x', 'board.local:8083', ['app://x'], false],
    ['all', 'http://evil.example', 'board.local:8083', ['*'], true],
  ])('%s: %s at %s with %j is let in: %s', (_, origin, host, origins, isLetIn) => {
    const verdict = asked({ origin, host }, { policy: { origins: [...origins] } });
    if (isLetIn) expect(verdict.kind).toBe('accepted');
    else expect(verdict).toMatchObject({ kind: 'rejected', cause: 'origin', response: expect.stringMatching(/^HTTP\/1\.1 403 /) });
  });
});
