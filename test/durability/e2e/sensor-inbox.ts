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

/** A copy that comes this long after its exchange was completed is a late one; the gateway's ids do not come round so soon. */
const QUARANTINE_MS = 5_000;

export class SensorInbox {
  readonly #parts: SensorInboxParts;
  readonly #names = new Map<number, string>();
  /** QoS 2 ids between PUBLISH and PUBREL. */
  readonly #open = new Set<number>();
  /** QoS 2 ids by the time they were released. */
  readonly #closed = new Map<number, number>();

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
        if (this.#open.delete(packet.msgId)) this.#closed.set(packet.msgId, clock.monotonicMs());
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
    const isCopy = qos === 2 && this.#isTaken(msgId);
    if (!isCopy) arrivals?.record(topicName, Buffer.from(data).toString());
    if (qos === 2) {
      this.#open.add(msgId);
      answer({ type: 'PUBREC', msgId });
    } else {
      answer({ type: 'PUBACK', topicId, msgId, returnCode: RETURN_CODE.accepted });
    }
  }

  #isTaken(msgId: number): boolean {
    const closedMs = this.#closed.get(msgId);
    return this.#open.has(msgId) || (closedMs !== undefined && this.#parts.clock.monotonicMs() - closedMs < QUARANTINE_MS);
  }
}
