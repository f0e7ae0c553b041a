// A sensor as MQTT-SN 1.2 describes it: one request at a time, repeated every T_retry until it is answered, readings at QoS 1 and 2 by turns. It keeps
// what it knows (topic ids, the reading under way) over every restart of the gateway, which it has not noticed.
import { type Packet, type Publish, RETURN_CODE, type WillTopicFields } from '../../../gateways/mqtt-sn/packets.ts';
import type { Clock } from '../../../src/model/clock.ts';
import type { Arrivals, Ledger } from './ledger.ts';
import type { Losses } from './lossy-path.ts';
import type { Random } from './random.ts';
import { payloadOf, type Reading } from './reading.ts';
import { LinkLost, Requests } from './requests.ts';
import { SensorInbox } from './sensor-inbox.ts';
import { SensorLink, type Uplinked } from './sensor-link.ts';

export interface SensorOptions {
  readonly clientId: string;
  readonly port: number;
  readonly losses: Losses;
  readonly random: Random;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly uplinked: Uplinked;
  readonly keepAliveSeconds: number;
  /** T_retry; constrained devices take 10 s, but a run has no time for that. */
  readonly retryMs: number;
  /** N_retry: after so many repetitions the sensor connects anew. */
  readonly retries: number;
  readonly will?: { readonly topicName: string; readonly message: string };
  /** Subscribed at QoS 2 once, at the first connection; what comes is recorded. */
  readonly commands?: { readonly topic: string; readonly arrivals: Arrivals };
  /** Tells what must not happen: `s03: topic id 7 forgotten`. */
  readonly complain: (what: string) => void;
}

/** A reading between its first PUBLISH and its last answer; a new connection takes it up where it was. */
interface UnderWay {
  readonly reading: Reading;
  readonly topicName: string;
  readonly msgId: number;
  isSent: boolean;
  isAcknowledged: boolean;
}

/** Readings before the sensor moves to a topic of a new name, so that registrations fall between kills as well. */
const READINGS_PER_TOPIC = 40;
/** MsgIds come round soon, so that an id the gateway wrongly remembers meets its next message; yet no late copy lives that long. */
const MSG_IDS = 32;
const MSG_ID_OTHER = 1_000;

export class Sensor {
  readonly #options: SensorOptions;
  readonly #link: SensorLink;
  readonly #inbox: SensorInbox;
  readonly #requests: Requests;
  readonly #topicIds = new Map<string, number>();
  readonly #numbers = { 1: 0, 2: 0 };
  #underWay: UnderWay | undefined;
  #sent = 0;
  #registered = 0;
  #isPaused = false;
  #isIdle = false;
  #isStopped = false;
  #isSubscribed = false;
  readonly #ready = Promise.withResolvers<void>();
  #wake: (() => void) | undefined;
  #reconnects = 0;

  constructor(options: SensorOptions) {
    this.#options = options;
    this.#link = new SensorLink({ ...options, onPacket: (packet) => this.#receive(packet) });
    this.#requests = new Requests(this.#link, options);
    this.#inbox = new SensorInbox({ arrivals: options.commands?.arrivals, answer: (packet) => this.#link.answer(packet), clock: options.clock });
  }

  /** Times it had to connect again. */
  get reconnects(): number {
    return this.#reconnects;
  }

  /** Resolves once it is connected, and its subscription, if it has one, is granted. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Paused, and everything it sent is answered. */
  get isIdle(): boolean {
    return this.#isIdle;
  }

  /** Position among the datagrams that reached the gateway of what it has read, or will, and not answered; undefined when there is nothing. */
  get unansweredAt(): number | undefined {
    return this.#requests.unansweredAt;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        await this.#connect();
        if (!this.#isSubscribed) await this.#subscribe();
        while (!this.#isStopped) await this.#publishNext();
      } catch (error) {
        if (!(error instanceof LinkLost)) throw error;
        this.#reconnects += 1;
      }
    }
  }

  /** No new readings after the one under way. */
  pause(): void {
    this.#isPaused = true;
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
    this.#requests.abandon();
    this.#link.close();
  }

