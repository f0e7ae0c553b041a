import type { Principal, Realm } from '../model/client.ts';
import { type Draft, Message } from '../model/message.ts';
import type { Core } from './core.ts';
import { PublishGate } from './publish-gate.ts';
import type { ClientTopics } from './topic-pipeline.ts';

export interface SessionlessPublisher {
  readonly principal: Principal;
  readonly topics: ClientTopics;
  /** That of its gateway, which also names it. */
  readonly realm: Realm;
}

/** Of somebody who never connected: QoS 0, with its own permissions, and without an answer. */
export function publishSessionless(core: Core, draft: Draft, { principal, topics, realm }: SessionlessPublisher): void {
  const { access, clock, counters, delayed, router } = core;
  const admitted = new PublishGate(access, principal, topics).admit(draft.topic);
  if (typeof admitted === 'string') {
    counters.denied.value += 1;
    return;
  }
  const { topic, delaySeconds } = admitted;
  const stamps = { publishedAtMs: clock.gatewayMs(), expiresAtMs: Number.POSITIVE_INFINITY };
  const message = new Message({ ...draft, topic, qos: 0 }, { gateway: realm, clientId: principal.clientId }, stamps);
  const { outcome } = delaySeconds === undefined ? router.route(message, undefined) : delayed.add(message, delaySeconds, { principal, realm });
  if (outcome === 'quota-exceeded') counters.quotaExceeded.value += 1;
}
