// PUBLISH from the client and what is answered to it (MQTT 5 §3.3 to §3.7, the receiver's side of §4.3).
import { isUtf8 } from 'node:buffer';
import type { ClientSession, PublishOutcome } from '../gateway/gateway.ts';
import type { MessageProperties, QoS } from '../model/message.ts';
import type { Counter } from '../model/metrics.ts';
import type { Topic, TopicTable } from '../model/topic.ts';
import { InboundTopics } from './inbound-topics.ts';
import { MqttCodecError, type ProtocolVersion, type PublishView, REASON } from './packets.ts';
import { isRefusal, PUBACK_REASON, PUBREC_REASON } from './reason.ts';
import { ReceiveWindow } from './receive-window.ts';
import type { Replies } from './replies.ts';
import type { MqttSettings } from './settings.ts';

/** Room for the packet id below the QoS in a publish token. */
const TOKEN_STRIDE = 65_536;

/** The draft of the PUBLISH at hand; the core takes from it what it keeps. */
interface DraftView {
  topic: Topic;
  payload: Uint8Array;
  qos: QoS;
  isRetain: boolean;
  properties: MessageProperties | undefined;
  expirySeconds: number | undefined;
}

export interface PublishParts {
  readonly version: ProtocolVersion;
  readonly topics: TopicTable;
  readonly settings: MqttSettings;
  readonly replies: Replies;
  /** Payloads that are not the UTF-8 they say they are. */
  readonly notUtf8: Counter;
}

export class InboundPublishes {
  readonly #parts: PublishParts;
  readonly #topics: InboundTopics;
  /** 3.x clients were told no limit. */
  readonly #window: ReceiveWindow | undefined;
  #draft: DraftView | undefined;

  constructor(parts: PublishParts) {
    const { version, topics, settings } = parts;
    this.#parts = parts;
    this.#topics = new InboundTopics(topics, settings.topicAliasMax);
    this.#window = version === 5 ? new ReceiveWindow(settings.receiveMax) : undefined;
  }

  /** @throws MqttCodecError - the client may not send this. */
  take(view: PublishView, session: ClientSession): void {
    const { settings } = this.#parts;
    if (view.qos > settings.maximumQos) throw new MqttCodecError(REASON.qosNotSupported, 'MQTT 5 §3.2.2.3.4', `a publish of QoS ${view.qos}`);
    if (view.isRetain && !settings.retainAvailable) throw new MqttCodecError(REASON.retainNotSupported, 'MQTT 5 §3.2.2.3.5', 'a publish that is retained');
    const topic = this.#topics.topicOf(view);
    if (view.qos > 0) this.#window?.begin(view.qos === 1 ? 1 : 2, view.packetId);
    const payload = view.payload();
    if (settings.payloadFormatCheck && view.properties?.isUtf8 === true && !isUtf8(payload)) {
      this.#refuseFormat(view, session);
      return;
    }
    this.#draft ??= { topic, payload, qos: 0, isRetain: false, properties: undefined, expirySeconds: undefined };
    const draft = this.#draft;
    draft.topic = topic;
    draft.payload = payload;
    draft.qos = view.qos;
    draft.isRetain = view.isRetain;
    draft.properties = view.properties;
    draft.expirySeconds = view.expirySeconds;
    if (view.qos === 0) session.publish(draft, 0);
    else session.publish(draft, view.qos * TOKEN_STRIDE + view.packetId, view.qos === 2 ? view.packetId : 0);
  }

  /** @returns false: it must not be acknowledged, and this version cannot say why. */
  answer(token: number, outcome: PublishOutcome): boolean {
    if (token === 0) return true; // QoS 0: never answered
    const { version } = this.#parts;
    if (version !== 5 && outcome === 'quota-exceeded') return false;
    const packetId = token % TOKEN_STRIDE;
    // MQTT-3.3.5-2 of 3.1.1: what it cannot be told, it is told is done
    if (token < 2 * TOKEN_STRIDE) this.#acknowledge(packetId, version === 5 ? PUBACK_REASON[outcome] : REASON.success);
    else this.#receive(packetId, version === 5 ? PUBREC_REASON[outcome] : REASON.success);
    return true;
  }

  /** PUBREL was handled. */
  complete(packetId: number, wasKnown: boolean): void {
    this.#window?.completed(packetId);
    const { version, replies } = this.#parts;
    replies.ack('pubcomp', packetId, wasKnown || version !== 5 ? REASON.success : REASON.packetIdentifierNotFound);
  }

  #acknowledge(packetId: number, reasonCode: number): void {
    this.#window?.acknowledged();
    this.#parts.replies.ack('puback', packetId, reasonCode);
  }

  #receive(packetId: number, reasonCode: number): void {
    if (isRefusal(reasonCode)) this.#window?.completed(packetId);
    this.#parts.replies.ack('pubrec', packetId, reasonCode);
  }

  /** 0x99, behind the answers that wait for the disk; QoS 0, which is never answered, is dropped. */
  #refuseFormat({ qos, packetId }: PublishView, session: ClientSession): void {
    this.#parts.notUtf8.value += 1;
    if (qos === 1) session.whenDurable(() => this.#acknowledge(packetId, REASON.payloadFormatInvalid));
    if (qos === 2) session.whenDurable(() => this.#receive(packetId, REASON.payloadFormatInvalid));
  }
}
