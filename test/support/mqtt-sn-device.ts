// A device as it is in the field: it asks one thing at a time, repeats what is not answered, connects again when it is told to, and delivers a
// QoS 2 message once. It moves only when the test says `step`.
import { decode, encode } from '../../gateways/mqtt-sn/codec.ts';
import type { Packet, Publish } from '../../gateways/mqtt-sn/packets.ts';
import type { DeviceLink } from './mqtt-sn.ts';
import { connect, disconnect, pingreq, puback, pubcomp, publish, pubrec, pubrel, regack, register, subscribe } from './mqtt-sn-packets.ts';

/** Steps without an answer before a request is sent again. */
const RETRY_STEPS = 5;

interface Request {
  readonly packet: Packet;
  readonly isAnswer: (packet: Packet) => boolean;
  readonly onAnswer: () => void;
}

export class Device {
  /** What the gateway has acknowledged, PUBREC included. */
  readonly acknowledged: string[] = [];
  /** What came in, `topic payload`; QoS 2 once. */
  readonly received: string[] = [];
  readonly #peer: DeviceLink;
  readonly #clientId: string;
  readonly #requests: Request[] = [];
  readonly #names = new Map<number, string>();
  /** QoS 2 messages by MsgId: open until PUBREL, then in quarantine, as late copies may still be on the way. */
  readonly #open = new Map<number, string>();
  readonly #completed = new Map<number, string>();
  #waited = 0;
  #msgId = 0;
  /** How it reaches the gateway at all, before everything else. */
  #greeting: Request | undefined;

  constructor(peer: DeviceLink, clientId: string) {
    this.#peer = peer;
    this.#clientId = clientId;
    this.#connect();
  }

  get isDone(): boolean {
    return this.#greeting === undefined && this.#requests.length === 0;
  }

  subscribes(filter: string): void {
    const msgId = this.#nextMsgId();
    this.#ask(subscribe(filter, { qos: 2, msgId }), (answer) => answer.type === 'SUBACK' && answer.msgId === msgId);
  }

  registers(topic: string, topicId: number): void {
    const msgId = this.#nextMsgId();
    this.#ask(register(topic, { msgId }), (answer) => answer.type === 'REGACK' && answer.msgId === msgId && answer.topicId === topicId);
  }

  publishes(payload: string, topicId: number, qos: 1 | 2): void {
    const msgId = this.#nextMsgId();
    const onAnswer = (): void => void this.acknowledged.push(payload);
    const packet = publish(payload, { qos, msgId, topicId });
    this.#ask(packet, (answer) => answer.type === (qos === 1 ? 'PUBACK' : 'PUBREC') && answer.msgId === msgId, onAnswer);
    if (qos === 2) this.#ask(pubrel(msgId), (answer) => answer.type === 'PUBCOMP' && answer.msgId === msgId);
  }

  sleeps(seconds: number): void {
    this.#ask(disconnect(seconds), (answer) => answer.type === 'DISCONNECT');
  }

  /** Gets what was kept for it. */
  wakes(): void {
    this.#ask(pingreq(this.#clientId), (answer) => answer.type === 'PINGRESP');
  }

  /** Reads what came, then says what is due. */
  step(): void {
    for (const bytes of this.#peer.take()) {
      const packet = decode(bytes);
      if (packet !== undefined) this.#receive(packet);
    }
    const request = this.#greeting ?? this.#requests[0];
    if (request === undefined) return;
    if (this.#waited % RETRY_STEPS === 0) this.#send(this.#waited === 0 ? request.packet : repeated(request.packet));
    this.#waited += 1;
  }

  #receive(packet: Packet): void {
    const current = this.#greeting ?? this.#requests[0];
    if (current?.isAnswer(packet) === true) {
      if (this.#greeting === undefined) this.#requests.shift();
      this.#greeting = undefined;
      this.#waited = 0;
      current.onAnswer();
    } else if (packet.type === 'DISCONNECT') {
      this.#connect(); // it does not know us any more
    } else if (packet.type === 'REGISTER') {
      this.#names.set(packet.topicId, packet.topicName);
      this.#send(regack(packet.topicId, { msgId: packet.msgId }));
    } else if (packet.type === 'PUBLISH') {
      this.#deliver(packet);
    } else if (packet.type === 'PUBREL') {
      this.#complete(packet.msgId);
      this.#send(pubcomp(packet.msgId));
    }
  }

  #deliver({ qos, msgId, topicId, data }: Publish): void {
    const topic = this.#names.get(topicId);
    if (topic === undefined) {
      if (qos > 0) this.#send(puback(msgId, { topicId, returnCode: 0x02 }));
      return;
    }
    const message = `${topic} ${Buffer.from(data).toString()}`;
    if (qos === 2) {
      if (this.#completed.get(msgId) !== message) {
        if (!this.#open.has(msgId)) this.received.push(message);
        this.#open.set(msgId, message);
      }
      this.#send(pubrec(msgId));
    } else {
      this.received.push(message);
      if (qos === 1) this.#send(puback(msgId, { topicId }));
    }
  }

  #complete(msgId: number): void {
    const message = this.#open.get(msgId);
    if (message === undefined) return;
    this.#open.delete(msgId);
    this.#completed.set(msgId, message);
  }

  #connect(): void {
    if (this.#greeting !== undefined) return;
    this.#waited = 0;
    this.#greeting = { packet: connect({ clientId: this.#clientId, durationSeconds: 3_600 }), isAnswer: ({ type }) => type === 'CONNACK', onAnswer: () => {} };
  }

  #ask(packet: Packet, isAnswer: (packet: Packet) => boolean, onAnswer: () => void = () => {}): void {
    this.#requests.push({ packet, isAnswer, onAnswer });
  }

  #send(packet: Packet): void {
    this.#peer.sends(encode(packet));
  }

  #nextMsgId(): number {
    this.#msgId += 1;
    return this.#msgId;
  }
}

function repeated(packet: Packet): Packet {
  return packet.type === 'PUBLISH' || packet.type === 'SUBSCRIBE' ? { ...packet, isDuplicate: true } : packet;
}
