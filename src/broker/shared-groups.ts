import type { Share } from '../bus/audience.ts';
import type { Bus } from '../bus/bus.ts';
import type { ShareStrategy } from '../model/share-strategy.ts';
import type { TopicFilter } from '../model/topic.ts';
import type { QueueFacts } from './queue-report.ts';
import type { RoutedSession } from './routed-session.ts';
import { execute } from './shared-bequests.ts';
import { SHARE_REALM, SharedGroup, type SharedGroupParts } from './shared-group.ts';

export interface SharedSettings {
  readonly strategy: ShareStrategy;
  /** Of groups of that name; the first entry that names the group holds. */
  readonly groups: readonly { readonly group: string; readonly strategy: ShareStrategy }[];
}

/** The shared subscriptions that have members. */
export class SharedGroups {
  readonly #parts: SharedGroupParts;
  readonly #bus: Bus<RoutedSession>;
  readonly #settings: SharedSettings;
  /** By shared filter, which is also the client id they are stored under. */
  readonly #groups = new Map<string, SharedGroup>();

  constructor(parts: SharedGroupParts, bus: Bus<RoutedSession>, settings: SharedSettings) {
    this.#parts = parts;
    this.#bus = bus;
    this.#settings = settings;
  }

  get count(): number {
    return this.#groups.size;
  }

  /** Gives the queues a restart left to their groups, once every session has its subscriptions back. A group without members is over. */
  restore(): void {
    const { store } = this.#parts;
    for (const stored of [...store.sessions.values()]) {
      if (stored.realm !== SHARE_REALM) continue;
      const group = this.#groups.get(stored.clientId);
      if (group === undefined) execute(store, stored);
      else group.restore(stored);
    }
  }

  all(): Iterable<SharedGroup> {
    return this.#groups.values();
  }

  queues(): readonly QueueFacts[] {
    return [...this.#groups.values()].map((group) => group.facts);
  }

  /** The rules of queues changed. */
  treat(): void {
    for (const group of this.#groups.values()) group.treat(this.#parts.queueRules.ofGroups);
  }

  /** Before links are closed for good: what their members had is not given to others that go as well. */
  stop(): void {
    for (const group of this.#groups.values()) group.stop();
  }

  /** Undefined when its last member left while a message was on its way to it. */
  groupOf({ filter }: Share<RoutedSession>): SharedGroup | undefined {
    const group = this.#groups.get(filter);
    return group?.hasMembers === true ? group : undefined;
  }

  /** The bus has this subscription. What waits in its group may go to the new member at once. */
  joined({ outbound }: RoutedSession, filter: TopicFilter): void {
    const share = this.#bus.shareOf(filter);
    if (share === undefined) return;
    let group = this.#groups.get(filter);
    if (group === undefined) {
      const own = this.#settings.groups.find(({ group: name }) => name === share.group);
      group = new SharedGroup(this.#parts, share, own?.strategy ?? this.#settings.strategy);
      this.#groups.set(filter, group);
    } else {
      group.reopen(share);
    }
    outbound.shared.join(group);
    outbound.pump();
  }

  /** The bus does not have it any more. Deliveries that have begun are finished (MQTT-3.10.4-3). */
  left({ outbound }: RoutedSession, filter: TopicFilter): void {
    const group = this.#groups.get(filter);
    if (group === undefined) return;
    outbound.shared.leave(group);
    if (group.hasMembers) return;
    group.end(() => void this.#groups.delete(filter));
  }
}
