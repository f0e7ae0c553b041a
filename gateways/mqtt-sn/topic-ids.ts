// Normal topic ids of one client (§5.3.11, §6.5): given by the gateway, kept in the session's state, so that a device that was told an id may
// use it after any restart of ours. Ids are never given to another name: a late PUBLISH must not end up at the wrong topic.
import type { StateSpace } from '../../src/gateway/gateway.ts';
import type { TopicName } from '../../src/model/topic.ts';

const KEY_PREFIX = 'topic/';
const TOPIC_ID_MAX = 0xfffe; // §5.3.11: 0x0000 and 0xFFFF are reserved

const toUtf8 = new TextEncoder();
const utf8 = new TextDecoder();

export class TopicIds {
  readonly #state: StateSpace;
  readonly #idsMax: number;
  readonly #names = new Map<number, TopicName>();
  readonly #ids = new Map<TopicName, number>();
  /** Ids the client is known to know. The others are registered again before they are used towards it. */
  readonly #confirmed = new Set<number>();
  #next = 1;

  /** Reads the table `state` holds. `intern` gives one string per name, however many clients use it. */
  constructor(state: StateSpace, idsMax: number, intern: (name: TopicName) => TopicName) {
    this.#state = state;
    this.#idsMax = Math.min(idsMax, TOPIC_ID_MAX);
    for (const [key, value] of state.entries()) {
      if (key.startsWith(KEY_PREFIX)) this.#learn(Number(key.slice(KEY_PREFIX.length)), intern(utf8.decode(value) as TopicName));
    }
  }

  hasRoomFor(name: TopicName): boolean {
    return this.#ids.has(name) || this.#ids.size < this.#idsMax;
  }

  /** The id of that name, given now if it has none. @returns undefined when the table is full. */
  assign(name: TopicName): number | undefined {
    const known = this.#ids.get(name);
    if (known !== undefined) return known; // §6.5: the same name, the same id
    if (!this.hasRoomFor(name)) return undefined;
    const id = this.#next;
    this.#learn(id, name);
    this.#state.put(`${KEY_PREFIX}${id}`, toUtf8.encode(name));
    return id;
  }

  nameOf(id: number): TopicName | undefined {
    return this.#names.get(id);
  }

  confirmedIdOf(name: TopicName): number | undefined {
    const id = this.#ids.get(name);
    return id !== undefined && this.#confirmed.has(id) ? id : undefined;
  }

  confirm(id: number): void {
    this.#confirmed.add(id);
  }

  /** The client said that it does not know the id. */
  doubt(id: number): void {
    this.#confirmed.delete(id);
  }

  confirmAll(): void {
    for (const id of this.#names.keys()) this.#confirmed.add(id);
  }

  #learn(id: number, name: TopicName): void {
    this.#names.set(id, name);
    this.#ids.set(name, id);
    this.#next = Math.max(this.#next, id + 1);
  }
}
