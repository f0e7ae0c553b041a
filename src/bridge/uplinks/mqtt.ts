// A far MQTT broker, 3.1.1 or 5.0: dial, CONNECT, SUBSCRIBE, serve, and again after every loss, for as long as the gateway runs.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import { type RetrySchedule, retryDelayMs } from '../../model/retry-schedule.ts';
import { MqttDecoder } from '../../mqtt/codec.ts';
import { encodeAck, encodePacket } from '../../mqtt/encode.ts';
import { PublishEncoder } from '../../mqtt/encode-publish.ts';
import type { AckType, ConnackPacket, DecodedPacket, MqttVisitor, OutgoingPublish, Packet, PublishView } from '../../mqtt/packets.ts';
import type { Link, LinkHandlers, StreamDialer } from '../../transport/transport.ts';
import type { Uplink, UplinkHandlers } from '../uplink.ts';
import { connectPacket, type MqttUplinkSettings, type RemoteTerms, remoteLimits, statusPublish, subscribePacket } from './mqtt-packets.ts';

export interface MqttUplinkParts {
  readonly dialer: StreamDialer;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: RetrySchedule;
}

/** From dialled link to CONNACK, and from SUBSCRIBE to SUBACK. */
const ANSWER_TIMEOUT_MS = 20_000;
/** Share of the keep-alive after which a silent connection is pinged, and again after which it is given up. */
const PING_AFTER = 0.75;
/** CONNACK return code of 3.x: unacceptable protocol version. */
const BAD_VERSION = 1;

type State = 'idle' | 'dialing' | 'connecting' | 'subscribing' | 'up' | 'stopped';

export class MqttUplink implements Uplink, MqttVisitor, LinkHandlers {
  readonly name: string;
  readonly address: string;
  readonly #settings: MqttUplinkSettings;
  readonly #parts: MqttUplinkParts;
  readonly #encoder: PublishEncoder;
  #state: State = 'idle';
  #handlers: UplinkHandlers | undefined;
  #link: Link | undefined;
  #decoder: MqttDecoder;
  #dialing = new AbortController();
  #remote: RemoteTerms | undefined;
  #isBridgeBitSet: boolean;
  #attempt = 0;
  #lastReceivedMs = 0;
  #isPinged = false;
  #cancelTimer: CancelTimer = () => {};
  #closed: (() => void) | undefined;

  constructor(settings: MqttUplinkSettings, parts: MqttUplinkParts) {
    this.name = settings.name;
    this.address = settings.address;
    this.#settings = settings;
    this.#parts = parts;
    this.#encoder = new PublishEncoder(settings.version);
    this.#decoder = this.#newDecoder();
    this.#isBridgeBitSet = settings.version === 4 && settings.triesBridgeBit;
  }

  start(handlers: UplinkHandlers): void {
    this.#handlers = handlers;
    void this.#dial();
  }

  publish(publish: OutgoingPublish): 'sent' | 'settled' | 'too-large' {
    const remote = this.#remote;
    const link = this.#link;
    if (remote === undefined || link === undefined || this.#state !== 'up') return publish.qos === 0 ? 'settled' : 'sent'; // it goes again once up
    const shaped = remote.shape(publish);
    if (!this.#encoder.encode(shaped, link, remote.packetBytesMax)) return 'too-large';
    return shaped.qos === 0 ? 'settled' : 'sent';
  }

  release(packetId: number): void {
    this.#ack('pubrel', packetId);
  }

  acknowledge(packetId: number, qos: 1 | 2): void {
    this.#ack(qos === 1 ? 'puback' : 'pubrec', packetId);
  }

  complete(packetId: number): void {
    this.#ack('pubcomp', packetId);
  }

  reconnect(cause: string): void {
    this.#down(cause);
  }

  async stop(signal: AbortSignal): Promise<void> {
    const wasConnected = this.#state === 'up' || this.#state === 'subscribing';
    this.#state = 'stopped';
    this.#cancelTimer();
    this.#dialing.abort();
    const link = this.#link;
    if (link === undefined) return;
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (wasConnected) {
        this.#publishStatus('0');
        this.#send({ type: 'disconnect', reasonCode: 0 });
      }
      link.close();
    });
    link.destroy();
  }

  // ---- link

  onBytes(bytes: Buffer): void {
    this.#lastReceivedMs = this.#parts.clock.monotonicMs();
    this.#isPinged = false;
    try {
      this.#decoder.push(bytes, this);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#down(error.message);
    }
  }

  onFull(): void {
    this.#handlers?.onFull();
  }

  onDrain(): void {
    this.#handlers?.onDrain();
  }

  onClose(cause?: GatewayError): void {
    this.#closed?.();
    this.#down(cause?.message ?? 'closed by the remote');
  }

  // ---- packets from the remote

  onPublish(view: PublishView): void {
    this.#handlers?.onPublish(view);
  }

  onAck(type: AckType, packetId: number, reasonCode: number): void {
    if (type === 'pubrel') this.#handlers?.onRelease(packetId);
    else if (reasonCode >= 0x80 && type !== 'pubcomp') this.#handlers?.onRefused(packetId, reasonCode);
    else if (type === 'pubrec') this.#handlers?.onReceived(packetId);
    else this.#handlers?.onAcknowledged(packetId);
  }

