// A remote that answered nothing, twice: because of what it was sent, or because it answers nothing at all? At the start of the next connection what is
// behind goes first for a moment, but for messages of the same topics, whose order is kept. If it is answered, it was not the remote.
import type { Delivery, DeliveryFlow } from '../gateway/gateway.ts';
import type { CancelTimer, Clock } from '../model/clock.ts';
import type { TopicName } from '../model/topic.ts';

const HEAD_START_MS = 5_000;

export class HeadStart {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #flow: Pick<DeliveryFlow, 'withhold' | 'offer'>;
  /** What was not answered by the last connection. */
  readonly #suspects = new Set<number>();
  readonly #topics = new Set<TopicName>();
  readonly #withheld: number[] = [];
  #cancel: CancelTimer | undefined;

  constructor(clock: Pick<Clock, 'after'>, flow: Pick<DeliveryFlow, 'withhold' | 'offer'>) {
    this.#clock = clock;
    this.#flow = flow;
  }

  get isUnderWay(): boolean {
    return this.#cancel !== undefined;
  }

  suspect(packetId: number): void {
    this.#suspects.add(packetId);
  }

  /** @param isSilent - the connections before were not answered anything. */
  connected(isSilent: boolean): void {
    if (isSilent && this.#suspects.size > 0) this.#cancel = this.#clock.after(HEAD_START_MS, () => this.end());
    else this.#suspects.clear();
  }

  /** Whether a delivery is one that waits. */
  withholds({ qos, packetId, message, isDuplicate }: Delivery): boolean {
    const { name } = message.topic;
    if (qos === 0 || !(this.#suspects.has(packetId) || this.#topics.has(name))) return false;
    this.#topics.add(name);
    if (!this.#flow.withhold(packetId, isDuplicate ? 'unanswered' : 'refused')) return false;
    this.#withheld.push(packetId);
    return true;
  }

  /** Everything goes, in its order: now, or with the next connection. */
  end(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#suspects.clear();
    this.#topics.clear();
    for (const packetId of this.#withheld.splice(0)) this.#flow.offer(packetId);
  }
}