  async #connect(): Promise<void> {
    const { clientId, keepAliveSeconds, will } = this.#options;
    const connect = {
      type: 'CONNECT',
      hasWill: will !== undefined,
      isCleanSession: false,
      protocolId: 1,
      durationSeconds: keepAliveSeconds,
      clientId,
    } as const;
    const answer = await this.#requests.ask(connect, ({ type }) => type === 'CONNACK');
    if (answer.type === 'CONNACK' && answer.returnCode !== RETURN_CODE.accepted) throw new LinkLost();
  }

  async #subscribe(): Promise<void> {
    const { commands } = this.#options;
    if (commands !== undefined) {
      const subscribe = { type: 'SUBSCRIBE', isDuplicate: false, qos: 2, msgId: MSG_ID_OTHER, topic: { kind: 'name', topicName: commands.topic } } as const;
      const answer = await this.#requests.ask(subscribe, (packet) => packet.type === 'SUBACK' && packet.msgId === MSG_ID_OTHER);
      if (answer.type === 'SUBACK') this.#inbox.learn(answer.topicId, commands.topic);
    }
    this.#isSubscribed = true;
    this.#ready.resolve();
  }

  async #publishNext(): Promise<void> {
    if (this.#isPaused && this.#underWay === undefined) {
      this.#isIdle = true;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      return;
    }
    this.#underWay ??= this.#nextReading();
    await this.#publish(this.#underWay);
    this.#underWay = undefined;
  }

  #nextReading(): UnderWay {
    const { clientId, ledger } = this.#options;
    const qos = this.#sent % 2 === 0 ? 1 : 2; // ids and QoS alternate together: an id is always of the same QoS
    const msgId = (this.#sent % MSG_IDS) + 1;
    const topicName = `readings/${clientId}/${Math.floor(this.#sent / READINGS_PER_TOPIC)}`;
    this.#sent += 1;
    this.#numbers[qos] += 1;
    const reading: Reading = { source: clientId, qos, number: this.#numbers[qos] };
    ledger.published(reading, topicName);
    return { reading, topicName, msgId, isSent: false, isAcknowledged: false };
  }

  async #register(topicName: string): Promise<number> {
    this.#registered += 1;
    const register = { type: 'REGISTER', topicId: 0, msgId: MSG_ID_OTHER + this.#registered, topicName } as const;
    const answer = await this.#requests.ask(register, (packet) => packet.type === 'REGACK' && packet.msgId === register.msgId);
    if (answer.type !== 'REGACK' || answer.returnCode !== RETURN_CODE.accepted) throw new LinkLost();
    this.#topicIds.set(topicName, answer.topicId);
    return answer.topicId;
  }

  async #publish(underWay: UnderWay): Promise<void> {
    const { reading, topicName, msgId } = underWay;
    if (!underWay.isAcknowledged) {
      const topicId = this.#topicIds.get(topicName) ?? (await this.#register(topicName));
      const isDuplicate = underWay.isSent;
      underWay.isSent = true;
      const data = Buffer.from(payloadOf(reading));
      const publish: Publish = { type: 'PUBLISH', isDuplicate, qos: reading.qos, isRetain: false, topicIdType: 'normal', topicId, msgId, data };
      const answer = await this.#requests.ask(publish, (packet) => (packet.type === 'PUBACK' || packet.type === 'PUBREC') && packet.msgId === msgId);
      if (answer.type === 'PUBACK' && answer.returnCode !== RETURN_CODE.accepted) await this.#refused(answer.returnCode, topicId);
      this.#options.ledger.acknowledged(reading);
      underWay.isAcknowledged = true;
    }
    if (reading.qos === 2) await this.#requests.ask({ type: 'PUBREL', msgId }, (packet) => packet.type === 'PUBCOMP' && packet.msgId === msgId);
  }

  async #refused(returnCode: number, topicId: number): Promise<never> {
    const { clientId, complain, clock, retryMs } = this.#options;
    if (returnCode === RETURN_CODE.invalidTopicId) complain(`${clientId}: topic id ${topicId} forgotten`);
    await new Promise<void>((resolve) => {
      clock.after(retryMs, resolve);
    });
    throw new LinkLost();
  }

  #receive(packet: Packet): void {
    if (this.#isStopped || this.#requests.receive(packet)) return;
    if (packet.type === 'DISCONNECT') {
      this.#requests.abandon();
    } else if (packet.type === 'WILLTOPICREQ') {
      this.#link.answer({ type: 'WILLTOPIC', will: this.#willTopic() });
    } else if (packet.type === 'WILLMSGREQ') {
      this.#link.answer({ type: 'WILLMSG', message: Buffer.from(this.#options.will?.message ?? '') });
    } else {
      this.#inbox.receive(packet);
    }
  }

  #willTopic(): WillTopicFields | undefined {
    const { will } = this.#options;
    return will === undefined ? undefined : { qos: 2, isRetain: false, topicName: will.topicName };
  }
}
