// The entries of one queue over the control socket. Each answer is a piece; `next` is what the next request takes as `after`.
import { QUEUE_ENTRIES_SHOWN_MAX } from '../model/limits.ts';
import type { CommandTable } from './protocol.ts';
import { integer, queueOf, selectionOf, textOf } from './queue-parameters.ts';
import type { QueueBook } from './running-gateway.ts';

/** @param book - asked for at each command; throws while there is none. */
export function queueCommands(book: () => QueueBook): CommandTable {
  return {
    'queue.peek': {
      about: 'Messages of one queue, the oldest first.',
      run: (given) => book().peek(queueOf(given), selectionOf(given), integer(given, 'limit', { least: 1, most: QUEUE_ENTRIES_SHOWN_MAX }) ?? 10),
    },
    'queue.purge': { about: 'Lets go of messages of one queue.', run: (given) => book().purge(queueOf(given), selectionOf(given)) },
    'queue.replay': {
      about: 'Puts dead letters back into the queue they come from.',
      run: (given) => book().replay(textOf(given, 'clientId') ?? '', selectionOf(given)),
    },
  };
}
