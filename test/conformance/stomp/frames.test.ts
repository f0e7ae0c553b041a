import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FrameLimits, StompDecoder } from '../../../gateways/stomp/codec.ts';
import type { StompVersion } from '../../../gateways/stomp/packets.ts';

const LIMITS: FrameLimits = { headersMax: 4, headerLineBytesMax: 40, bodyBytesMax: 32 };

interface Read {
  readonly command: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** Every frame of `text`, read in pieces of `size` bytes; the error's message in place of what could not be read. */
function read(text: string | Buffer, version?: StompVersion, size = Number.POSITIVE_INFINITY): (Read | string)[] {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const decoder = new StompDecoder(LIMITS);
  decoder.version = version;
  const frames: (Read | string)[] = [];
  const visitor = {
    onFrame: ({ command, headers, body }: { command: string; headers: Read['headers']; body: Buffer }): void => {
      frames.push({ command, headers: [...headers], body: body.toString('latin1') });
    },
  };
  try {
    for (let at = 0; at < bytes.length; at += size) decoder.push(bytes.subarray(at, at + size), visitor);
  } catch (error) {
    frames.push((error as Error).message);
  }
  return frames;
}

const frame = (command: string, headers: Read['headers'] = [], body = ''): Read => ({ command, headers, body });

describe.each([Number.POSITIVE_INFINITY, 7, 1])('STOMP 1.2 augmented BNF, read in pieces of %d bytes', (size) => {
  test.each<[string, string, StompVersion | undefined, (Read | string)[]]>([
    ['a frame', 'SEND\ndestination:/a\n\nhello\0', '1.2', [frame('SEND', [['destination', '/a']], 'hello')]],
    [
      'two frames',
      'BEGIN\ntransaction:1\n\n\0ABORT\ntransaction:1\n\n\0',
      '1.2',
      [frame('BEGIN', [['transaction', '1']]), frame('ABORT', [['transaction', '1']])],
    ],
    ['EOLs between frames are heart-beats', '\n\r\nBEGIN\n\n\0\n\n\r\nABORT\n\n\0\n', '1.2', [frame('BEGIN'), frame('ABORT')]],
    ['1.2: EOL is [CR] LF', 'SEND\r\na:b\r\n\r\nx\0', '1.2', [frame('SEND', [['a', 'b']], 'x')]],
    ['before a version is agreed on, too', 'CONNECT\r\na:b\r\n\r\n\0', undefined, [frame('CONNECT', [['a', 'b']])]],
    ['1.1: CR is part of the value', 'SEND\na:b\r\n\nx\0', '1.1', [frame('SEND', [['a', 'b\r']], 'x')]],
    ['an empty value', 'SEND\na:\n\n\0', '1.2', [frame('SEND', [['a', '']])]],
    ['the first colon splits', 'SEND\na:b:c\n\n\0', '1.2', [frame('SEND', [['a', 'b:c']])]],
    [
      'repeated headers stay in order',
      'SEND\na:1\na:2\n\n\0',
      '1.2',
      [
        frame('SEND', [
          ['a', '1'],
          ['a', '2'],
        ]),
      ],
    ],
    ['no trimming in 1.2', 'SEND\na: b \n\n\0', '1.2', [frame('SEND', [['a', ' b ']])]],
    ['1.0 writes a space behind the colon', 'SEND\na:  b \n\n\0', '1.0', [frame('SEND', [['a', ' b ']])]],
    ['content-length counts octets, NULs among them', 'SEND\ncontent-length:3\n\n\0a\0\0', '1.2', [frame('SEND', [['content-length', '3']], '\0a\0')]],
    ['a content-length of 0', 'SEND\ncontent-length:0\n\n\0', '1.2', [frame('SEND', [['content-length', '0']])]],
    ['1.0 ignores the body of SUBSCRIBE', 'SUBSCRIBE\n\nx\0', '1.0', [frame('SUBSCRIBE', [], 'x')]],
    ['UTF-8', 'SEND\na:\u00c3\u00a4\n\n\0', '1.2', [frame('SEND', [['a', 'ä']])]],
    ['1.2 escapes', 'SEND\na\\c:\\n\\r\\\\\n\n\0', '1.2', [frame('SEND', [['a:', '\n\r\\']])]],
    ['1.1 escapes', 'SEND\na\\c:\\n\\\\\n\n\0', '1.1', [frame('SEND', [['a:', '\n\\']])]],
    ['1.0 has no escapes', 'SEND\na:\\n\\t\n\n\0', '1.0', [frame('SEND', [['a', '\\n\\t']])]],
    ['CONNECT is not escaped', 'CONNECT\na:\\t\n\n\0', '1.2', [frame('CONNECT', [['a', '\\t']])]],
    ['CONNECTED is not escaped', 'CONNECTED\na:\\n\n\n\0', '1.2', [frame('CONNECTED', [['a', '\\n']])]],
    ['1.1: \\r is undefined', 'SEND\na:\\r\n\n\0', '1.1', ['the escape \\r is undefined']],
    ['1.2: \\t is undefined', 'SEND\na:\\t\n\n\0', '1.2', ['the escape \\t is undefined']],
    ['a backslash at the end', 'SEND\na:b\\\n\n\0', '1.2', ['the escape \\ is undefined']],
    ['no colon', 'SEND\nab\n\n\0', '1.2', ['a header line without a colon']],
    ['no name', 'SEND\n:b\n\n\0', '1.2', ['a header without a name']],
    ['not UTF-8', 'SEND\na:\xff\n\n\0', '1.2', ['a header that is not UTF-8']],
    ['no empty line', 'SEND\na:b\0\nc:d\n\n', '1.2', ['the frame ends before its headers do']],
    ['an unknown command', 'PUT\n\n\0', '1.2', ['what comes first is no command']],
    ['commands are case sensitive', 'send\n\n\0', '1.2', ['what comes first is no command']],
    ['bytes without an end', 'x'.repeat(80), undefined, ['what comes first is no command']],
    ['a body where none may be', 'BEGIN\n\nx\0', '1.2', ['BEGIN has a body']],
    ['a content-length that is too short', 'SEND\ncontent-length:1\n\nab\0', '1.2', ['no NUL behind as many octets as content-length says']],
    ['a negative content-length', 'SEND\ncontent-length:-1\n\n\0', '1.2', ['content-length is no number of octets']],
    ['a content-length in words', 'SEND\ncontent-length:two\n\n\0', '1.2', ['content-length is no number of octets']],
    ['a content-length above the limit', 'SEND\ncontent-length:33\n\n', '1.2', ['a body of more than 32 bytes (bodyBytesMax)']],
    ['a body above the limit', `SEND\n\n${'x'.repeat(33)}`, '1.2', ['a body of more than 32 bytes (bodyBytesMax)']],
    ['a body at the limit', `SEND\n\n${'x'.repeat(32)}\0`, '1.2', [frame('SEND', [], 'x'.repeat(32))]],
    ['too many headers', `SEND\n${'a:b\n'.repeat(5)}\n\0`, '1.2', ['more than 4 headers (headersMax)']],
    ['a header line above the limit', `SEND\na:${'b'.repeat(40)}`, '1.2', ['a header line of more than 40 bytes (headerLineBytesMax)']],
    ['a header line at the limit', `SEND\na:${'b'.repeat(38)}\n\n\0`, '1.2', [frame('SEND', [['a', 'b'.repeat(38)]])]],
  ])('%s', (_, text, version, expected) => {
    const result = read(text, version, size);
    expect(result.slice(0, -1)).toEqual(expected.slice(0, -1));
    const [last, wanted] = [result.at(-1), expected.at(-1)];
    if (typeof wanted === 'string') expect(last).toContain(wanted);
    else expect(last).toEqual(wanted);
  });
});

test('a decoder that is paused within a visit keeps the frames behind it until it goes on', () => {
  const decoder = new StompDecoder(LIMITS);
  const commands: string[] = [];
  const visitor = {
    onFrame: ({ command }: { readonly command: string }): void => {
      commands.push(command);
      decoder.pause();
    },
  };
  decoder.push(Buffer.from('BEGIN\n\n\0COMMIT\n\n\0AB'), visitor);
  decoder.push(Buffer.from('ORT\n\n\0'), visitor);
  expect(commands).toEqual(['BEGIN']);
  decoder.resume(visitor);
  expect(commands).toEqual(['BEGIN', 'COMMIT']);
  decoder.resume(visitor);
  expect(commands).toEqual(['BEGIN', 'COMMIT', 'ABORT']);
  expect(decoder.bufferedBytes).toBe(0);
});

test('however a stream is cut, the frames are the same', () => {
  const text = 'SEND\na:b\r\n\r\nhello\0\nBEGIN\ntransaction:1\n\n\0SEND\ncontent-length:4\n\n\0\n\0x\0\r\n';
  const whole = read(text, '1.2');
  expect(whole).toHaveLength(3);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }), (sizes) => {
      const decoder = new StompDecoder(LIMITS);
      decoder.version = '1.2';
      const bodies: string[] = [];
      const bytes = Buffer.from(text, 'latin1');
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        decoder.push(bytes.subarray(at, at + size), { onFrame: ({ body }) => void bodies.push(body.toString('latin1')) });
        at += size;
      }
      expect(bodies).toEqual(whole.map((each) => (typeof each === 'string' ? each : each.body)));
    }),
  );
});
