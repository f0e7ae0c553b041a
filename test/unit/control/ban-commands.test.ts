import { describe, expect, test } from 'vitest';
import { banCommands } from '../../../src/control/ban-commands.ts';
import type { Ban, BanBook } from '../../../src/control/running-gateway.ts';

/** Remembers what it is told. */
class Book implements BanBook {
  readonly bans: Ban[] = [];

  list(): readonly Ban[] {
    return this.bans;
  }

  add(ban: Ban): number {
    this.bans.push(ban);
    return 2;
  }

  remove(kind: string, value: string): boolean {
    return kind === 'client' && value === 'valve-1';
  }
}

function run(command: string, parameters: Record<string, unknown>, book = new Book()): unknown {
  return banCommands(() => book)[command]?.run(parameters);
}

test('a ban is added, with the number of links it ended', () => {
  const book = new Book();
  expect(run('ban.add', { kind: 'address', value: '192.0.2.0/24', seconds: 60, reason: 'scan' }, book)).toEqual({ ended: 2 });
  expect(run('ban.add', { kind: 'client', value: 'valve-1' }, book)).toEqual({ ended: 2 });
  expect(book.bans).toEqual([
    { kind: 'address', value: '192.0.2.0/24', seconds: 60, reason: 'scan' },
    { kind: 'client', value: 'valve-1', seconds: Number.POSITIVE_INFINITY, reason: '' },
  ]);
  expect(run('ban.list', {}, book)).toEqual([
    { kind: 'address', value: '192.0.2.0/24', seconds: 60, reason: 'scan' },
    { kind: 'client', value: 'valve-1', seconds: null, reason: '' },
  ]);
});

test.each([
  ['valve-1', true],
  ['valve-2', false],
])('a ban is removed, if there is one: %s', (value, removed) => {
  expect(run('ban.remove', { kind: 'client', value })).toEqual({ removed });
});

describe('what a command does not take is refused', () => {
  test.each([
    ['ban.add', { value: 'x' }, '"kind" must be one of client, user, address'],
    ['ban.add', { kind: 'host', value: 'x' }, '"kind" must be one of client, user, address'],
    ['ban.add', { kind: 'client' }, '"value" must be a text of 1 to 1024 bytes'],
    ['ban.add', { kind: 'client', value: '' }, '"value" must be a text of 1 to 1024 bytes'],
    ['ban.add', { kind: 'client', value: 'x'.repeat(1_025) }, '"value" must be a text of 1 to 1024 bytes'],
    ['ban.add', { kind: 'client', value: 'x', seconds: 0 }, '"seconds" must be a whole number'],
    ['ban.add', { kind: 'client', value: 'x', seconds: 1.5 }, '"seconds" must be a whole number'],
    ['ban.add', { kind: 'client', value: 'x', seconds: '60' }, '"seconds" must be a whole number'],
    ['ban.add', { kind: 'client', value: 'x', reason: 1 }, '"reason" must be a text'],
    ['ban.remove', { kind: 'client' }, '"value" must be a text of 1 to 1024 bytes'],
  ])('%s %j', (command, parameters, problem) => {
    const book = new Book();
    expect(() => run(command, parameters, book)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION', message: expect.stringContaining(problem) }));
    expect(book.bans).toEqual([]);
  });
});
