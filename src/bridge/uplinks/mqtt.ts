// A far MQTT broker, 3.1.1 or 5.0: dial, serve, and again after every loss, for as long as somebody wants it.
import type { CancelTimer, Clock } from '../../model/clock.ts';
import { GatewayError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import { type RetrySchedule, retryDelayMs } from '../../model/retry-schedule.ts';
import { PublishEncoder } from '../../mqtt/encode-publish.ts';
import { type ConnackPacket, type OutgoingPublish, REASON } from '../../mqtt/packets.ts';
import type { DialStage } from '../../transport/transport.ts';
import type { LinkFailure, LinkRecord, LinkState, LinkStatus, TrialReport } from '../link-state.ts';
import type { RemoteFilter, Uplink, UplinkHandlers } from '../uplink.ts';
import { dialFailure } from './dial-failure.ts';
import { type ConnectionOwner, MqttConnection } from './mqtt-connection.ts';
import { connectPacket, type MqttUplinkSettings, type RemoteTerms } from './mqtt-packets.ts';
import { refusalText } from './reason-words.ts';
import type { Remote, RemoteRing } from './remote-ring.ts';
import { Trial, trialSettings } from './trial.ts';

export interface MqttUplinkParts {
  readonly remotes: RemoteRing;
  readonly clock: Clock;
  readonly log: Log;
  readonly retry: RetrySchedule;
  readonly record: LinkRecord;
}

/** CONNACK return code of 3.x: unacceptable protocol version. */
const BAD_VERSION = 1;

/** MQTT 5: bad user name or password, not authorized. 3.x: return codes 4 and 5. */
const BAD_CREDENTIALS: ReadonlySet<number> = new Set([REASON.badUserNameOrPassword, REASON.notAuthorized, 4, 5]);

const STATE_OF: Readonly<Record<DialStage, LinkState>> = { resolve: 'resolving', connect: 'connecting', secure: 'securing', upgrade: 'upgrading' };

export class MqttUplink implements Uplink, ConnectionOwner {
  readonly name: string;
  readonly #settings: MqttUplinkSettings;
  readonly #parts: MqttUplinkParts;
  readonly #encoder: PublishEncoder;
  /** `idle`: until it is called; `busy`: with a connection, or making one. */
  #state: 'idle' | 'busy' | 'waiting' | 'stopped' = 'idle';
  #handlers: UplinkHandlers | undefined;
  #filters: readonly RemoteFilter[] = [];
  #connection: MqttConnection | undefined;
  #dialing = new AbortController();
  #terms: RemoteTerms | undefined;
  #isBridgeBitSet: boolean;
  #former: MqttUplinkSettings['formerCredentials'];
  #usesFormer = false;
  #isCleanStart = false;
  #attempt = 0;
  #upSinceMs = 0;
  /** Connections in a row that did not last: a remote that lets us in and throws us out is not dialled without pause. */
  #shortLives = 0;
  #cancelTimer: CancelTimer = () => {};

  constructor(settings: MqttUplinkSettings, parts: MqttUplinkParts) {
    this.name = settings.name;
    this.#settings = settings;
    this.#parts = parts;
    this.#encoder = new PublishEncoder(settings.version);
    this.#isBridgeBitSet = settings.version === 4 && settings.triesBridgeBit;
    this.#former = settings.formerCredentials;
  }

  /** Of the remote it is connected to, or tries now. */
  get address(): string {
    return this.#parts.remotes.current.address;
  }

  get status(): LinkStatus {
    return this.#parts.record.status;
  }

  start(handlers: UplinkHandlers, filters: readonly RemoteFilter[]): void {
    this.#handlers = handlers;
    this.#filters = filters;
  }

  call(): void {
    if (this.#state !== 'idle' && this.#state !== 'waiting') return;
    this.#cancelTimer();
    this.#attempt = 0;
    void this.#dial();
  }

  rest(state: 'idle' | 'stopped'): void {
    const wasUp = this.#connection?.isUp === true;
    void this.#leave('idle', new AbortController().signal); // a link that is closed ends by itself
    this.#parts.record.enter(state);
    if (wasUp) this.#handlers?.onDown(state === 'idle' ? 'nothing to carry' : 'stopped by hand', 'us');
  }

  publish(publish: OutgoingPublish): ReturnType<Uplink['publish']> {
    return this.#connection?.publish(publish) ?? (publish.qos === 0 ? 'settled' : 'sent'); // it goes again once up
  }

  release(packetId: number): void {
    this.#connection?.ack('pubrel', packetId);
  }

  acknowledge(packetId: number, qos: 1 | 2): void {
    this.#connection?.answer(qos === 1 ? 'puback' : 'pubrec', packetId);
  }

  complete(packetId: number): void {
    this.#connection?.answer('pubcomp', packetId);
  }

  /** A reason that waited for the disk may come when its connection is gone and the next one is being dialled. */
  reconnect(failure: LinkFailure): void {
    if (this.#connection?.isServed) this.#connection.end(failure);
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.#leave('stopped', signal);
  }

  test(): Promise<readonly TrialReport[]> {
    return Promise.all(this.#parts.remotes.all.map((remote) => this.#try(remote)));
  }

  onAccepted(packet: ConnackPacket): boolean {
    const { log, record } = this.#parts;
    if (packet.isSessionPresent && this.#isCleanStart) {
      this.#connection?.end({ kind: 'violation', reason: 'the remote has a session that a clean start must have ended' }); // MQTT-3.2.2-4
      return false;
    }
    if (this.#usesFormer) log.warn('remote knows the former credentials only', { bridge: this.name });
    else this.#former = undefined;
    if (!packet.isSessionPresent && !this.#isCleanStart && this.#handlers?.isKnown(this.address) === true) record.sessionLost();
    return true;
  }

  onRefused({ reasonCode, properties }: ConnackPacket): void {
    const isBitRefused = this.#isBridgeBitSet && reasonCode === BAD_VERSION;
    if (isBitRefused) this.#isBridgeBitSet = false; // a broker without the convention: once more without it
    if (this.#former !== undefined && BAD_CREDENTIALS.has(reasonCode)) this.#usesFormer = !this.#usesFormer;
    const reason = isBitRefused ? 'the remote does not know the bridge bit' : `the remote refuses with ${refusalText(reasonCode, properties?.reasonString)}`;
    this.#connection?.end({ kind: 'refused', reason }, 'remote');
  }

  onSubscribing(): void {
    this.#parts.record.enter('subscribing');
  }

  onFilterRefused(filter: RemoteFilter | undefined, reason: string): void {
    this.#parts.record.filterRefused();
    this.#parts.log.error('remote refused a subscription', { bridge: this.name, filter: filter?.filter, reason });
  }

  onServed(terms: RemoteTerms): void {
    const { clock, record } = this.#parts;
    this.#terms = terms;
    this.#upSinceMs = clock.monotonicMs();
    record.enter('connected');
    const echoes = this.#settings.version === 4 && !this.#isBridgeBitSet; // who takes the bit knows what it asks for
    this.#handlers?.onUp({ ...terms, echoes });
  }

  onEnd(failure: LinkFailure, endedBy: 'us' | 'remote'): void {
    this.#cancelTimer();
    this.#connection = undefined;
    const wasUp = this.#terms !== undefined;
    this.#terms = undefined;
    this.#parts.record.failed(failure, this.address);
    if (wasUp) {
      this.#attempt = this.#attemptAfterUp();
      this.#usesFormer = false; // the new ones first, each time
      this.#handlers?.onDown(failure.reason, endedBy);
    }
    if (this.#isStopped) return;
    this.#next({ wasUp, failure });
  }

  async #leave(state: 'idle' | 'stopped', signal: AbortSignal): Promise<void> {
    const connection = this.#connection;
    this.#state = state;
    this.#connection = undefined;
    this.#terms = undefined;
    this.#cancelTimer();
    this.#dialing.abort();
    await connection?.leave(signal);
  }

  async #try(remote: Remote): Promise<TrialReport> {
    const settings = trialSettings(this.#settings);
    const trial = new Trial(settings, this.#parts.clock);
    const handlers = this.#handlers;
    if (handlers === undefined) return { address: remote.address, passed: [], failure: 'unusable', reason: 'the bridge did not start' };
    return trial.run(remote, this.#connectionFor(settings, trial, handlers));
  }

  #connectionFor(settings: MqttUplinkSettings, owner: ConnectionOwner, handlers: UplinkHandlers): MqttConnection {
    return new MqttConnection({ settings, clock: this.#parts.clock, encoder: this.#encoder, filters: this.#filters, handlers, owner });
  }

  async #dial(): Promise<void> {
    const { remotes, record } = this.#parts;
    const handlers = this.#handlers;
    if (handlers === undefined) return;
    this.#state = 'busy';
    this.#dialing = new AbortController();
    const { signal } = this.#dialing;
    const connection = this.#connectionFor(this.#settings, this, handlers);
    this.#connection = connection;
    record.attempted();
    record.enter('connecting');
    try {
      const onStage = (stage: DialStage): void => void (signal.aborted || record.enter(STATE_OF[stage]));
      const link = await remotes.current.dialer.dial((made) => connection.adopt(made), signal, onStage);
      if (this.#connection !== connection) {
        link.destroy();
        return;
      }
      record.enter('opening');
      connection.open(this.#connect());
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (this.#connection === connection) connection.end(dialFailure(error));
    }
  }

  /**
   * A broker that was left for another one may have an older session of ours, with packet ids that mean other messages: it is told to forget it
   * (MQTT-3.1.2-4). One that never had it is not: it may be the last one under another address.
   */
  #connect(): ReturnType<typeof connectPacket> {
    const { cleanStart, remotesShareSessions } = this.#settings;
    this.#isCleanStart = cleanStart || (!remotesShareSessions && this.#handlers?.isStranger(this.address) === true);
    const credentials = this.#usesFormer ? this.#former : undefined;
    return connectPacket({ ...this.#settings, ...credentials }, { isBridge: this.#isBridgeBitSet, cleanStart: this.#isCleanStart });
  }

  /** Asked again where it may have changed meanwhile. */
  get #isStopped(): boolean {
    return this.#state === 'stopped' || this.#state === 'idle';
  }

  /** After an end: at once at another remote, unless all have been tried; then after a wait, if somebody wants it. */
  #next({ wasUp, failure }: { readonly wasUp: boolean; readonly failure: LinkFailure }): void {
    const { remotes, retry, clock, log, record } = this.#parts;
    const { address } = this;
    const isAnotherLeft = (wasUp ? remotes.lost() : remotes.failed()) === true;
    const isOver = !isAnotherLeft && this.#handlers?.isWanted() !== true;
    const delayMs = isAnotherLeft ? 0 : retryDelayMs(retry, this.#attempt, clock.random());
    const { kind, reason: cause } = failure;
    const next = isOver ? {} : { retryMs: Math.round(delayMs) };
    if (!wasUp) log.warn('bridge cannot connect', { bridge: this.name, address, failure: kind, cause, ...next });
    this.#state = isOver ? 'idle' : 'waiting';
    if (isOver) {
      record.enter('idle');
      return;
    }
    if (!isAnotherLeft) this.#attempt += 1;
    record.enter('waiting', delayMs);
    this.#cancelTimer = clock.after(delayMs, () => void this.#dial());
  }

  #attemptAfterUp(): number {
    const { clock, retry } = this.#parts;
    if (clock.monotonicMs() - this.#upSinceMs >= retry.capMs) this.#shortLives = 0;
    this.#shortLives += 1;
    return this.#shortLives - 1;
  }
}
