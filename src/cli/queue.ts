// `postern queue`: what lies in one queue of the running gateway, and letting go of it or sending it again, through its control socket.
import { harmless } from '../observe/text-line.ts';
import { type Ask, type GatewayRequest, talkToGateway } from './ask-gateway.ts';
import type { ConfigOptions } from './config-options.ts';
import { EXIT } from './exit-codes.ts';
import { isSelective, type SelectionOptions, selectionParameters } from './queue-selection.ts';
import { size } from './status-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface QueueOptions extends ConfigOptions, SelectionOptions {
  readonly all?: boolean;
  readonly limit?: string;
  readonly json?: boolean;
}

const SHOWN_BY_DEFAULT = 10;
const SHOWN_AT_ONCE = 100;

/** Prints the oldest entries that are selected. @returns the exit code. */
export function peekQueue(clientId: string, options: QueueOptions, surroundings: Surroundings): Promise<number> {
  return shownEntries(clientId, options, surroundings, {
    unlimited: SHOWN_BY_DEFAULT,
    told: (count) => (count === 0 ? 'nothing of that kind waits there\n' : ''),
  });
}

interface Shown {
  /** How many, where nobody said. */
  readonly unlimited: number;
  /** Behind them, for people. */
  told(count: number): string;
}

function shownEntries(clientId: string, options: QueueOptions, surroundings: Surroundings, { unlimited, told }: Shown): Promise<number> {
  const limit = options.limit === undefined ? unlimited : Number(options.limit);
  if (!Number.isSafeInteger(limit) || limit < 1) return misuse(surroundings, `--limit must be a whole number from 1 on, not ${JSON.stringify(options.limit)}`);
  const request = requestOf('queue.peek', clientId, options);
  if (typeof request === 'string') return misuse(surroundings, request);
  const show = (entry: unknown): void => surroundings.write(options.json ? `${JSON.stringify(entry)}\n` : entryText(entry));
  return talkToGateway(options, surroundings, async (put) => {
    const { count, isMore } = await peeked(put, { request, limit, show });
    if (options.json) return;
    surroundings.write(isMore ? 'and more: --limit shows them\n' : told(count));
  });
}

/** Prints all that are selected, unless there is a limit, and how many they are. @returns the exit code. */
export function searchQueue(clientId: string, options: QueueOptions, surroundings: Surroundings): Promise<number> {
  if (!isSelective(options)) return misuse(surroundings, 'say what to look for: --topics, --contains, --hex, --publisher, --older-than, --newer-than or --qos');
  return shownEntries(clientId, options, surroundings, { unlimited: Number.MAX_SAFE_INTEGER, told: (count) => `${count} found\n` });
}

/** Shows up to `limit` entries. @returns how many there were, and whether there may be more. */
async function peeked(
  put: Ask,
  { request, limit, show }: { readonly request: GatewayRequest; readonly limit: number; readonly show: (entry: unknown) => void },
): Promise<{ readonly count: number; readonly isMore: boolean }> {
  let count = 0;
  let after: unknown = 0;
  while (count < limit && after !== undefined) {
    const { entries, next } = Object(await put({ ...request, after, limit: Math.min(limit - count, SHOWN_AT_ONCE) }));
    for (const entry of Array.from<unknown>(entries)) show(entry);
    count += entries.length;
    after = next;
  }
  return { count, isMore: after !== undefined };
}

export function purgeQueue(clientId: string, options: QueueOptions, surroundings: Surroundings): Promise<number> {
  if (!isSelective(options) && options.all !== true)
    return misuse(surroundings, 'say what to let go of: --topics, --contains, --older-than and the like, or --all');
  return inPieces('queue.purge', clientId, { options, surroundings }, ({ purged = 0, inFlight = 0 }) => {
    const kept = inFlight > 0 ? `; ${inFlight} are under way to the client and were kept` : '';
    return `${purged} messages purged${kept}\n`;
  });
}

export function replayDeadLetters(clientId: string, options: QueueOptions, surroundings: Surroundings): Promise<number> {
  if (!isSelective(options) && options.all !== true)
    return misuse(surroundings, 'say what to send again: --topics, --contains, --older-than and the like, or --all');
  return inPieces('queue.replay', clientId, { options, surroundings }, ({ replayed }) => `${replayed} messages are in the queue of ${clientId} again\n`);
}

/** Until there is no next piece. */
function inPieces(
  command: string,
  clientId: string,
  { options, surroundings }: { readonly options: QueueOptions; readonly surroundings: Surroundings },
  said: (totals: Readonly<Record<string, number>>) => string,
): Promise<number> {
  const request = requestOf(command, clientId, options);
  if (typeof request === 'string') return misuse(surroundings, request);
  return talkToGateway(options, surroundings, async (put) => {
    const totals = await summed(put, request);
    surroundings.write(options.json ? `${JSON.stringify(totals)}\n` : harmless(said(totals).trimEnd()).concat('\n'));
  });
}

async function summed(put: Ask, request: GatewayRequest): Promise<Record<string, number>> {
  const totals: Record<string, number> = {};
  let after: unknown = 0;
  let bound: Readonly<Record<string, unknown>> = {};
  while (after !== undefined) {
    const { next, upTo, ...counts } = Object(await put({ ...request, after, ...bound }));
    if (upTo !== undefined) bound = { upTo };
    for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + Number(count);
    after = next;
  }
  return totals;
}

/** @returns what is wrong with the options. */
function requestOf(command: string, clientId: string, options: QueueOptions): GatewayRequest | string {
  const parameters = selectionParameters(clientId, options);
  return typeof parameters === 'string' ? parameters : { command, ...parameters };
}

function entryText(entry: unknown): string {
  const { sequence, topic, qos, isRetain, publishedAtMs, expiresInSeconds, origin, payloadBytes, payload, reason } = Object(entry);
  const { text, base64 } = Object(payload);
  const facts = [
    `${sequence}`,
    new Date(Number(publishedAtMs)).toISOString(),
    `${topic}`,
    `QoS ${qos}${isRetain === true ? ' retained' : ''}`,
    `from ${origin}`,
    size(Number(payloadBytes)),
    ...(expiresInSeconds === undefined ? [] : [`expires in ${expiresInSeconds} s`]),
  ];
  const shown = text === undefined ? `base64 ${base64}` : `${text}`;
  return `${[facts.join('  '), ...(reason === undefined ? [] : [`  ${reason}`]), `  ${shown}`].map((line) => harmless(line)).join('\n')}\n`;
}

function misuse(surroundings: Surroundings, message: string): Promise<number> {
  surroundings.complain(`postern: ${message}\n`);
  return Promise.resolve(EXIT.usage);
}
