// SEND in the core's words (STOMP 1.2 "SEND"), and which headers are the gateway's own.
import type { Draft, MessageProperties, QoS, UserProperties } from '../../src/model/message.ts';
import type { TopicTable } from '../../src/model/topic.ts';
import { type Destination, destinationOf, sendTopic } from './destinations.ts';
import { type Frame, type Headers, headerOf, StompError } from './packets.ts';
import type { StompSettings } from './settings.ts';

/** Said of a message by the gateway or to it; all others are the sender's, and come back in MESSAGE in their order. */
export const RESERVED: ReadonlySet<string> = new Set([
  ...['destination', 'content-length', 'content-type', 'receipt', 'transaction', 'login', 'passcode'],
  ...['message-id', 'subscription', 'ack', 'redelivered', 'qos', 'retain', 'expiry', 'persistent', 'reply-to', 'correlation-id'],
]);
const QOS: ReadonlyMap<string, QoS> = new Map([
  ['0', 0],
  ['1', 1],
  ['2', 2],
]);
const EXPIRY_SECONDS_MAX = 0xffff_ffff;

export interface Sent {
  readonly destination: Destination;
  readonly draft: Draft;
}

export interface SendParts {
  readonly topics: TopicTable;
  readonly settings: StompSettings;
  /** Topic of a place for replies of this connection. */
  readonly replyTopic: (name: string) => string;
}

/** @throws StompError - a header is missing or says nothing that can be done. */
export function sentBy({ headers, body }: Pick<Frame, 'headers' | 'body'>, { topics, settings, replyTopic }: SendParts): Sent {
  const stated = required(headers, 'destination', 'SEND');
  const destination = destinationOf(stated, settings);
  const topic = topics.intern(sendTopic(destination, settings));
  const asked = qosOf(headers, settings.sendQos);
  const qos = destination.kind === 'queue' && asked === 0 ? 1 : asked;
  const expirySeconds = expiryOf(headers);
  const draft = {
    topic,
    payload: body,
    qos,
    isRetain: headerOf(headers, 'retain') === 'true',
    properties: propertiesOf(headers, settings, replyTopic),
    expirySeconds,
  };
  return { destination, draft };
}

/** @throws StompError - it is not there. */
export function required(headers: Headers, name: string, command: string): string {
  const value = headerOf(headers, name);
  if (value === undefined) throw new StompError(`STOMP 1.2 ${command}`, `${command} needs the header ${name}`);
  return value;
}

/** A sender that waits for a receipt, or says `persistent:true`, means that it is stored. */
function qosOf(headers: Headers, ordinary: QoS): QoS {
  const stated = headerOf(headers, 'qos');
  if (stated !== undefined) {
    const qos = QOS.get(stated);
    if (qos === undefined) throw new StompError('header qos', 'qos is 0, 1 or 2');
    return qos;
  }
  const isKept = ordinary === 0 && (headerOf(headers, 'persistent') === 'true' || headerOf(headers, 'receipt') !== undefined);
  return isKept ? 1 : ordinary;
}

function expiryOf(headers: Headers): number | undefined {
  const stated = headerOf(headers, 'expiry');
  if (stated === undefined) return undefined;
  if (!/^\d{1,10}$/u.test(stated) || Number(stated) > EXPIRY_SECONDS_MAX) throw new StompError('header expiry', 'expiry is a number of seconds');
  return Number(stated);
}

function propertiesOf(headers: Headers, settings: StompSettings, replyTopic: (name: string) => string): MessageProperties | undefined {
  const userProperties: UserProperties = headers.filter(([name]) => !RESERVED.has(name));
  const contentType = headerOf(headers, 'content-type');
  const replyTo = headerOf(headers, 'reply-to');
  const correlationId = headerOf(headers, 'correlation-id');
  if (userProperties.length === 0 && contentType === undefined && replyTo === undefined && correlationId === undefined) return undefined;
  return {
    ...(contentType !== undefined && { contentType }),
    ...(replyTo !== undefined && { responseTopic: responseTopic(replyTo, settings, replyTopic) }),
    ...(correlationId !== undefined && { correlationData: Buffer.from(correlationId) }),
    ...(userProperties.length > 0 && { userProperties }),
  };
}

function responseTopic(replyTo: string, settings: StompSettings, replyTopic: (name: string) => string): string {
  const destination = destinationOf(replyTo, settings);
  return destination.kind === 'temporary' ? replyTopic(destination.text) : sendTopic(destination, settings);
}
