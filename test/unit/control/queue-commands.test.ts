import { expect, test } from 'vitest';
import { queueCommands } from '../../../src/control/queue-commands.ts';
import type { QueueBook } from '../../../src/control/running-gateway.ts';

const book: QueueBook = {
  peek: (queue, selection, limit) => ({ entries: [{ queue, selection, limit }], next: 7 }),
  purge: () => ({ purged: 3, inFlight: 1, next: undefined }),
  replay: (clientId) => ({ replayed: clientId.length, next: undefined, upTo: 9 }),
};

function run(command: string, parameters: Record<string, unknown>): unknown {
  return queueCommands(() => book)[command]?.run(parameters);
}

test('a request says which queue, which entries, and how many', () => {
  expect(run('queue.peek', { clientId: 'panel', realm: 'mqtt', after: 5, topics: 'a/#', contains: 'x', sequences: [1, 2], limit: 3 })).toEqual({
    entries: [{ queue: { clientId: 'panel', realm: 'mqtt' }, selection: { after: 5, topics: 'a/#', contains: 'x', sequences: [1, 2] }, limit: 3 }],
    next: 7,
  });
  const further = { hex: '0d0A', publisher: 'boiler-3', olderThanSeconds: 60, newerThanSeconds: 90, qos: 1 };
  expect(run('queue.peek', { clientId: 'panel', ...further })).toMatchObject({
    entries: [{ selection: { containsBytes: Buffer.from([13, 10]), publisher: 'boiler-3', olderThanSeconds: 60, newerThanSeconds: 90, qos: 1 } }],
  });
  expect(run('queue.purge', { clientId: 'panel' })).toEqual({ purged: 3, inFlight: 1, next: undefined });
  expect(run('queue.replay', { clientId: 'bridge:a' })).toEqual({ replayed: 8, next: undefined, upTo: 9 });
});

test.each([
  [{ clientId: 7 }, '"clientId"'],
  [{ clientId: 'x'.repeat(1_025) }, '"clientId"'],
  [{ clientId: 'a', limit: 0 }, '"limit"'],
  [{ clientId: 'a', limit: 101 }, '"limit"'],
  [{ clientId: 'a', after: -1 }, '"after"'],
  [{ clientId: 'a', upTo: -1 }, '"upTo"'],
  [{ clientId: 'a', sequences: ['1'] }, '"sequences"'],
  [{ clientId: 'a', sequences: Array(1_001).fill(1) }, '"sequences"'],
  [{ clientId: 'a', topics: 'a/#/b' }, '#'],
  [{ clientId: 'a', hex: '0d0' }, '"hex"'],
  [{ clientId: 'a', hex: '' }, '"hex"'],
  [{ clientId: 'a', publisher: 1 }, '"publisher"'],
  [{ clientId: 'a', olderThanSeconds: -1 }, '"olderThanSeconds"'],
  [{ clientId: 'a', newerThanSeconds: 1.5 }, '"newerThanSeconds"'],
  [{ clientId: 'a', qos: 3 }, '"qos"'],
])('%o is refused', (parameters, told) => {
  expect(() => run('queue.peek', parameters)).toThrow(told);
});
