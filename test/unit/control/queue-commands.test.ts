import { expect, test } from 'vitest';
import { queueCommands } from '../../../src/control/queue-commands.ts';
import type { QueueBook } from '../../../src/control/running-gateway.ts';
import { QUEUE_IMPORTED_PER_REQUEST } from '../../../src/model/limits.ts';

const book: QueueBook = {
  peek: (queue, selection, limit) => ({ entries: [{ queue, selection, limit }], next: 7 }),
  purge: () => ({ purged: 3, inFlight: 1, next: undefined }),
  replay: (clientId) => ({ replayed: clientId.length, next: undefined, upTo: 9 }),
  export: async (_queue, _selection, { isToRemove }) => ({
    messages: [Buffer.from([1, 2])],
    next: 7,
    upTo: 9,
    inFlight: isToRemove ? 1 : 0,
    tooLarge: 0,
    queued: 3,
  }),
  removeExported: (_queue, era, sequences) => ({ removed: era.length + sequences.length }),
  import: async (target, messages) => ({ imported: messages.length, known: 0, expired: 0, unmatched: 0, invalid: 0, full: JSON.stringify(target) }),
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

test('messages of files are base64 on the way, and only as many at once as are one group', async () => {
  expect(await run('queue.export', { clientId: 'panel', isToRemove: true })).toMatchObject({ messages: ['AQI='], next: 7, upTo: 9, inFlight: 1 });
  expect(run('queue.remove', { clientId: 'panel', era: 'ab', sequences: [1, 2, 3] })).toEqual({ removed: 5 });
  expect(await run('queue.import', { clientId: 'panel', messages: ['AQI='] })).toMatchObject({ imported: 1, full: '{"clientId":"panel"}' });
  expect(await run('queue.import', { isToPublish: true, messages: [] })).toMatchObject({ full: '"topics"' });
});

test.each([
  ['queue.export', { clientId: 'a', isToRemove: 'yes' }, '"isToRemove"'],
  ['queue.remove', { clientId: 'a', era: 7, sequences: [1] }, '"era"'],
  ['queue.import', { clientId: 'a' }, '"messages"'],
  ['queue.import', { clientId: 'a', messages: [1] }, '"messages"'],
  ['queue.import', { clientId: 'a', messages: Array(QUEUE_IMPORTED_PER_REQUEST + 1).fill('') }, '"messages"'],
])('%s %o is refused', async (command, parameters, told) => {
  await expect(async () => run(command, parameters)).rejects.toThrow(told);
});
