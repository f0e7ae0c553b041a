// A queue of `/queue/NAME` lives as long as somebody keeps it: a member of its shared subscription that never takes anything. So messages wait in the group's
// stored queue while there is no consumer, return to it when one goes, and are there after a restart.
import type { GatewayContext, Outlet } from '../../src/gateway/gateway.ts';
import { INTERNAL_PROTOCOL, peerAddress, realm } from '../../src/model/client.ts';
import type { TopicName } from '../../src/model/topic.ts';
import { queueFilter } from './destinations.ts';
import { StompError } from './packets.ts';

/** No client can enter it: no name of a gateway has an `@`. */
export const QUEUES_REALM = realm('stomp@queues');

const SILENT: Outlet = { deliver() {}, release() {}, published() {}, completed() {}, drained() {}, throttle() {}, end() {} };

export class QueueKeepers {
  readonly #context: GatewayContext;
  readonly #queuesMax: number;
  /** By topic; pending ones too. */
  readonly #kept = new Map<TopicName, Promise<void>>();
  readonly #ready = new Set<TopicName>();

  constructor(context: GatewayContext, queuesMax: number) {
    this.#context = context;
    this.#queuesMax = queuesMax;
  }

  get count(): number {
    return this.#kept.size;
  }

  isKept(topic: TopicName): boolean {
    return this.#ready.has(topic);
  }

  /** @throws StompError - there are as many as may be, or the store has no room for one more. */
  keep(topic: TopicName): Promise<void> {
    const known = this.#kept.get(topic);
    if (known !== undefined) return known;
    if (this.#kept.size >= this.#queuesMax) throw new StompError('queues', `more than ${this.#queuesMax} queues (queuesMax)`);
    const keeping = this.#make(topic);
    this.#kept.set(topic, keeping);
    keeping.then(
      () => this.#ready.add(topic),
      () => this.#kept.delete(topic),
    );
    return keeping;
  }

  /** One that a restart left goes on; it is taken up here so that it counts. */
  async #make(topic: TopicName): Promise<void> {
    const credentials = { clientId: topic, peer: peerAddress('stomp'), peerHost: '', listener: 'stomp', protocol: INTERNAL_PROTOCOL };
    const request = {
      credentials,
      realm: QUEUES_REALM,
      cleanStart: false,
      sessionExpirySeconds: Number.POSITIVE_INFINITY,
      inflightMax: 1,
      queueQos0: false,
      isReliableLink: true,
    };
    const outcome = await this.#context.connect(request, SILENT);
    if (outcome.kind !== 'accepted') throw new StompError('queues', 'no room for another queue: try again later');
    const { session } = outcome;
    const { kind } = session.subscribe({ filter: queueFilter(topic), qosMax: 1, noLocal: false, retainAsPublished: false, retainHandling: 2 });
    await new Promise<void>((resolve) => session.whenDurable(resolve));
    session.disconnect({ publishWill: false });
    if (kind !== 'granted') throw new StompError('queues', 'no room for another queue: try again later');
  }
}
