// `postern queue export`: from one queue of the running gateway into a file, and out of the queue once the file is safe.
import { resolve } from 'node:path';
import { KIND } from '../carry/frame.ts';
import { framesIn } from '../carry/frame-reader.ts';
import { identityOf } from '../carry/message-codec.ts';
import { GatewayError } from '../model/errors.ts';
import { QUEUE_SEQUENCES_PER_REQUEST } from '../model/limits.ts';
import { harmless } from '../observe/text-line.ts';
import { type Ask, talkToGateway } from './ask-gateway.ts';
import { CarriedFile, chunksOf } from './carried-file.ts';
import type { ConfigOptions } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import { Progress } from './progress.ts';
import { queueParameters, type SelectionOptions, selectionParameters } from './queue-selection.ts';
import { size } from './status-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface ExportOptions extends ConfigOptions, SelectionOptions {
  readonly remove?: boolean;
  readonly json?: boolean;
}

export interface ExportPlace {
  readonly clientId: string;
  readonly file: string;
}

/** @returns the exit code. */
export function exportQueue({ clientId, file }: ExportPlace, options: ExportOptions, surroundings: Surroundings): Promise<number> {
  const selection = selectionParameters(clientId, options);
  if (typeof selection === 'string') {
    surroundings.complain(`postern: ${selection}\n`);
    return Promise.resolve(EXIT.usage);
  }
  const path = resolve(file);
  return talkToGateway(options, surroundings, async (put) => {
    const progress = new Progress(surroundings);
    const written = await writtenTo(path, put, { selection, options, progress, surroundings });
    const removed = options.remove === true ? await removedFrom(path, put, { clientId, ...queueParameters(options) }, progress) : undefined;
    progress.end();
    const outcome = { ...written, ...(removed === undefined ? {} : { removed }) };
    surroundings.write(options.json ? `${JSON.stringify(outcome)}\n` : exportText(path, outcome));
  });
}

interface Written {
  readonly messages: number;
  readonly bytes: number;
  readonly inFlight: number;
  readonly tooLarge: number;
}

interface Order {
  readonly selection: Readonly<Record<string, unknown>>;
  readonly options: ExportOptions;
  readonly progress: Progress;
  readonly surroundings: Surroundings;
}

/** Asks for the first piece before there is a file: a name that is wrong leaves none. */
async function writtenTo(path: string, put: Ask, { selection, options, progress, surroundings }: Order): Promise<Written> {
  const request = { command: 'queue.export', ...selection, isToRemove: options.remove === true };
  let piece = Object(await put(request));
  const { realm } = queueParameters(options);
  const header = { clientId: String(selection['clientId']), realm, madeBy: `postern ${surroundings.version}`, madeAtMs: surroundings.clock.nowMs() };
  const file = CarriedFile.create(path, header);
  let [inFlight, tooLarge] = [0, 0];
  try {
    const { upTo, queued } = piece;
    for (;;) {
      file.add(Array.from<unknown>(piece.messages).map((each) => Buffer.from(String(each), 'base64')));
      inFlight += Number(piece.inFlight);
      tooLarge += Number(piece.tooLarge);
      progress.tell(() => `${file.messages} of ${queued} messages, ${size(file.bytes)}`);
      if (piece.next === undefined) break;
      piece = Object(await put({ ...request, after: piece.next, upTo }));
    }
    file.finish();
  } catch (error) {
    file.abandon();
    throw error;
  }
  return { messages: file.messages, bytes: file.bytes, inFlight, tooLarge };
}

/**
 * Lets go of what the file holds, as read back from it.
 *
 * @returns how many were removed; the rest was delivered meanwhile, or is being.
 */
async function removedFrom(path: string, put: Ask, queue: Readonly<Record<string, unknown>>, progress: Progress): Promise<number> {
  let removed = 0;
  let era = '';
  let sequences: number[] = [];
  const remove = async (): Promise<void> => {
    if (sequences.length === 0) return;
    removed += Number(Object(await put({ command: 'queue.remove', ...queue, era, sequences })).removed);
    sequences = [];
    progress.tell(() => `${removed} removed from the queue`);
  };
  for (const found of framesIn(chunksOf(path))) {
    if (!('kind' in found)) throw new GatewayError('STORE_UNAVAILABLE', `${path} does not read back as it was written: not all was removed from the queue`);
    if (found.kind !== KIND.message) continue;
    const message = identityOf(found.body);
    if (message.era !== era || sequences.length === QUEUE_SEQUENCES_PER_REQUEST) await remove();
    era = message.era;
    sequences.push(message.sequence);
  }
  await remove();
  return removed;
}

function exportText(path: string, { messages, bytes, inFlight, tooLarge, removed }: Written & { readonly removed?: number }): string {
  const lines = [
    `${path}  ${messages} messages, ${size(bytes)}`,
    ...(removed === undefined ? [] : [`${removed} removed from the queue`]),
    ...(removed === undefined || removed === messages
      ? []
      : [`${messages - removed} were delivered meanwhile, or are under way: they are in the file as well`]),
    ...(inFlight === 0 ? [] : [`${inFlight} are under way to the client and were left there`]),
    ...(tooLarge === 0 ? [] : [`${tooLarge} are larger than a file takes and were left there`]),
  ];
  return lines.map((line) => `${harmless(line)}\n`).join('');
}
