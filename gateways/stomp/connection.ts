// One client on one link. Frames are handled strictly in order, each in the turn it arrived in; only CONNECT and what makes a queue in the core wait, and
// nothing is read meanwhile. What breaks a rule throws; the one answer STOMP has is ERROR, and the end of the connection.
import type { ClientSession, Delivery, EndReason, GatewayContext, Outlet, PublishOutcome } from '../../src/gateway/gateway.ts';
import type { GatewayError } from '../../src/model/errors.ts';
import { CONNECT_BYTES_MAX } from '../../src/model/limits.ts';
import type { Message } from '../../src/model/message.ts';
import { FILTER_WORK } from '../../src/model/work.ts';
import { Holding } from '../../src/transport/holding.ts';
import { type FaultTaker, HOLD, Intake } from '../../src/transport/intake.ts';
import type { Link, LinkHandlers } from '../../src/transport/transport.ts';
import { acknowledge, named, requireAllAwaited } from './acknowledging.ts';
import { type Admitted, admit, offered } from './admission.ts';
import { type FrameVisitor, StompDecoder } from './codec.ts';
import { GOODBYES, negotiated, REFUSALS } from './connect.ts';
import type { StompCounters } from './counters.ts';
import { type Beating, HeartBeat } from './heart-beat.ts';
import type { MessageEncoder } from './message-encoder.ts';
import { type Frame, type Headers, headerOf, NO_HEADERS, StompError, type StompVersion } from './packets.ts';
import type { QueueKeepers } from './queue-keepers.ts';
import { Replies } from './replies.ts';
import { required } from './send.ts';
import { Sends } from './sends.ts';
import type { StompSettings } from './settings.ts';
import { subscribeRequest, unsubscribeKey } from './subscribe.ts';
import type { MessageSink } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';
import { TRANSACTIONAL, Transactions } from './transactions.ts';

export interface ConnectionParts {
  readonly context: GatewayContext;
  readonly settings: StompSettings;
  readonly counters: StompCounters;
  readonly encoders: Readonly<Record<StompVersion, MessageEncoder>>;
  readonly keepers: QueueKeepers;
  /** More connections are open than may be. */
  readonly isFull: () => boolean;
  readonly onClosed: (connection: StompConnection) => void;
}

/** What there is only between CONNECTED and the end. */
interface Client {
  readonly session: ClientSession;
  readonly clientId: string;
  readonly subscriptions: Subscriptions;
  readonly sends: Sends;
  readonly transactions: Transactions;
  readonly heartBeat: HeartBeat;
}

export class StompConnection implements FrameVisitor, FaultTaker, LinkHandlers, Outlet, MessageSink, Beating {
  rosterPlace = 0;
  readonly #link: Link;
  readonly #parts: ConnectionParts;
  readonly #decoder: StompDecoder;
  readonly #intake: Intake<FrameVisitor>;
  readonly #replies: Replies;
  #state: 'joining' | 'connected' | 'closed' = 'joining';
  #cancelTimeout: () => void;
  readonly #holding: Holding;
  #client: Client | undefined;
  /** Headers of the frame at hand, for the ERROR it may bring. */
  #headers: Headers = NO_HEADERS;
  #isWaiting = false;
  #lastMessage = 0;

  constructor(link: Link, parts: ConnectionParts) {
    this.#link = link;
    this.#parts = parts;
    const { settings, context, counters } = parts;
    this.#decoder = new StompDecoder({ ...settings, bodyBytesMax: Math.min(settings.bodyBytesMax, CONNECT_BYTES_MAX) });
    this.#intake = new Intake<FrameVisitor>(link, this, { decoder: this.#decoder, turns: context.turns, yields: counters.turnsYielded });
    this.#holding = new Holding(this.#intake, { context, turns: context.turns, counters });
    this.#replies = new Replies(link, this);
    this.#cancelTimeout = context.clock.after(settings.connectTimeoutMs, () => this.#timedOut());
    counters.connectionsAccepted.value += 1;
    link.handlers = this;
  }

  get version(): StompVersion {
    return this.#decoder.version ?? '1.2';
  }

  get settings(): StompSettings {
    return this.#parts.settings;
  }

  get isHeld(): boolean {
    return this.#intake.isHeld;
  }

  shutDown(): void {
    this.end('shutting-down');
  }

  destroy(): void {
    this.#link.destroy();
  }

  onBytes(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#client?.heartBeat.heard();
    this.#intake.push(bytes);
  }

  onFull(): void {
    this.#client?.subscriptions.pauseLink();
  }

  onDrain(): void {
    this.#guard(() => this.#client?.subscriptions.resumeLink());
  }

