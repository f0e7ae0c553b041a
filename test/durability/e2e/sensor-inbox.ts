// What a sensor gets from the gateway without having asked: REGISTER and PUBLISH.
import { type Packet, type Publish, RETURN_CODE } from '../../../gateways/mqtt-sn/packets.ts';
import type { Clock } from '../../../src/model/clock.ts';
import type { Arrivals } from './ledger.ts';

export interface SensorInboxParts {
  /** Undefined: nothing was subscribed to. */
  readonly arrivals: Arrivals | undefined;
  readonly answer: (packet: Packet) => void;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** The same message under the same id within this time after its exchange is a late copy. A restarted gateway may give the id to another one so soon. */
const QUARANTINE_MS = 5_000;

interface Closed {
  readonly content: string;
  readonly atMs: number;
}

export class SensorInbox {
  readonly #parts: SensorInboxParts;
  readonly #names = new Map<number, string>();
  /** What came under QoS 2 ids that are between PUBLISH and PUBREL. */
  readonly #open = new Map<number, string>();
  readonly #closed = new Map<number, Closed>();

  constructor(parts: SensorInboxParts) {
    this.#parts = parts;
  }

  /** A topic id SUBACK gave. */
  learn(topicId: number, topicName: string): void {
    this.#names.set(topicId, topicName);
  }

  receive(packet: Packet): void {
    const { answer, clock } = this.#parts;
    switch (packet.type) {
      case 'REGISTER': {
        const { topicId, msgId, topicName } = packet;
        this.#names.set(topicId, topicName);
        answer({ type: 'REGACK', topicId, msgId, returnCode: RETURN_CODE.accepted });
        break;
      }
      case 'PUBLISH':
        this.#publish(packet);
        break;
      case 'PUBREL':
        this.#close(packet.msgId, clock.monotonicMs());
        answer({ type: 'PUBCOMP', msgId: packet.msgId });
        break;
      default: // late copies of answers
    }
  }

  #publish({ topicId, msgId, qos, data }: Publish): void {
    const { answer, arrivals } = this.#parts;
    const topicName = this.#names.get(topicId);
    if (topicName === undefined) {
      answer({ type: 'PUBACK', topicId, msgId, returnCode: RETURN_CODE.invalidTopicId });
      return;
    }
    const content = Buffer.from(data).toString();
    const isCopy = qos === 2 && this.#isTaken(msgId, content);
    if (!isCopy) arrivals?.record(topicName, content);
    if (qos === 2) {
      this.#open.set(msgId, content);
      answer({ type: 'PUBREC', msgId });
    } else {
      answer({ type: 'PUBACK', topicId, msgId, returnCode: RETURN_CODE.accepted });
    }
  }

  #close(msgId: number, atMs: number): void {
    const content = this.#open.get(msgId);
    if (content === undefined) return;
    this.#open.delete(msgId);
    this.#closed.set(msgId, { content, atMs });
  }

  #isTaken(msgId: number, content: string): boolean {
    if (this.#open.has(msgId)) return true;
    const closed = this.#closed.get(msgId);
    return closed?.content === content && this.#parts.clock.monotonicMs() - closed.atMs < QUARANTINE_MS;
  }
}
