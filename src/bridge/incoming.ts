// From the remote into the gateway: as any publisher's, its messages are acknowledged when their class says so.
import type { PublishOutcome } from '../gateway/gateway.ts';
import { GatewayError } from '../model/errors.ts';
import type { Draft } from '../model/message.ts';
import type { Topic } from '../model/topic.ts';
import type { PublishView } from '../mqtt/packets.ts';
import type { BridgeLine } from './line.ts';
import type { Crossings } from './topic-map.ts';

/** Room for the packet id below the QoS in a publish token. */
const TOKEN_STRIDE = 65_536;

export class Incoming {
  readonly #line: BridgeLine;
  readonly #map: Crossings;

  constructor(line: BridgeLine, map: Crossings) {
    this.#line = line;
    this.#map = map;
  }

  /** A message from the remote; borrowed until this returns. */
  publish(view: PublishView): void {
    const { counters, session, uplink, budget } = this.#line;
    counters.received.value += 1;
    budget?.received();
    const topic = this.#localTopic(view);
    if (topic === undefined) {
      counters.unmapped.value += 1;
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
      uplink.reconnect('a local queue is full: the remote keeps what it sent'); // a negative PUBACK would make it forget
      return;
    }
    uplink.acknowledge(token % TOKEN_STRIDE, token >= 2 * TOKEN_STRIDE ? 2 : 1);
  }

  /** Undefined: there is no such name here. A line broken for it would bring the same message again. */
  #localTopic({ bytes, topicStart, topicEnd }: PublishView): Topic | undefined {
    const { context, settings } = this.#line;
    try {
      return this.#map.map(context.topics.internUtf8(bytes, topicStart, topicEnd));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      context.log.warn('message of the remote dropped', { bridge: settings.name, reason: error.message });
      return undefined;
    }
  }
}
