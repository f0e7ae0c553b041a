// `postern queues`: whose queue holds messages, and whose dropped some and why.
import { harmless } from '../observe/text-line.ts';
import { askGateway } from './ask-gateway.ts';
import type { ConfigOptions } from './config-options.ts';
import { size } from './status-text.ts';
import type { Surroundings } from './surroundings.ts';

export interface QueuesOptions extends ConfigOptions {
  readonly json?: boolean;
}

/** @param clientId - undefined: of all clients. */
export function queues(clientId: string | undefined, options: QueuesOptions, surroundings: Surroundings): Promise<number> {
  const told = (listing: unknown): string => (options.json ? `${JSON.stringify(listing, null, 2)}\n` : queuesText(listing, clientId));
  return askGateway(options, surroundings, { command: 'queues', ...(clientId === undefined ? {} : { clientId }) }, told);
}

/**
 * @param listing - as it came from the control socket.
 * @param clientId - whose queues were asked for; an empty one is listed then.
 */
export function queuesText(listing: unknown, clientId?: string): string {
  const { queues: listed, further } = Object(listing);
  const lines = Array.isArray(listed) ? listed.map(lineOf) : [];
  if (lines.length === 0) return clientId === undefined ? 'no queue holds or dropped a message\n' : `there is no session of ${harmless(clientId)}\n`;
  return `${lines.join('')}${further > 0 ? `and ${further} more\n` : ''}`;
}

function lineOf(queue: unknown): string {
  const { realm, clientId, isConnected, messages, bytes, messagesInMemory, inflight, dropped, lost, policies } = Object(queue);
  const causes = causesOf(dropped);
  const everLost = causesOf(lost);
  const parts = [
    `${realm} ${clientId}`,
    isConnected ? 'connected' : 'away',
    `${messages} stored (${size(bytes)})`,
    ...(messagesInMemory > 0 ? [`${messagesInMemory} in memory`] : []),
    ...(inflight > 0 ? [`${inflight} in flight`] : []),
    ...(causes.length > 0 ? [`dropped: ${causes.join(', ')}`] : []),
    ...(everLost.length > 0 ? [`lost since it began: ${everLost.join(', ')}`] : []),
  ];
  const below = Array.isArray(policies) ? policies.map(policyLine) : [];
  return [parts.join('  '), ...below].map((line) => `${harmless(line)}\n`).join(''); // client ids are what devices say
}

function causesOf(counts: unknown): string[] {
  return Object.entries(Object(counts)).map(([cause, count]) => `${cause} ${count}`);
}

function policyLine(policy: unknown): string {
  const { filters, whenFull, messages, bytes, messagesMax, bytesMax } = Object(policy);
  const ofMessages = messagesMax === undefined ? '' : ` of ${messagesMax}`;
  const ofBytes = bytesMax === undefined ? '' : ` of ${size(bytesMax)}`;
  return `  ${Array.isArray(filters) ? filters.join(' ') : ''}  ${whenFull}  ${messages}${ofMessages} stored (${size(bytes)}${ofBytes})`;
}
