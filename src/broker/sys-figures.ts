// Which figure stands under which name. Messages are application messages (PUBLISH), of every protocol; bytes are those of all sockets.
import type { MetricsTable } from '../model/metrics.ts';

export type Figure = (reading: Reading) => number;

/** The sum of all values whose names match. Which those are is looked at again only when there are new names. */
class Sum {
  readonly #pattern: RegExp;
  #names: readonly string[] = [];
  #seen = 0;

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  of(metrics: MetricsTable): number {
    if (metrics.size !== this.#seen) {
      this.#seen = metrics.size;
      this.#names = metrics.names().filter((name) => this.#pattern.test(name));
    }
    let sum = 0;
    for (const name of this.#names) sum += metrics.value(name);
    return sum;
  }
}

/** Where the figures of a round are read. Made once: a gateway on which nothing happens makes no garbage to speak of by saying so. */
export class Reading {
  readonly #metrics: MetricsTable;
  readonly #measureHeap: () => number;
  readonly #received = new Sum(/^transport\..*\.bytes\.received$/);
  readonly #sent = new Sum(/^transport\..*\.bytes\.sent$/);
  readonly #accepted = new Sum(/^transport\..*\.accepted$/);
  readonly #dropped = new Sum(/^messages\.dropped\.(?!no-subscribers)/);
  bytesReceived = 0;
  bytesSent = 0;
  connectionsAccepted = 0;
  messagesDropped = 0;
  heapBytes = 0;

  constructor(metrics: MetricsTable, measureHeap: () => number) {
    this.#metrics = metrics;
    this.#measureHeap = measureHeap;
  }

  /** What is made of many values, or costs something to measure, is so once per round. */
  refresh(): void {
    this.bytesReceived = this.#received.of(this.#metrics);
    this.bytesSent = this.#sent.of(this.#metrics);
    this.connectionsAccepted = this.#accepted.of(this.#metrics);
    this.messagesDropped = this.#dropped.of(this.#metrics);
    this.heapBytes = this.#measureHeap();
  }

