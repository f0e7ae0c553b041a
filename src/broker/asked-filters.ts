// Filters as clients name them, of those subscriptions whose name a rule of rewrite gave: among the session's state, where no gateway sees them.
import type { TopicFilter } from '../model/topic.ts';
import type { SessionStore, StoredSession } from '../session/session-store.ts';

const PREFIX = '\0asked\0';

export class AskedFilters {
  readonly #store: Pick<SessionStore, 'putState'>;
  /** By the key of their subscription. Made for the first one: most sessions have none. */
  #asked: Map<TopicFilter, TopicFilter> | undefined;

  constructor(store: Pick<SessionStore, 'putState'>) {
    this.#store = store;
  }

  /** Takes up what a restart left. */
  restore({ state }: StoredSession): void {
    for (const [key, value] of state) {
      if (!key.startsWith(PREFIX)) continue;
      this.#asked ??= new Map();
      this.#asked.set(key.slice(PREFIX.length) as TopicFilter, Buffer.from(value).toString() as TopicFilter);
    }
  }

  of(key: TopicFilter): TopicFilter | undefined {
    return this.#asked?.get(key);
  }

  /** @param asked - undefined: the key says it, or there is no such subscription any more. */
  note(key: TopicFilter, asked: TopicFilter | undefined, stored: StoredSession | undefined): void {
    if (this.of(key) === asked) return;
    this.#asked ??= new Map();
    if (asked === undefined) this.#asked.delete(key);
    else this.#asked.set(key, asked);
    if (stored !== undefined) this.#save(stored, key, asked);
  }

  /** Into a record that was just made. */
  saveAll(stored: StoredSession): void {
    for (const [key, asked] of this.#asked ?? []) this.#save(stored, key, asked);
  }

  #save(stored: StoredSession, key: TopicFilter, asked: TopicFilter | undefined): void {
    this.#store.putState(stored, PREFIX + key, asked === undefined ? undefined : Buffer.from(asked));
  }
}
