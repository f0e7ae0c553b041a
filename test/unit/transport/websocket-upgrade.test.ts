import { describe, expect, test } from 'vitest';
import { FrameDecoder } from '../../../src/transport/websocket-frames.ts';
import { ClientFrames } from '../../../src/transport/websocket-masking.ts';
import { upgradeProblem, upgradeRequest } from '../../../src/transport/websocket-upgrade.ts';
import { OutBuffer } from '../../../src/wire/out-buffer.ts';

/** RFC 6455 §1.3: this key is accepted with this answer. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

function head(lines: Readonly<Record<string, string>>, status = 'HTTP/1.1 101 Switching Protocols'): string {
  return [status, ...Object.entries(lines).map(([name, value]) => `${name}: ${value}`)].join('\r\n');
}

const GOOD = { Upgrade: 'WebSocket', Connection: 'Upgrade', 'Sec-WebSocket-Accept': ACCEPT, 'Sec-WebSocket-Protocol': 'mqtt' };

describe('RFC 6455 §4.1 the opening handshake of a client', () => {
  test('asks for MQTT in one request', () => {
    const lines = upgradeRequest({ host: 'broker.example.org', path: '/mqtt?x=1' }, KEY).split('\r\n');
    expect(lines).toEqual([
      'GET /mqtt?x=1 HTTP/1.1',
      'Host: broker.example.org',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${KEY}`,
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Protocol: mqtt', // MQTT-6.0.0-3
      '',
      '',
    ]);
  });

  test.each([
    ['all that is asked for', head(GOOD), undefined],
    ['another status', head({}, 'HTTP/1.1 403 Forbidden'), 'it answers 403 Forbidden'],
    ['no HTTP', 'hello', 'it does not answer with HTTP/1.1'],
    ['another protocol', head({ ...GOOD, Upgrade: 'h2c' }), 'it upgrades to something else than WebSocket'],
    ['the answer to another request', head({ ...GOOD, 'Sec-WebSocket-Accept': 'x' }), 'it answers to another request than ours'],
    ['an extension', head({ ...GOOD, 'Sec-WebSocket-Extensions': 'permessage-deflate' }), 'it wants an extension of WebSocket that was not offered'],
    ['no subprotocol (MQTT-6.0.0-4)', head({ Upgrade: 'websocket', 'Sec-WebSocket-Accept': ACCEPT }), 'it does not choose the subprotocol mqtt'],
  ])('%s', (_, answer, problem) => {
    expect(upgradeProblem(answer, KEY)).toBe(problem);
  });
});

function sealed(frames: ClientFrames, payload: Uint8Array): Buffer {
  const out = new OutBuffer(frames.headroom + payload.length);
  out.bytes.set(payload, frames.headroom);
  out.length = frames.headroom + payload.length;
  return Buffer.from(frames.seal(out));
}

describe('RFC 6455 §5.3 frames of a client are masked', () => {
  test.each([0, 1, 125, 126, 65_535, 65_536])('a server reads %i bytes as they were', (size) => {
    const payload = Buffer.from(Uint8Array.from({ length: size }, (_, index) => index));
    const decoder = new FrameDecoder(100_000, () => {});
    expect(decoder.decode(sealed(new ClientFrames(), payload)).equals(payload)).toBe(true);
    expect(decoder.end).toBeUndefined();
  });

  test('each under another key', () => {
    const frames = new ClientFrames();
    const keys = Array.from({ length: 200 }, () => sealed(frames, Buffer.from('x')).toString('hex', 2, 6));
    expect(new Set(keys).size).toBe(200);
  });

  test('control frames too', () => {
    const pings: string[] = [];
    const whole = new ClientFrames().control(Buffer.concat([Buffer.from('8905', 'hex'), Buffer.from('Hello')]));
    new FrameDecoder(100, (payload) => pings.push(payload.toString())).decode(whole);
    expect(pings).toEqual(['Hello']);
  });
});

describe('RFC 6455 §5.1 frames of a server are not masked', () => {
  test('its payload is taken as it is, wherever it is cut', () => {
    const decoder = new FrameDecoder(100, () => {}, 'server');
    const bytes = Buffer.from('820548656c6c6f8200820121', 'hex');
    const parts = [...bytes].map((byte) => Buffer.from(decoder.decode(Buffer.from([byte]))));
    expect(Buffer.concat(parts).toString()).toBe('Hello!');
  });

  test('one with a mask ends the connection', () => {
    const decoder = new FrameDecoder(100, () => {}, 'server');
    decoder.decode(Buffer.from('828537fa213d7f9f4d5158', 'hex'));
    expect(decoder.end).toMatchObject({ kind: 'violation', reason: 'frame with a mask' });
  });
});