  value(name: string): number {
    return this.#metrics.value(name);
  }
}

const connected: Figure = (reading) => reading.value('sessions.connected');
const sessions: Figure = (reading) => reading.value('sessions');
const received: Figure = (reading) => reading.value('messages.received');
const delivered: Figure = (reading) => reading.value('messages.delivered');
const dropped: Figure = ({ messagesDropped }) => messagesDropped;
const subscriptions: Figure = (reading) => reading.value('subscriptions');
const retained: Figure = (reading) => reading.value('retained.messages');
const heap: Figure = ({ heapBytes }) => heapBytes;
const bytesReceived: Figure = (reading) => reading.bytesReceived;
const bytesSent: Figure = (reading) => reading.bytesSent;
const accepted: Figure = ({ connectionsAccepted }) => connectionsAccepted;

/** Below `$SYS/broker/`. */
export const MOSQUITTO_FIGURES: Readonly<Record<string, Figure>> = {
  'clients/connected': connected,
  'clients/active': connected,
  'clients/disconnected': (reading) => sessions(reading) - connected(reading),
  'clients/inactive': (reading) => sessions(reading) - connected(reading),
  'clients/total': sessions,
  'clients/expired': (reading) => reading.value('sessions.expired'),
  'messages/received': received,
  'messages/sent': delivered,
  'messages/stored': (reading) => reading.value('store.queued.messages'),
  'publish/messages/received': received,
  'publish/messages/sent': delivered,
  'publish/messages/dropped': dropped,
  'bytes/received': bytesReceived,
  'bytes/sent': bytesSent,
  'subscriptions/count': subscriptions,
  'shared_subscriptions/count': (reading) => reading.value('shared.groups'),
  'retained messages/count': retained,
  'store/messages/count': (reading) => reading.value('store.queued.messages'),
  'store/messages/bytes': (reading) => reading.value('store.queued.bytes'),
  'store/groups/lost': (reading) => reading.value('store.groups.lost'),
  'store/healed': (reading) => reading.value('store.healed'),
  'store/messages/strict': (reading) => reading.value('messages.durability.strict'),
  'store/messages/grouped': (reading) => reading.value('messages.durability.grouped'),
  'store/messages/lazy': (reading) => reading.value('messages.durability.lazy'),
  'store/messages/ram': (reading) => reading.value('messages.durability.ram'),
  'store/messages/acked-through': (reading) => reading.value('store.messages.acked-through'),
  'heap/current': heap,
};

/** Below `$SYS/brokers/NODE/`. */
export const EMQX_FIGURES: Readonly<Record<string, Figure>> = {
  'stats/connections/count': connected,
  'stats/live_connections/count': connected,
  'stats/sessions/count': sessions,
  'stats/subscriptions/count': subscriptions,
  'stats/subscriptions/shared/count': (reading) => reading.value('shared.groups'),
  'stats/retained/count': retained,
  'stats/delayed/count': (reading) => reading.value('delayed.messages'),
  'metrics/bytes/received': bytesReceived,
  'metrics/bytes/sent': bytesSent,
  'metrics/messages/received': received,
  'metrics/messages/sent': delivered,
  'metrics/messages/delivered': delivered,
  'metrics/messages/publish': received,
  'metrics/messages/dropped': dropped,
  'metrics/messages/dropped/no_subscribers': (reading) => reading.value('messages.dropped.no-subscribers'),
  'metrics/messages/dropped/expired': (reading) => reading.value('messages.dropped.expired'),
  'metrics/delivery/dropped': dropped,
  'metrics/delivery/dropped/queue_full': (reading) => reading.value('messages.dropped.queue-full') + reading.value('messages.dropped.queue-full-newest'),
  'metrics/delivery/dropped/disk_full': (reading) => reading.value('messages.dropped.disk-full'),
  'metrics/delivery/dropped/queue_full_newest': (reading) => reading.value('messages.dropped.queue-full-newest'),
  'metrics/delivery/dropped/superseded': (reading) => reading.value('messages.dropped.superseded'),
  'metrics/delivery/dropped/expired': (reading) => reading.value('messages.dropped.expired'),
  'metrics/delivery/dropped/refused': (reading) => reading.value('messages.dropped.refused-by-peer'),
  'metrics/delivery/dropped/detached': (reading) => reading.value('messages.dropped.detached'),
  'metrics/delivery/dropped/unreadable': (reading) => reading.value('messages.dropped.unreadable'),
  'metrics/delivery/dropped/quota': (reading) => reading.value('messages.dropped.quota-messages') + reading.value('messages.dropped.quota-bytes'),
  'metrics/delivery/dropped/disk_share': (reading) => reading.value('messages.dropped.disk-share'),
  'metrics/delivery/dropped/sampled': (reading) => reading.value('messages.dropped.sampled'),
  'metrics/delivery/dropped/age': (reading) => reading.value('messages.dropped.age'),
  'metrics/delivery/dropped/purged': (reading) => reading.value('messages.dropped.purged'),
  'metrics/messages/delayed': (reading) => reading.value('delayed.published'),
  'metrics/session/takenover': (reading) => reading.value('sessions.taken-over'),
};

/** Greatest values so far, under the names each has. */
export const MAXIMA: readonly { readonly mosquitto: readonly string[]; readonly emqx: readonly string[]; readonly figure: Figure }[] = [
  { mosquitto: ['clients/maximum'], emqx: ['stats/connections/max'], figure: connected },
  { mosquitto: [], emqx: ['stats/sessions/max'], figure: sessions },
  { mosquitto: [], emqx: ['stats/subscriptions/max'], figure: subscriptions },
  { mosquitto: [], emqx: ['stats/retained/max'], figure: retained },
  { mosquitto: ['heap/maximum'], emqx: [], figure: heap },
];

/** Per minute, below `$SYS/broker/load/`. */
export const LOADS: Readonly<Record<string, Figure>> = {
  'messages/received': received,
  'messages/sent': delivered,
  'publish/received': received,
  'publish/sent': delivered,
  'publish/dropped': dropped,
  'bytes/received': bytesReceived,
  'bytes/sent': bytesSent,
  connections: accepted,
  sockets: accepted,
};
