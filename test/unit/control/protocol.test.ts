import { describe, expect, test } from 'vitest';
import { LineSplitter } from '../../../src/control/line-splitter.ts';
import { parseAnswer, parseRequest } from '../../../src/control/protocol.ts';
import { CONTROL_LINE_BYTES_MAX } from '../../../src/model/limits.ts';

describe('requests', () => {
  test('id, command and what belongs to the command', () => {
    expect(parseRequest('{"id":7,"command":"status","depth":2}')).toEqual({ id: 7, command: 'status', parameters: { depth: 2 } });
  });

  test.each([
    ['', 'Unexpected end of JSON input'],
    ['status', 'is not valid JSON'],
    ['[]', 'a line must hold one JSON object'],
    ['null', 'a line must hold one JSON object'],
    ['"status"', 'a line must hold one JSON object'],
    ['{"command":"status"}', '"id" must be a text or a number'],
    ['{"id":null,"command":"status"}', '"id" must be a text or a number'],
    ['{"id":1}', '"command" must be a text'],
    ['{"id":1,"command":["status"]}', '"command" must be a text'],
  ])('%j is refused', (line, problem) => {
    expect(() => parseRequest(line)).toThrow(problem);
  });
});

describe('answers', () => {
  test.each([
    ['{"id":1,"ok":{"a":1}}', { id: 1, ok: { a: 1 } }],
    ['{"id":"x","ok":null}', { id: 'x', ok: null }],
    ['{"id":null,"error":{"code":"C","message":"m"}}', { id: null, error: { code: 'C', message: 'm' } }],
  ])('%s', (line, answer) => {
    expect(parseAnswer(line)).toEqual(answer);
  });

  test.each([
    ['{"ok":1}', '"id" must be a text, a number or null'],
    ['{"id":1}', 'neither "ok" nor "error"'],
    ['{"id":1,"error":"no"}', 'neither "ok" nor "error"'],
    ['{"id":1,"error":{"code":1,"message":"m"}}', 'neither "ok" nor "error"'],
  ])('%s is refused', (line, problem) => {
    expect(() => parseAnswer(line)).toThrow(problem);
  });
});

describe('lines', () => {
  const split = (...chunks: readonly string[]) => {
    const splitter = new LineSplitter();
    return chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk)));
  };

  test.each([
    [['a\nb\n'], ['a', 'b']],
    [['a', 'b\nc'], ['ab']],
    [['\n\n'], ['', '']],
    [['a\r\n'], ['a\r']],
    [[], []],
  ])('%j', (chunks, lines) => {
    expect(split(...chunks)).toEqual(lines);
  });

  test('a character may be cut between two reads', () => {
    const splitter = new LineSplitter();
    const bytes = Buffer.from('ü\n');
    expect([...splitter.push(bytes.subarray(0, 1)), ...splitter.push(bytes.subarray(1))]).toEqual(['ü']);
  });

  test('what is kept between two reads is no view of the read buffer', () => {
    const splitter = new LineSplitter();
    const buffer = Buffer.from('ab');
    splitter.push(buffer);
    buffer.fill('x');
    expect(splitter.push(Buffer.from('\n'))).toEqual(['ab']);
  });

  test('a line is bounded, whether its end comes or not', () => {
    const longest = 'x'.repeat(CONTROL_LINE_BYTES_MAX);
    expect(split(`${longest}\n`)).toHaveLength(1);
    expect(() => split(`${longest}x\n`)).toThrow('a line is longer than');
    expect(() => split(longest, 'x')).toThrow('a line is longer than');
  });
});
