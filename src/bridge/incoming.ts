// From the remote into the gateway: as any publisher's, its messages are acknowledged when their class says so.
import type { PublishOutcome } from '../gateway/gateway.ts';
import type { Draft } from '../model/message.ts';
import type { Counter } from '../model/metrics.ts';
import type { PublishView } from '../mqtt/packets.ts';
import type { BridgeLine } from './line.ts';
import type { LoopGuard } from './loop-guard.ts';
import { RemoteTopics } from './remote-topics.ts';
import type { Crossings } from './topic-map.ts';

/** Room for the packet id below the QoS in a publish token. */
const TOKEN_STRIDE = 65_536;

export class Incoming {
  readonly #line: BridgeLine;
  readonly #map: Crossings;
  readonly #topics: RemoteTopics;
  /** Packet ids of echoes of QoS 2, until their PUBREL. */
  readonly #echoesReceived = new Set<number>();

  constructor(line: BridgeLine, map: Crossings) {
    this.#line = line;
    this.#map = map;
    const { context, settings } = line;
    this.#topics = new RemoteTopics(context.topics, (reason) => context.log.warn('message of the remote dropped', { bridge: settings.name, reason }));
  }

  /** A message from the remote; borrowed until this returns. */
  publish(view: PublishView): void {
    const { counters, session, guard, budget } = this.#line;
    const { qos, packetId, isRetain, expirySeconds } = view;
    counters.received.value += 1;
    budget?.received();
    const payload = view.payload();
    const named = this.#topics.topicOf(view); // in any case: it may set an alias
    if (guard !== undefined && this.#isEcho(guard, view, payload)) return;
    const topic = named && this.#map.map(named);
    const admitted = guard === undefined ? view : guard.arriving(view.properties);
    if (topic === undefined || admitted === undefined) {
      this.#drop(view, topic === undefined ? counters.unmapped : counters.hopLimit); // a line broken for it would bring the same message again
      return;
    }
    const draft: Draft = { topic, payload, qos, isRetain, properties: admitted.properties, expirySeconds };
    session.publish(draft, tokenOf(view), qos === 2 ? packetId : 0);
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

  /** The remote has begun a new session: its packet ids mean other messages. */
  forgotten(): void {
    this.#echoesReceived.clear();
  }

  /** PUBREL. */
  release(packetId: number): void {
    this.#echoesReceived.delete(packetId);
    this.#line.session.release(packetId);
  }

  /** Acknowledged in its turn (MQTT-4.6.0-2). */
  #drop(view: PublishView, counter: Counter): void {
    counter.value += 1;
    if (view.qos > 0) this.#line.session.passOver(tokenOf(view));
  }

  /** What we sent ourselves is acknowledged when it is on disk that it came: sent once more, it would pass for news. */
  #isEcho(guard: LoopGuard, view: PublishView, payload: Uint8Array): boolean {
    const { qos, packetId, isDuplicate } = view;
    const isSecondCopy = qos === 2 && isDuplicate && this.#echoesReceived.has(packetId);
    if (!isSecondCopy && !guard.isEcho(view, payload)) return false;
    if (qos === 2) this.#echoesReceived.add(packetId);
    this.#drop(view, this.#line.counters.echoes);
    return true;
  }
}

/** 0: nobody waits for an answer. */
function tokenOf({ qos, packetId }: PublishView): number {
  return qos === 0 ? 0 : qos * TOKEN_STRIDE + packetId;
}