  onPacket(packet: DecodedPacket): void {
    switch (packet.type) {
      case 'connack':
        this.#onConnack(packet);
        break;
      case 'suback':
        for (const [index, code] of packet.reasonCodes.entries()) this.#checkGranted(index, code);
        this.#up();
        break;
      case 'disconnect':
        this.#down(`remote says 0x${packet.reasonCode.toString(16)} ${packet.properties?.reasonString ?? ''}`.trimEnd());
        break;
      case 'pingresp':
      case 'unsuback':
        break;
      default:
        this.#down(`unexpected ${packet.type}`);
    }
  }

  // ---- the ladder: dial, connect, subscribe, up

  async #dial(): Promise<void> {
    this.#state = 'dialing';
    this.#dialing = new AbortController();
    this.#decoder = this.#newDecoder();
    try {
      const link = await this.#parts.dialer.dial(() => this, this.#dialing.signal);
      if (!this.#isDialing()) {
        link.destroy();
        return;
      }
      this.#link = link;
      this.#state = 'connecting';
      this.#send(connectPacket(this.#settings, this.#isBridgeBitSet));
      this.#expectAnswer('CONNACK');
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#down(error.message);
    }
  }

  #isDialing(): boolean {
    return this.#state === 'dialing';
  }

  #onConnack(packet: ConnackPacket): void {
    if (packet.reasonCode !== 0) {
      this.#refused(packet);
      return;
    }
    this.#remote = remoteLimits(packet, this.#settings);
    const { filters } = this.#settings;
    if (filters.length === 0) {
      this.#up();
      return;
    }
    this.#state = 'subscribing';
    this.#send(subscribePacket(this.#settings, this.#handlers?.unusedPacketId() ?? 1));
    this.#expectAnswer('SUBACK');
  }

  #refused({ reasonCode }: ConnackPacket): void {
    const isBitRefused = this.#isBridgeBitSet && reasonCode === BAD_VERSION;
    if (isBitRefused) this.#isBridgeBitSet = false; // a broker without the convention: once more without it
    this.#down(isBitRefused ? 'remote does not know the bridge bit' : `remote refused the connection with 0x${reasonCode.toString(16)}`);
  }

  #checkGranted(index: number, code: number): void {
    if (code < 0x80) return;
    this.#parts.log.error('remote refused a subscription', {
      bridge: this.name,
      filter: this.#settings.filters[index]?.filter,
      reason: `0x${code.toString(16)}`,
    });
  }

  #up(): void {
    const remote = this.#remote;
    if (remote === undefined || this.#state === 'up') return;
    this.#state = 'up';
    this.#attempt = 0;
    this.#publishStatus('1');
    this.#watchKeepAlive(remote.keepAliveSeconds * 1000);
    this.#handlers?.onUp(remote);
  }

  /** Whatever the connection was doing, it is over; the next one waits its turn. */
  #down(cause: string): void {
    if (this.#state === 'stopped' || this.#state === 'idle') return;
    const wasUp = this.#state === 'up';
    this.#state = 'idle';
    this.#cancelTimer();
    this.#decoder.close();
    const link = this.#link;
    this.#link = undefined;
    this.#remote = undefined;
    link?.destroy();
    if (wasUp) this.#handlers?.onDown(cause);
    const delayMs = retryDelayMs(this.#parts.retry, this.#attempt, this.#parts.clock.random());
    if (!wasUp) this.#parts.log.warn('bridge cannot connect', { bridge: this.name, address: this.address, cause, retryMs: Math.round(delayMs) });
    this.#attempt += 1;
    this.#cancelTimer = this.#parts.clock.after(delayMs, () => void this.#dial());
  }

  #expectAnswer(what: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#parts.clock.after(ANSWER_TIMEOUT_MS, () => this.#down(`no ${what} within ${ANSWER_TIMEOUT_MS / 1000} s`));
  }

  /** Pings a connection nothing came from for a while; gives it up when that stays unanswered for as long again. */
  #watchKeepAlive(keepAliveMs: number): void {
    this.#cancelTimer();
    if (keepAliveMs === 0) return;
    const { clock } = this.#parts;
    const checkMs = keepAliveMs * PING_AFTER;
    const check = (): void => {
      if (this.#isPinged) {
        this.#down('no answer to PINGREQ');
        return;
      }
      const idleMs = clock.monotonicMs() - this.#lastReceivedMs;
      if (idleMs >= checkMs) {
        this.#isPinged = true;
        this.#send({ type: 'pingreq' });
        this.#cancelTimer = clock.after(checkMs, check);
      } else {
        this.#cancelTimer = clock.after(checkMs - idleMs, check);
      }
    };
    this.#cancelTimer = clock.after(checkMs, check);
  }

  #publishStatus(payload: '0' | '1'): void {
    const { statusTopic } = this.#settings;
    if (statusTopic === undefined || this.#link === undefined || this.#remote?.canRetain === false) return;
    this.#encoder.encode(statusPublish(statusTopic, payload), this.#link, Number.POSITIVE_INFINITY);
  }

  #newDecoder(): MqttDecoder {
    return new MqttDecoder({ role: 'client', packetBytesMax: this.#settings.packetBytesMax, version: this.#settings.version });
  }

  #ack(type: AckType, packetId: number): void {
    if (this.#state === 'up' && this.#link !== undefined) encodeAck(type, packetId, 0, this.#link);
  }

  #send(packet: Packet): void {
    if (this.#link !== undefined) encodePacket(packet, this.#settings.version, this.#link);
  }
}
