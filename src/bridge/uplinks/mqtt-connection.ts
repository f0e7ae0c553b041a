// One connection to a far MQTT broker, from its link to its end: CONNECT, SUBSCRIBE, serve. The next one is another object, so that nothing late reaches it.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import { MqttDecoder } from '../../mqtt/codec.ts';
import { encodeAck, encodePacket } from '../../mqtt/encode.ts';
import { OutboundAliases } from '../../mqtt/encode-aliases.ts';
import type { PublishEncoder } from '../../mqtt/encode-publish.ts';
import type { AckType, ConnackPacket, ConnectPacket, DecodedPacket, MqttVisitor, OutgoingPublish, Packet, PublishView } from '../../mqtt/packets.ts';
import type { Link, LinkHandlers } from '../../transport/transport.ts';
import type { FailureKind, LinkFailure } from '../link-state.ts';
import type { RemoteFilter, UplinkHandlers } from '../uplink.ts';
import { type MqttUplinkSettings, type RemoteTerms, remoteTerms, statusPublish, subscribePacket } from './mqtt-packets.ts';
import { reasonText } from './reason-words.ts';

/** What an uplink does for its connection. */
export interface ConnectionOwner {
  /** A CONNACK that refuses. */
  onRefused(packet: ConnackPacket): void;
  /** @returns false: the owner ended or left it. */
  onAccepted(packet: ConnackPacket): boolean;
  onSubscribing(): void;
  onFilterRefused(filter: RemoteFilter | undefined, reason: string): void;
  onServed(terms: RemoteTerms): void;
  /** Once, unless it was left. @param endedBy - see `UplinkHandlers.onDown`. */
  onEnd(failure: LinkFailure, endedBy: 'us' | 'remote'): void;
}

interface ConnectionParts {
  readonly settings: MqttUplinkSettings;
  readonly clock: Clock;
  readonly encoder: PublishEncoder;
  readonly filters: readonly RemoteFilter[];
  readonly handlers: UplinkHandlers;
  readonly owner: ConnectionOwner;
}

/** From dialled link to CONNACK, and from SUBSCRIBE to SUBACK. */
const ANSWER_TIMEOUT_MS = 20_000;
/** Share of the keep-alive between two PINGREQs; a connection on which nothing came in between them is given up. */
const PING_AFTER = 0.75;

/** What the remote waits for, above the packet id in `#asked`. */
const ASKED_STRIDE = 65_536;
const ASKED: Record<'puback' | 'pubrec' | 'pubcomp', number> = { puback: ASKED_STRIDE, pubrec: 2 * ASKED_STRIDE, pubcomp: 3 * ASKED_STRIDE };

