// SUBSCRIBE as its client means it (STOMP 1.2 "SUBSCRIBE").
import type { QoS } from '../../src/model/message.ts';
import { destinationOf } from './destinations.ts';
import { type Headers, headerOf, StompError, type StompVersion } from './packets.ts';
import { required } from './send.ts';
import type { StompSettings } from './settings.ts';
import { ackModeOf, type SubscriptionTerms } from './subscription.ts';

export interface SubscribeRequest extends SubscriptionTerms {
  /** By which the connection knows it: its id, or the destination where a 1.0 client gave none. */
  readonly key: string;
  readonly qosMax: QoS;
  /** Collects while its client is away. */
  readonly isDurable: boolean;
}

/** @throws StompError - something is missing, unknown or not offered. */
export function subscribeRequest(headers: Headers, version: StompVersion, settings: StompSettings): SubscribeRequest {
  const stated = required(headers, 'destination', 'SUBSCRIBE');
  const id = headerOf(headers, 'id');
  if (id === undefined && version !== '1.0') throw new StompError('STOMP 1.2 SUBSCRIBE', 'SUBSCRIBE needs the header id');
  if (headerOf(headers, 'selector') !== undefined) throw new StompError('STOMP 1.2 SUBSCRIBE', 'selectors are not supported: use destinations with wildcards');
  const destination = destinationOf(stated, settings);
  const ackMode = ackModeOf(headerOf(headers, 'ack'), version);
  const isDurable = headerOf(headers, 'durable') === 'true';
  if (isDurable && destination.kind !== 'topic')
    throw new StompError('SUBSCRIBE durable', 'only a subscription to a topic can be durable: a queue is by itself');
  return {
    key: id ?? stated,
    id,
    destination,
    ackMode,
    isDurable,
    prefetch: prefetchOf(headers, settings),
    qosMax: qosOf(headers, { ackMode, isDurable, isQueue: destination.kind === 'queue' }),
  };
}

/** Name UNSUBSCRIBE gives: the id, or in 1.0 the destination. */
export function unsubscribeKey(headers: Headers, version: StompVersion): string {
  const key = headerOf(headers, 'id') ?? (version === '1.0' ? headerOf(headers, 'destination') : undefined);
  if (key === undefined) throw new StompError('STOMP 1.2 UNSUBSCRIBE', 'UNSUBSCRIBE needs the header id');
  return key;
}

/** Who acknowledges, or may be away, means QoS 1; who takes what comes gets it at QoS 0 unless it asks. */
function qosOf(headers: Headers, { ackMode, isDurable, isQueue }: { readonly ackMode: string; readonly isDurable: boolean; readonly isQueue: boolean }): QoS {
  const stated = headerOf(headers, 'qos');
  if (stated !== undefined && stated !== '0' && stated !== '1') throw new StompError('header qos', 'qos of a subscription is 0 or 1');
  if (ackMode !== 'auto' || isDurable || isQueue) return 1;
  return stated === '1' ? 1 : 0;
}

function prefetchOf(headers: Headers, { prefetchMax }: StompSettings): number {
  const stated = headerOf(headers, 'prefetch-count');
  if (stated === undefined) return prefetchMax;
  if (!/^[1-9]\d{0,8}$/u.test(stated)) throw new StompError('header prefetch-count', 'prefetch-count is a number of messages');
  return Math.min(Number(stated), prefetchMax);
}
