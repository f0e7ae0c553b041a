// A far MQTT broker, 3.1.1 or 5.0: dial, CONNECT, SUBSCRIBE, serve, and again after every loss, for as long as the gateway runs.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import { type RetrySchedule, retryDelayMs } from '../../model/retry-schedule.ts';
import { MqttDecoder } from '../../mqtt/codec.ts';
import { encodeAck, encodePacket } from '../../mqtt/encode.ts';
import { PublishEncoder } from '../../mqtt/encode-publish.ts';
import {
  type AckType,
  type ConnackPacket,
  type DecodedPacket,
  type MqttVisitor,
  type OutgoingPublish,
  type Packet,
  type PublishView,
  REASON,
} from '../../mqtt/packets.ts';
import type { Link, LinkHandlers } from '../../transport/transport.ts';
import type { RemoteFilter, Uplink, UplinkHandlers } from '../uplink.ts';
import { connectPacket, type MqttUplinkSettings, type RemoteTerms, remoteLimits, statusPublish, subscribePacket } from './mqtt-packets.ts';
import type { RemoteRing } from './remote-ring.ts';

export interface MqttUplinkParts {
  readonly remotes: RemoteRing;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: RetrySchedule;
}

/** From dialled link to CONNACK, and from SUBSCRIBE to SUBACK. */
const ANSWER_TIMEOUT_MS = 20_000;
/** Share of the keep-alive between two PINGREQs; a connection on which nothing came in between them is given up. */
const PING_AFTER = 0.75;
/** CONNACK return code of 3.x: unacceptable protocol version. */
const BAD_VERSION = 1;

/** MQTT 5: bad user name or password, not authorized. 3.x: return codes 4 and 5. */
const BAD_CREDENTIALS: ReadonlySet<number> = new Set([REASON.badUserNameOrPassword, REASON.notAuthorized, 4, 5]);

type State = 'idle' | 'dialing' | 'connecting' | 'subscribing' | 'up' | 'stopped';

/** What the remote waits for, above the packet id in `#asked`. */
const ASKED_STRIDE = 65_536;
const ASKED: Record<'puback' | 'pubrec' | 'pubcomp', number> = { puback: ASKED_STRIDE, pubrec: 2 * ASKED_STRIDE, pubcomp: 3 * ASKED_STRIDE };

export class MqttUplink implements Uplink, MqttVisitor {
  readonly name: string;
  readonly #settings: MqttUplinkSettings;
  readonly #parts: MqttUplinkParts;
  readonly #encoder: PublishEncoder;
  #state: State = 'idle';
  #handlers: UplinkHandlers | undefined;
  #filters: readonly RemoteFilter[] = [];
  #link: Link | undefined;
  #decoder: MqttDecoder;
  #dialing = new AbortController();
  #remote: RemoteTerms | undefined;
  #isBridgeBitSet: boolean;
  #former: MqttUplinkSettings['formerCredentials'];
  #usesFormer = false;
  #isCleanStart = false;
  #attempt = 0;
  #upSinceMs = 0;
  /** Connections in a row that did not last: a remote that lets us in and throws us out is not dialled without pause. */
  #shortLives = 0;
  /** Something came in since the last PINGREQ. */
  #isAlive = false;
  /** What this connection asked for: an answer that waited for the disk must not reach the next one, where its packet id means something else. */
  readonly #asked = new Set<number>();
  #cancelTimer: CancelTimer = () => {};
  #closed: (() => void) | undefined;

  constructor(settings: MqttUplinkSettings, parts: MqttUplinkParts) {
    this.name = settings.name;
    this.#settings = settings;
    this.#parts = parts;
    this.#encoder = new PublishEncoder(settings.version);
    this.#decoder = this.#newDecoder();
    this.#isBridgeBitSet = settings.version === 4 && settings.triesBridgeBit;
    this.#former = settings.formerCredentials;
  }

  /** Of the remote it is connected to, or tries now. */
  get address(): string {
    return this.#parts.remotes.current.address;
  }

  start(handlers: UplinkHandlers, filters: readonly RemoteFilter[]): void {
    this.#handlers = handlers;
    this.#filters = filters;
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
    this.#answer(qos === 1 ? 'puback' : 'pubrec', packetId);
  }

  complete(packetId: number): void {
    this.#answer('pubcomp', packetId);
  }

  /** A reason that waited for the disk may come when its connection is gone and the next one is being dialled. */
  reconnect(cause: string): void {
    if (this.#isServed) this.#down(cause);
  }

  async stop(signal: AbortSignal): Promise<void> {
    const wasConnected = this.#isServed;
    this.#state = 'stopped';
    this.#cancelTimer();
    this.#dialing.abort();
    const link = this.#link;
    if (link === undefined) return;
    await new Promise<void>((resolve) => {
      this.#closed = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      if (wasConnected) {
        this.#publishStatus('0');
        this.#send({ type: 'disconnect', reasonCode: 0 });
      }
      link.close();
    });
    link.destroy();
  }

