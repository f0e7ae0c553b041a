// No message goes round in circles, whatever the remotes are. To MQTT 5 remotes each carries a mark of where it began and how many bridges it has crossed; what
// comes home is not published again, and behind a number of bridges it stays. A 3.1.1 remote that sends back what it was sent is seen through by its echoes.
import type { GatewayContext } from '../gateway/gateway.ts';
import { Message, type MessageProperties, type QoS } from '../model/message.ts';
import type { Topic } from '../model/topic.ts';
import { filtersMeet, topicFilter } from '../model/topic.ts';
import type { PublishView } from '../mqtt/packets.ts';
import type { BridgeCounters } from './counters.ts';
import { EchoWindow, echoDigest } from './echo-window.ts';
import { marked, originMark, UNKNOWN_ORIGIN } from './origin-mark.ts';
import type { Crossings, TopicRule } from './topic-map.ts';

export interface LoopGuardSettings {
  /** Whether every message is guarded, or only where something could come back over the same bridge. */
  readonly isAlways: boolean;
  /** Bridges a message crosses, in either direction; then it stays. */
  readonly hopsMax: number;
  /** This gateway, among all: 16 hexadecimal digits. Asked of by who needs it only. */
  readonly origin: () => string;
  /** Whether the remote takes User Properties. */
  readonly marks: boolean;
}

export interface LoopGuardParts {
  readonly context: Pick<GatewayContext, 'state' | 'clock'>;
  readonly counters: BridgeCounters;
  readonly incoming: Crossings;
}

export class LoopGuard {
  readonly #settings: LoopGuardSettings;
  readonly #incoming: Crossings;
  readonly #origin: string;
  /** All there is to a message without other properties. */
  readonly #ownMark: MessageProperties;
  readonly #window: EchoWindow | undefined;
  /** The remote sends back what it was sent. */
  #echoes = false;

  constructor(settings: LoopGuardSettings, { context, counters, incoming }: LoopGuardParts) {
    this.#settings = settings;
    this.#incoming = incoming;
    this.#origin = settings.marks ? settings.origin() : UNKNOWN_ORIGIN;
    this.#ownMark = marked(undefined, { origin: this.#origin, hops: 1 });
    this.#window = settings.marks ? undefined : new EchoWindow({ state: context.state, clock: context.clock, forgotten: counters.echoesForgotten });
  }

  connected({ echoes, isSessionPresent }: { readonly echoes: boolean; readonly isSessionPresent: boolean }): void {
    this.#echoes = echoes;
    this.#window?.connected(isSessionPresent);
  }

  disconnected(): void {
    this.#window?.disconnected();
  }

  /** The message as it goes out; undefined: it has crossed as many bridges as it may. */
  leaving(message: Message): Message | undefined {
    const { properties, topic, payload, qos, isRetain } = message;
    const mark = originMark(properties);
    if (mark !== undefined && mark.hops >= this.#settings.hopsMax) return undefined;
    if (!this.#settings.marks) return message;
    const next = mark === undefined ? { origin: this.#origin, hops: 1 } : { ...mark, hops: mark.hops + 1 };
    const all = properties === undefined ? this.#ownMark : marked(properties, next);
    return new Message({ topic, payload, qos, isRetain, properties: all }, message.origin, message);
  }

  /** A copy was given to the remote. */
  sent({ topic, payload }: { readonly topic: Topic; readonly payload: Uint8Array }, copy: { readonly qos: QoS; readonly isAgain: boolean }): void {
    if (this.#window === undefined || !this.#echoes || this.#incoming.map(topic) === undefined) return;
    this.#window.sent(echoDigest(topic.name, payload), copy);
  }

  /** Whether the remote says back what we told it; before it is said to be connected, too: it sends what it has kept at once. */
  isEcho({ bytes, topicStart, topicEnd }: PublishView, payload: Uint8Array): boolean {
    if (this.#window === undefined || this.#window.count === 0) return false;
    return this.#window.arrived(echoDigest(bytes.subarray(topicStart, topicEnd), payload));
  }

  /** The properties of a message that comes in; undefined: it has crossed as many bridges as it may. */
  arriving(properties: MessageProperties | undefined): { readonly properties: MessageProperties | undefined } | undefined {
    if (!this.#settings.marks) return { properties };
    const { origin, hops } = originMark(properties) ?? { origin: UNKNOWN_ORIGIN, hops: 0 };
    return hops >= this.#settings.hopsMax ? undefined : { properties: marked(properties, { origin, hops: hops + 1 }) };
  }
}

/** Whether what goes out under these rules may be what comes in under them. */
export function mayReturn(rules: readonly TopicRule[]): boolean {
  const fetched = rules.filter(({ direction }) => direction !== 'out').map(({ remotePrefix, filter }) => topicFilter(remotePrefix + filter));
  const sent = rules.filter(({ direction }) => direction !== 'in');
  return sent.some(({ rename, remotePrefix, filter }) =>
    fetched.some((other) => rename !== undefined || filtersMeet(topicFilter(remotePrefix + filter), other)),
  );
}
