// The entries of one queue over the control socket. Each answer is a piece; `next` is what the next request takes as `after`.
import { QUEUE_ENTRIES_SHOWN_MAX } from '../model/limits.ts';
import type { CommandTable } from './protocol.ts';
import { flagOf, integer, messagesOf, queueOf, selectionOf, sequencesOf, textOf } from './queue-parameters.ts';
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
    'queue.export': {
      about: 'Messages of one queue as a file takes them, in base64.',
      run: async (given) => {
        const { messages, ...facts } = await book().export(queueOf(given), selectionOf(given), { isToRemove: flagOf(given, 'isToRemove') });
        return { messages: messages.map((each) => each.toString('base64')), ...facts };
      },
    },
    'queue.remove': {
      about: 'Lets go of messages that lie in a file.',
      run: (given) => book().removeExported(queueOf(given), textOf(given, 'era') ?? '', sequencesOf(given) ?? []),
    },
    'queue.import': {
      about: 'Puts messages of a file into a queue, or publishes them.',
      run: (given) => book().import(flagOf(given, 'isToPublish') ? 'topics' : queueOf(given), messagesOf(given)),
    },
  };
}
