// What a bridge tells with each message, so that whoever gets it can say where it is from, when it came, and whether any is missing: as User Properties, or
// around the payload for 3.1.1, which has none. What it tells besides goes to a topic of its own: which number a boot ended with, and what is not sent.
import { isUtf8 } from 'node:buffer';
import type { GatewayContext } from '../gateway/gateway.ts';
import { Message, type MessageProperties, type QueueNumber, type UserProperties } from '../model/message.ts';
import { BOOT_ENDED_TOPIC, type BootEnded, deviceOf, NUMBERING_GATEWAY, numberIn, type SetAside } from '../model/queue-numbers.ts';
import type { Topic, TopicName } from '../model/topic.ts';
import { ORIGIN_PROPERTY } from './origin-mark.ts';

export interface ProvenanceSettings {
  readonly form: 'properties' | 'envelope';
  /** The bridge's name among all that send to the remote. */
  readonly stream: string;
  /** At the remote. */
  readonly reportTopic: TopicName;
}

/** Why a message is not sent, or not now. */
export type NotSentCause = 'hop-limit' | 'dead-letter';

const STAMPS_PREFIX = 'pst-';

export class Provenance {
  readonly #settings: ProvenanceSettings;
  readonly #context: GatewayContext;
  /** Of its own queue, among those of a message. */
  readonly #queue: string;
  readonly #reportTopic: Topic;

  constructor(settings: ProvenanceSettings, context: GatewayContext, queue: string) {
    this.#settings = settings;
    this.#context = context;
    this.#queue = queue;
    this.#reportTopic = context.topics.intern(settings.reportTopic);
  }

  /** What the queue says of itself, as the remote gets it; undefined: it is a message like others. */
  report(message: Message): Message | undefined {
    if (message.origin.gateway !== NUMBERING_GATEWAY) return undefined;
    const said: BootEnded | SetAside = JSON.parse(Buffer.from(message.payload).toString());
    if (message.topic.name === BOOT_ENDED_TOPIC) return this.#reportOf(message, said);
    return 'numbered' in said ? this.#notSent(message, said.numbered, { device: said.device, cause: 'dead-letter' }) : undefined;
  }

  /** In the place of a message that is not sent; undefined: nobody will miss it. */
  notSent(message: Message, cause: NotSentCause): Message | undefined {
    const number = numberIn(this.#queue, message);
    return number && this.#notSent(message, number, { device: deviceOf(message.origin), cause });
  }

  /** The message as the remote gets it. */
  stamped(message: Message): Message {
    const number = numberIn(this.#queue, message);
    const { topic, qos, isRetain, properties, origin } = message;
    if (this.#settings.form === 'envelope') {
      const payload = Buffer.from(JSON.stringify({ pst: this.#facts(message, number), ...enclosed(message.payload) }));
      return new Message({ topic, qos, isRetain, payload, properties: around(properties) }, origin, message);
    }
    const stamps = Object.entries(this.#facts(message, number)).map(([name, value]) => [`${STAMPS_PREFIX}${kebab(name)}`, String(value)] as const);
    const userProperties = [...unstamped(properties?.userProperties ?? []), ...stamps];
    return new Message({ topic, qos, isRetain, payload: message.payload, properties: { ...properties, userProperties } }, origin, message);
  }

  #facts(message: Message, number: QueueNumber | undefined): Record<string, string | number> {
    const reception = this.#context.receptionOf(message);
    return {
      bridge: this.#settings.stream,
      device: deviceOf(message.origin),
      ...(number !== undefined && { boot: number.boot, seq: number.number }),
      ...(number?.after !== undefined && { after: number.after }),
      ...(number !== undefined && number.deviceNumber > 0 && { deviceSeq: number.deviceNumber }),
      ...(reception?.wallMs !== undefined && { received: Math.round(reception.wallMs) }),
      clock: reception?.certainty ?? 'unknown',
      ...(reception !== undefined && { uptimeMs: Math.round(reception.uptimeMs) }),
    };
  }

  #notSent(
    message: Message,
    { boot, number, deviceNumber, after }: QueueNumber,
    { device, cause }: { readonly device: string; readonly cause: NotSentCause },
  ): Message {
    const at = this.#context.receptionOf(message)?.wallMs;
    const when = at === undefined ? {} : { since: Math.round(at), until: Math.round(at) };
    const first = deviceNumber > 0 ? { first: deviceNumber, last: deviceNumber } : {};
    return this.#reportOf(message, { device, boot, ...first, bridgeFirst: number, bridgeLast: number, after, count: 1, cause, ...when });
  }

  #reportOf({ qos, origin, publishedAtMs }: Message, report: object): Message {
    const payload = Buffer.from(JSON.stringify({ bridge: this.#settings.stream, ...report }));
    return new Message({ topic: this.#reportTopic, payload, qos, isRetain: false }, origin, { publishedAtMs, expiresAtMs: Number.POSITIVE_INFINITY });
  }
}

/** Those of a bridge before this one speak of its queue. */
function unstamped(properties: UserProperties): UserProperties {
  return properties.filter(([name]) => !name.startsWith(STAMPS_PREFIX) || name === ORIGIN_PROPERTY);
}

/** What an envelope has of the properties of what is in it: all but those that say what its bytes are. 3.1.1 has none. */
function around(properties: MessageProperties | undefined): MessageProperties | undefined {
  if (properties === undefined) return undefined;
  const { contentType: _, isUtf8: __, ...others } = properties;
  return others;
}

/** As text where it is text. */
function enclosed(payload: Uint8Array): { readonly payload: string } | { readonly payloadBase64: string } {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  return isUtf8(bytes) ? { payload: bytes.toString() } : { payloadBase64: bytes.toString('base64') };
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
