// From the remote into the gateway: as any publisher's, its messages are acknowledged when their class says so.
import type { PublishOutcome } from '../gateway/gateway.ts';
import type { Draft } from '../model/message.ts';
import type { PublishView } from '../mqtt/packets.ts';
import type { BridgeLine } from './line.ts';
import { RemoteTopics } from './remote-topics.ts';
import type { Crossings } from './topic-map.ts';

/** Room for the packet id below the QoS in a publish token. */
const TOKEN_STRIDE = 65_536;

export class Incoming {
  readonly #line: BridgeLine;
  readonly #map: Crossings;
  readonly #topics: RemoteTopics;

  constructor(line: BridgeLine, map: Crossings) {
    this.#line = line;
    this.#map = map;
    const { context, settings } = line;
    this.#topics = new RemoteTopics(context.topics, (reason) => context.log.warn('message of the remote dropped', { bridge: settings.name, reason }));
  }

  /** A message from the remote; borrowed until this returns. */
  publish(view: PublishView): void {
    const { counters, session, uplink, budget } = this.#line;
    counters.received.value += 1;
    budget?.received();
    const named = this.#topics.topicOf(view);
    const topic = named && this.#map.map(named);
    if (topic === undefined) {
      counters.unmapped.value += 1; // acknowledged all the same: a line broken for it would bring the same message again
      if (view.qos > 0) uplink.acknowledge(view.packetId, view.qos === 1 ? 1 : 2);
      return;
    }
    const draft: Draft = {
      topic,
      payload: view.payload(),
      qos: view.qos,
      isRetain: view.isRetain,
      properties: view.properties,
      expirySeconds: view.expirySeconds,
    };
    session.publish(draft, view.qos === 0 ? 0 : view.qos * TOKEN_STRIDE + view.packetId, view.qos === 2 ? view.packetId : 0);
  }

  /** The answer of the core to one of them. */
  published(token: number, outcome: PublishOutcome): void {
    const { uplink } = this.#line;
    if (token === 0) return;
    if (outcome === 'quota-exceeded') {
      uplink.reconnect({ kind: 'queue-full', reason: 'a local queue is full: the remote keeps what it sent' }); // a negative PUBACK would make it forget
      return;
    }
    uplink.acknowledge(token % TOKEN_STRIDE, token >= 2 * TOKEN_STRIDE ? 2 : 1);
  }

  /** A new connection. */
  connected(): void {
    this.#topics.forget();
  }
}