  /** A link may end after the next one was dialled. */
  #adopt(link: Link): LinkHandlers {
    this.#link = link;
    const isCurrent = (): boolean => link === this.#link;
    return {
      onBytes: (bytes) => {
        if (isCurrent()) this.#receive(bytes);
      },
      onFull: () => {
        if (isCurrent()) this.#handlers?.onFull();
      },
      onDrain: () => {
        if (isCurrent()) this.#handlers?.onDrain();
      },
      onClose: (cause) => {
        if (!isCurrent()) return;
        this.#closed?.();
        this.#down(cause?.message ?? 'closed by the remote', 'remote');
      },
    };
  }

  #receive(bytes: Buffer): void {
    this.#isAlive = true;
    try {
      this.#decoder.push(bytes, this);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#down(error.message);
    }
  }

  onPublish(view: PublishView): void {
    if (view.qos > 0) this.#asked.add(ASKED[view.qos === 1 ? 'puback' : 'pubrec'] + view.packetId);
    this.#handlers?.onPublish(view);
  }

  onAck(type: AckType, packetId: number, reasonCode: number): void {
    if (type === 'pubrel') {
      this.#asked.add(ASKED.pubcomp + packetId);
      this.#handlers?.onRelease(packetId);
    } else if (reasonCode >= 0x80 && type !== 'pubcomp') this.#handlers?.onRefused(packetId, reasonCode);
    else if (type === 'pubrec') this.#handlers?.onReceived(packetId);
    else this.#handlers?.onAcknowledged(packetId);
  }

  onPacket(packet: DecodedPacket): void {
    switch (packet.type) {
      case 'connack':
        if (this.#state === 'connecting') this.#onConnack(packet);
        else this.#down('unexpected connack');
        break;
      case 'suback':
        for (const [index, code] of packet.reasonCodes.entries()) this.#checkGranted(index, code);
        if (this.#state === 'subscribing') this.#up();
        break;
      case 'disconnect':
        this.#down(`remote says 0x${packet.reasonCode.toString(16)} ${packet.properties?.reasonString ?? ''}`.trimEnd(), 'remote');
        break;
      case 'pingresp':
      case 'unsuback':
        break;
      default:
        this.#down(`unexpected ${packet.type}`);
    }
  }

  async #dial(): Promise<void> {
    this.#state = 'dialing';
    this.#dialing = new AbortController();
    this.#decoder = this.#newDecoder();
    this.#asked.clear();
    try {
      const link = await this.#parts.remotes.current.dialer.dial((made) => this.#adopt(made), this.#dialing.signal);
      if (!this.#isDialing()) {
        link.destroy();
        return;
      }
      this.#state = 'connecting';
      this.#sendConnect();
      this.#expectAnswer('CONNACK');
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#down(error.message);
    }
  }

  /**
   * A broker that was left for another one may have an older session of ours, with packet ids that mean other messages: it is told to forget it
   * (MQTT-3.1.2-4). One that never had it is not: it may be the last one under another address.
   */
  #sendConnect(): void {
    const { cleanStart, remotesShareSessions } = this.#settings;
    this.#isCleanStart = cleanStart || (!remotesShareSessions && this.#handlers?.isStranger(this.address) === true);
    const credentials = this.#usesFormer ? this.#former : undefined;
    this.#send(connectPacket({ ...this.#settings, ...credentials }, { isBridge: this.#isBridgeBitSet, cleanStart: this.#isCleanStart }));
  }

  get #isServed(): boolean {
    return this.#state === 'up' || this.#state === 'subscribing';
  }

  #isDialing(): boolean {
    return this.#state === 'dialing';
  }

  #onConnack(packet: ConnackPacket): void {
    if (packet.reasonCode !== 0) {
      this.#refused(packet);
      return;
    }
    if (packet.isSessionPresent && this.#isCleanStart) {
      this.#down('remote has a session that a clean start must have ended'); // MQTT-3.2.2-4
      return;
    }
    if (this.#usesFormer) this.#parts.log.warn('remote knows the former credentials only', { bridge: this.name });
    else this.#former = undefined;
    this.#remote = remoteLimits(packet, this.#settings);
    if (!packet.isSessionPresent) this.#handlers?.onForgotten();
    if (this.#filters.length === 0) {
      this.#up();
      return;
    }
    this.#state = 'subscribing';
    this.#send(subscribePacket(this.#filters, this.#handlers?.unusedPacketId() ?? 1));
    this.#expectAnswer('SUBACK');
  }

  #refused({ reasonCode }: ConnackPacket): void {
    const isBitRefused = this.#isBridgeBitSet && reasonCode === BAD_VERSION;
    if (isBitRefused) this.#isBridgeBitSet = false; // a broker without the convention: once more without it
    if (this.#former !== undefined && BAD_CREDENTIALS.has(reasonCode)) this.#usesFormer = !this.#usesFormer;
    this.#down(isBitRefused ? 'remote does not know the bridge bit' : `remote refused the connection with 0x${reasonCode.toString(16)}`);
  }

  #checkGranted(index: number, code: number): void {
    if (code < 0x80) return;
    this.#parts.log.error('remote refused a subscription', {
      bridge: this.name,
      filter: this.#filters[index]?.filter,
      reason: `0x${code.toString(16)}`,
    });
  }

  #up(): void {
    const remote = this.#remote;
    if (remote === undefined) return;
    this.#state = 'up';
    this.#upSinceMs = this.#parts.clock.monotonicMs();
    this.#publishStatus('1');
    this.#watchKeepAlive(remote.keepAliveSeconds * 1000);
    const echoes = this.#settings.version === 4 && !this.#isBridgeBitSet; // who takes the bit knows what it asks for
    this.#handlers?.onUp({ ...remote, echoes });
  }

  /** Whatever the connection was doing, it is over; the next one waits its turn. */
  #down(cause: string, endedBy: 'us' | 'remote' = 'us'): void {
    if (this.#state === 'stopped' || this.#state === 'idle') return;
    const wasUp = this.#state === 'up';
    this.#state = 'idle';
    this.#cancelTimer();
    this.#decoder.close();
    const link = this.#link;
    this.#link = undefined;
    this.#remote = undefined;
    link?.destroy();
    if (wasUp) {
      this.#attempt = this.#attemptAfterUp();
      this.#usesFormer = false; // the new ones first, each time
      this.#handlers?.onDown(cause, endedBy);
    }
    const delayMs = this.#delayMs({ wasUp, cause });
    this.#cancelTimer = this.#parts.clock.after(delayMs, () => void this.#dial());
  }

  /** Until the next attempt: at once at another remote, unless all have been tried. */
  #delayMs({ wasUp, cause }: { readonly wasUp: boolean; readonly cause: string }): number {
    const { remotes, retry, clock, log } = this.#parts;
    const { address } = this;
    const isAnotherLeft = wasUp ? remotes.lost() : remotes.failed();
    const delayMs = isAnotherLeft === true ? 0 : retryDelayMs(retry, this.#attempt, clock.random());
    if (!wasUp) log.warn('bridge cannot connect', { bridge: this.name, address, cause, retryMs: Math.round(delayMs) });
    if (isAnotherLeft !== true) this.#attempt += 1;
    return delayMs;
  }

  #attemptAfterUp(): number {
    const { clock, retry } = this.#parts;
    if (clock.monotonicMs() - this.#upSinceMs >= retry.capMs) this.#shortLives = 0;
    this.#shortLives += 1;
    return this.#shortLives - 1;
  }

  #expectAnswer(what: string): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#parts.clock.after(ANSWER_TIMEOUT_MS, () => this.#down(`no ${what} within ${ANSWER_TIMEOUT_MS / 1000} s`));
  }

  /** Pings whether or not there is traffic: what the remote sends does not show it that we are there (MQTT-3.1.2-20). */
  #watchKeepAlive(keepAliveMs: number): void {
    this.#cancelTimer();
    if (keepAliveMs === 0) return;
    const ping = (): void => {
      if (!this.#isAlive) {
        this.#down('no answer to PINGREQ');
        return;
      }
      this.#isAlive = false;
      this.#send({ type: 'pingreq' });
      this.#cancelTimer = this.#parts.clock.after(keepAliveMs * PING_AFTER, ping);
    };
    this.#cancelTimer = this.#parts.clock.after(keepAliveMs * PING_AFTER, ping);
  }

  #publishStatus(payload: '0' | '1'): void {
    const { statusTopic } = this.#settings;
    if (statusTopic === undefined || this.#link === undefined || this.#remote?.canRetain === false) return;
    this.#encoder.encode(statusPublish(statusTopic, payload), this.#link, Number.POSITIVE_INFINITY);
  }

  #newDecoder(): MqttDecoder {
    return new MqttDecoder({ role: 'client', packetBytesMax: this.#settings.packetBytesMax, version: this.#settings.version });
  }

  #answer(type: keyof typeof ASKED, packetId: number): void {
    if (this.#asked.delete(ASKED[type] + packetId)) this.#ack(type, packetId);
  }

  /** Before SUBACK too: a remote that kept our session sends what it has at once. */
  #ack(type: AckType, packetId: number): void {
    if (this.#isServed && this.#link !== undefined) encodeAck(type, packetId, 0, this.#link);
  }

  #send(packet: Packet): void {
    if (this.#link !== undefined) encodePacket(packet, this.#settings.version, this.#link);
  }
}