  onClose(cause?: GatewayError): void {
    if (cause !== undefined) this.#parts.context.log.debug('link failed', { peer: this.#link.peer, cause: cause.message });
    this.#stop();
    this.#parts.context.turns.soon(() => {
      this.#leave();
      this.#parts.onClosed(this);
    });
  }

  onFrame(frame: Frame): void {
    const { command, headers } = frame;
    this.#parts.counters.framesReceived.value += 1;
    this.#headers = headers;
    this.#intake.count();
    if (this.#client === undefined) {
      if (command !== 'CONNECT' && command !== 'STOMP') throw new StompError('STOMP 1.2 connecting', `${command} before CONNECT`);
      this.#wait(this.#connect(headers));
      return;
    }
    const transaction = headerOf(headers, 'transaction');
    if (transaction === undefined || !TRANSACTIONAL.has(command)) this.#handle(frame, this.#client);
    else this.#keepForCommit(transaction, frame, this.#client);
    if (!this.#isWaiting) this.#headers = NO_HEADERS;
  }

  /** Whatever went wrong ends here, and with it this connection alone. */
  onFault(error: unknown): void {
    if (this.#state === 'closed') return;
    const { context, counters } = this.#parts;
    const who = { peer: this.#link.peer, listener: this.#link.listener, clientId: this.#client?.clientId };
    if (error instanceof StompError) {
      context.log.warn('bad input', { ...who, clause: error.clause, error: error.message });
      this.#fail(error.message);
      return;
    }
    counters.internalErrors.value += 1;
    context.log.error('connection failed', { ...who, error: error instanceof Error ? error.stack : String(error) });
    this.#fail('internal error');
  }

  nextMessageId(): string {
    this.#lastMessage += 1;
    return String(this.#lastMessage);
  }

  writeMessage(message: Message, own: string): void {
    this.#parts.context.turns.work.done += 1;
    this.#parts.counters.messagesSent.value += 1;
    this.#parts.encoders[this.version].write(this.#link, message, own);
    this.#client?.heartBeat.sent();
  }

  beat(): void {
    this.#replies.heartBeat();
  }

  onSilence(): void {
    this.#parts.counters.heartBeatTimeouts.value += 1;
    this.#fail('no heart-beat for twice the agreed interval');
  }

  deliver(delivery: Delivery): void {
    this.#client?.subscriptions.deliver(delivery);
  }

  published(token: number, outcome: PublishOutcome): void {
    const { refusal, receipt } = this.#client?.sends.outcomeOf(token, outcome) ?? {};
    if (refusal !== undefined) this.#fail(refusal, receipt);
    else if (receipt !== undefined) this.#receipt(receipt);
  }

  throttle(delayMs: number): void {
    this.#holding.throttle(delayMs);
  }

  end(reason: EndReason): void {
    this.#fail(GOODBYES[reason]);
  }

  release(): void {}
  completed(): void {}
  drained(): void {}

  async #connect(headers: Headers): Promise<void> {
    const { context, settings, counters } = this.#parts;
    const version = negotiated(headers);
    if (version === undefined) {
      counters.errors.value += 1;
      this.#replies.noCommonVersion();
      this.#close();
      return;
    }
    this.#decoder.version = version;
    const admitted = this.#parts.isFull() ? REFUSALS.busy : await admit(headers, version, this.#link, { context, settings, outlet: this });
    if (typeof admitted === 'string') {
      counters.connectionsRefused.value += 1;
      context.log.info('connection refused', { peer: this.#link.peer, reason: admitted });
      this.#fail(admitted, undefined);
    } else if (this.#state === 'closed') admitted.session.disconnect({ publishWill: false });
    else this.#enter(admitted);
  }

  #enter({ session, clientId, connected, isNamed, heartBeats }: Admitted): void {
    const { context, settings, keepers } = this.#parts;
    const guard = (run: () => void): void => this.#guard(run);
    const onEnd = (reason: EndReason): void => this.end(reason);
    const subscriptions = new Subscriptions(session, { context, connected, sink: this, guard, keepers, isNamed, onEnd });
    const expectReplies = (name: string, topic: string): void => subscriptions.expectReplies(name, topic);
    this.#state = 'connected';
    this.#cancelTimeout();
    this.#decoder.limit(settings);
    this.#client = {
      ...{ session, clientId, subscriptions },
      sends: new Sends({ context, settings, expectReplies }),
      transactions: new Transactions(settings, context.clock, (name) => this.#transactionTimedOut(name)),
      heartBeat: new HeartBeat(context.clock, heartBeats, this),
    };
    this.#replies.connected(clientId, offered(settings));
    context.log.debug('client connected', { peer: this.#link.peer, clientId, version: this.version });
    session.resume('link');
  }

  #handle(frame: Frame, client: Client): void {
    const { command, headers } = frame;
    switch (command) {
      case 'SEND':
        this.#send(frame, client);
        break;
      case 'SUBSCRIBE':
        this.#parts.context.turns.work.done += FILTER_WORK;
        this.#wait(this.#subscribe(headers, client));
        break;
      case 'UNSUBSCRIBE':
        client.subscriptions.unsubscribe(unsubscribeKey(headers, this.version), headerOf(headers, 'durable') === 'true');
        this.#acknowledge(headers);
        break;
      case 'ACK':
      case 'NACK':
        acknowledge(command, headers, { ...this.#parts, version: this.version, subscriptions: client.subscriptions });
        this.#acknowledge(headers);
        break;
      case 'BEGIN':
        client.transactions.begin(required(headers, 'transaction', command));
        this.#acknowledge(headers);
        break;
      case 'COMMIT':
        this.#commit(client.transactions.take(required(headers, 'transaction', command), command), client);
        this.#acknowledge(headers);
        break;
      case 'ABORT':
        client.transactions.take(required(headers, 'transaction', command), command);
        this.#acknowledge(headers);
        break;
      case 'DISCONNECT':
        this.#disconnect(headers, client);
        break;
      case 'CONNECT':
      case 'STOMP':
        throw new StompError('STOMP 1.2 connecting', 'connected already');
      default:
        throw new StompError('STOMP 1.2 frames', `${command} comes from servers`);
    }
  }

  /** What is wrong with it is told now, and its queue made: COMMIT does it all at once. */
  #keepForCommit(transaction: string, frame: Frame, { transactions, sends, session }: Client): void {
    transactions.add(transaction, frame);
    if (frame.command === 'ACK' || frame.command === 'NACK') named(frame.command, frame.headers, this.version);
    const sent = frame.command === 'SEND' ? sends.readJudged(frame, session) : undefined;
    const { headers } = frame;
    if (sent?.destination.kind === 'queue') this.#wait(this.#parts.keepers.keep(sent.draft.topic.name).then(() => this.#acknowledge(headers)));
    else this.#acknowledge(headers);
  }

  #send(frame: Frame, { sends, session }: Client): void {
    const { keepers } = this.#parts;
    const sent = sends.read(frame);
    const { destination, draft } = sent;
    if (destination.kind !== 'queue' || keepers.isKept(draft.topic.name) || !session.mayPublish(draft.topic)) {
      sends.publish(sent, frame, session);
      return;
    }
    const kept = { ...frame, body: Buffer.from(frame.body) };
    this.#wait(keepers.keep(draft.topic.name).then(() => this.#client && this.#send(kept, this.#client)));
  }

  async #subscribe(headers: Headers, { subscriptions }: Client): Promise<void> {
    const session = await subscriptions.subscribe(subscribeRequest(headers, this.version, this.#parts.settings));
    if (headerOf(headers, 'receipt') !== undefined) await new Promise<void>((resolve) => session.whenDurable(resolve));
    this.#acknowledge(headers);
  }

  /** All of it in one commit, in order. */
  #commit(frames: readonly Frame[], client: Client): void {
    requireAllAwaited(frames, { version: this.version, subscriptions: client.subscriptions });
    client.session.atomically(() => {
      for (const frame of frames) {
        if (this.#client !== client) return; // the one before was refused
        this.#handle(frame, client);
      }
    });
  }

  #disconnect(headers: Headers, { session }: Client): void {
    const receipt = headerOf(headers, 'receipt');
    this.#intake.hold(HOLD.judging);
    session.whenDurable(() => {
      if (receipt !== undefined) this.#receipt(receipt);
      this.#close();
    });
  }

  /** RECEIPT once what the frame asked for is on disk. */
  #acknowledge(headers: Headers): void {
    const receipt = headerOf(headers, 'receipt');
    if (receipt !== undefined) this.#client?.session.whenDurable(() => this.#receipt(receipt));
  }

  #receipt(receipt: string): void {
    if (this.#state !== 'connected') return;
    this.#replies.receipt(receipt);
    this.#client?.heartBeat.sent();
  }

  /** Nothing more is read until it is done. */
  #wait(work: Promise<unknown>): void {
    this.#isWaiting = true;
    this.#intake.hold(HOLD.judging);
    work.then(
      () => {
        this.#isWaiting = false;
        this.#headers = NO_HEADERS;
        this.#intake.release(HOLD.judging);
      },
      (error: unknown) => this.onFault(error),
    );
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.onFault(error);
    }
  }

  #fail(message: string, receipt = headerOf(this.#headers, 'receipt')): void {
    if (this.#state === 'closed') return;
    this.#parts.counters.errors.value += 1;
    this.#replies.error(message, receipt);
    this.#close();
  }

  #close(): void {
    this.#leave();
    this.#stop();
    this.#link.close();
  }

  #timedOut(): void {
    this.#parts.counters.connectTimeouts.value += 1;
    this.#fail('no CONNECT in time');
  }

  #transactionTimedOut(name: string): void {
    this.#parts.counters.transactionsTimedOut.value += 1;
    this.#fail(`transaction ${name} was open for too long`);
  }

  #leave(): void {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    client.heartBeat.stop();
    client.transactions.end();
    client.subscriptions.end();
    client.session.disconnect({ publishWill: false });
  }

  #stop(): void {
    this.#state = 'closed';
    this.#cancelTimeout();
    this.#holding.stop();
    this.#intake.close();
  }
}