export class MqttConnection implements MqttVisitor {
  readonly #parts: ConnectionParts;
  readonly #decoder: MqttDecoder;
  #state: 'new' | 'opening' | 'subscribing' | 'up' | 'over' = 'new';
  #link: Link | undefined;
  #terms: RemoteTerms | undefined;
  #aliases: OutboundAliases | undefined;
  /** Packet id of the SUBSCRIBE that is under way. */
  #subscribing: number | undefined;
  /** Something came in since the last PINGREQ. */
  #isAlive = false;
  /** What this connection asked for. */
  readonly #asked = new Set<number>();
  #cancelTimer: CancelTimer = () => {};
  #onClosed: () => void = () => {};

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    const { packetBytesMax, version } = parts.settings;
    this.#decoder = new MqttDecoder({ role: 'client', packetBytesMax, version });
  }

  /** Between SUBSCRIBE and its end: acknowledgements go, publishes from `isUp` on. */
  get isServed(): boolean {
    return this.#state === 'up' || this.#state === 'subscribing';
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  adopt(link: Link): LinkHandlers {
    const { handlers } = this.#parts;
    this.#link = link;
    return {
      onBytes: (bytes) => this.#receive(bytes),
      onFull: () => this.isUp && handlers.onFull(),
      onDrain: () => this.isUp && handlers.onDrain(),
      onClose: (cause) => {
        this.#onClosed();
        this.end({ kind: 'closed', reason: (cause?.message ?? 'closed by the remote') + this.#closedAt() }, 'remote');
      },
    };
  }

  open(connect: ConnectPacket): void {
    if (this.#state !== 'new') return; // closed before the dialer told of it
    this.#state = 'opening';
    this.#send(connect);
    this.#expectAnswer('CONNACK');
  }

  publish(publish: OutgoingPublish): 'sent' | 'settled' | 'too-large' {
    const terms = this.#terms;
    const link = this.#link;
    if (terms === undefined || link === undefined || !this.isUp) return publish.qos === 0 ? 'settled' : 'sent'; // it goes again once up
    const shaped = terms.shape(publish);
    if (!this.#encode(shaped, link, terms.packetBytesMax)) return 'too-large';
    return shaped.qos === 0 ? 'settled' : 'sent';
  }

  /** Before SUBACK too: a remote that kept our session sends what it has at once. */
  ack(type: AckType, packetId: number): void {
    if (this.isServed && this.#link !== undefined) encodeAck(type, packetId, 0, this.#link);
  }

  /** Only what this connection asked for: an answer that waited for the disk must not reach the next one, where its packet id means something else. */
  answer(type: keyof typeof ASKED, packetId: number): void {
    if (this.#asked.delete(ASKED[type] + packetId)) this.ack(type, packetId);
  }

  /** Whatever it was doing, it is over. */
  end(failure: LinkFailure, endedBy: 'us' | 'remote' = 'us'): void {
    if (this.#state === 'over') return;
    this.#over();
    this.#link?.destroy();
    this.#parts.owner.onEnd(failure, endedBy);
  }

  /** Says goodbye; nothing is told of it any more. Resolves when the link is closed or `signal` aborts. */
  async leave(signal: AbortSignal): Promise<void> {
    const link = this.#link;
    const isServed = this.isServed;
    if (link === undefined || this.#state === 'over') return this.#over();
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      if (isServed) this.#publishStatus('0');
      if (this.#terms !== undefined) this.#send({ type: 'disconnect', reasonCode: 0 });
      this.#over();
      link.close();
    });
    link.destroy();
  }

  onPublish(view: PublishView): void {
    const { topicAlias, qos, packetId } = view;
    const { handlers, settings } = this.#parts;
    if (topicAlias > settings.topicAliasMax) {
      this.#violated(`topic alias ${topicAlias} is above ${settings.topicAliasMax}`); // MQTT-3.1.2-26
      return;
    }
    if (qos > 0) this.#asked.add(ASKED[qos === 1 ? 'puback' : 'pubrec'] + packetId);
    handlers.onPublish(view);
  }

  onAck(type: AckType, packetId: number, reasonCode: number): void {
    const { handlers } = this.#parts;
    if (type === 'pubrel') {
      this.#asked.add(ASKED.pubcomp + packetId);
      handlers.onRelease(packetId);
    } else if (reasonCode >= 0x80 && type !== 'pubcomp') handlers.onRefused(packetId, reasonCode);
    else if (type === 'pubrec') handlers.onReceived(packetId);
    else handlers.onAcknowledged(packetId);
  }

  onPacket(packet: DecodedPacket): void {
    switch (packet.type) {
      case 'connack':
        if (this.#state === 'opening') this.#onConnack(packet);
        else this.#violated('unexpected connack');
        break;
      case 'suback':
        if (packet.packetId === this.#subscribing) this.#onSuback(packet.reasonCodes);
        break;
      case 'disconnect':
        this.end({ kind: 'closed', reason: `the remote says ${reasonText(packet.reasonCode, packet.properties?.reasonString)}` }, 'remote');
        break;
      case 'pingresp':
      case 'unsuback':
        break;
      default:
        this.#violated(`unexpected ${packet.type}`);
    }
  }

  #receive(bytes: Buffer): void {
    if (this.#state === 'over') return;
    this.#isAlive = true;
    try {
      this.#decoder.push(bytes, this);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#violated(error.message);
    }
  }

  #onConnack(packet: ConnackPacket): void {
    const { owner, handlers, filters, settings } = this.#parts;
    if (packet.reasonCode !== 0) {
      owner.onRefused(packet);
      return;
    }
    this.#terms = remoteTerms(packet, settings);
    if (!owner.onAccepted(packet)) return;
    handlers.onOpen();
    if (!packet.isSessionPresent) handlers.onForgotten();
    this.#state = 'subscribing';
    owner.onSubscribing();
    if (filters.length === 0) this.#up();
    else this.#subscribe();
  }

  #subscribe(): void {
    const { filters, handlers } = this.#parts;
    this.#subscribing = handlers.unusedPacketId();
    this.#send(subscribePacket(filters, this.#subscribing));
    this.#expectAnswer('SUBACK');
  }

  #onSuback(codes: readonly number[]): void {
    const { filters, owner } = this.#parts;
    this.#subscribing = undefined;
    for (const [index, code] of codes.entries()) if (code >= 0x80) owner.onFilterRefused(filters[index], reasonText(code));
    this.#up();
  }

  #up(): void {
    const terms = this.#terms;
    if (terms === undefined) return;
    this.#state = 'up';
    this.#aliases = terms.topicAliasMax === 0 ? undefined : new OutboundAliases(terms.topicAliasMax);
    this.#publishStatus('1');
    this.#watchKeepAlive(terms.keepAliveSeconds * 1000);
    this.#parts.owner.onServed(terms);
  }

  /** By an alias where there is one and room for three bytes more. */
  #encode(publish: OutgoingPublish, link: Link, packetBytesMax: number): boolean {
    const { encoder } = this.#parts;
    const { topic } = publish.message;
    const wire = this.#aliases?.of(topic);
    if (wire !== undefined && encoder.encode(publish, link, packetBytesMax, wire)) {
      this.#aliases?.sent(topic, wire);
      return true;
    }
    return encoder.encode(publish, link, packetBytesMax);
  }

  #closedAt(): string {
    if (this.#state === 'opening') return ', before it answered CONNECT: some close for what they do not let in, and ports with TLS for who speaks without';
    return this.#state === 'subscribing' ? ', before it answered SUBSCRIBE: some close for a filter they do not grant' : '';
  }

  #over(): void {
    this.#state = 'over';
    this.#cancelTimer();
    this.#decoder.close();
  }

  #violated(reason: string): void {
    this.#fail('violation', reason);
  }

  #fail(kind: FailureKind, reason: string): void {
    this.end({ kind, reason });
  }

  #expectAnswer(what: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#parts.clock.after(ANSWER_TIMEOUT_MS, () => this.#fail('unanswered', `no ${what} within ${ANSWER_TIMEOUT_MS / 1000} s`));
  }

  /** Pings whether or not there is traffic: what the remote sends does not show it that we are there (MQTT-3.1.2-20). */
  #watchKeepAlive(keepAliveMs: number): void {
    this.#cancelTimer();
    if (keepAliveMs === 0) return;
    const ping = (): void => {
      if (!this.#isAlive) {
        this.#fail('unanswered', 'no answer to PINGREQ');
        return;
      }
      this.#isAlive = false;
      this.#send({ type: 'pingreq' });
      this.#cancelTimer = this.#parts.clock.after(keepAliveMs * PING_AFTER, ping);
    };
    this.#cancelTimer = this.#parts.clock.after(keepAliveMs * PING_AFTER, ping);
  }

  #publishStatus(payload: '0' | '1'): void {
    const { settings, encoder } = this.#parts;
    if (settings.statusTopic === undefined || this.#link === undefined || this.#terms?.canRetain === false) return;
    encoder.encode(statusPublish(settings.statusTopic, payload), this.#link, Number.POSITIVE_INFINITY);
  }

  #send(packet: Packet): void {
    if (this.#link !== undefined) encodePacket(packet, this.#parts.settings.version, this.#link);
  }
}
