// Which figure stands under which name. Messages are application messages (PUBLISH), of every protocol; bytes are those of all sockets.

/** What one round of figures is made of. */
export interface Reading {
  readonly value: (name: string) => number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly connectionsAccepted: number;
  readonly messagesDropped: number;
  readonly heapBytes: number;
}

type Figure = (reading: Reading) => number;

export function readingOf(snapshot: Readonly<Record<string, number>>, heapBytes: number): Reading {
  const sum = (pattern: RegExp): number => Object.entries(snapshot).reduce((total, [name, value]) => (pattern.test(name) ? total + value : total), 0);
  return {
    value: (name) => snapshot[name] ?? 0,
    bytesReceived: sum(/^transport\..*\.bytes\.received$/),
    bytesSent: sum(/^transport\..*\.bytes\.sent$/),
    connectionsAccepted: sum(/^transport\..*\.accepted$/),
    messagesDropped: sum(/^messages\.dropped\.(?!no-subscribers)/),
    heapBytes,
  };
}

const connected: Figure = ({ value }) => value('sessions.connected');
const sessions: Figure = ({ value }) => value('sessions');
const received: Figure = ({ value }) => value('messages.received');
const delivered: Figure = ({ value }) => value('messages.delivered');
const dropped: Figure = ({ messagesDropped }) => messagesDropped;
const subscriptions: Figure = ({ value }) => value('subscriptions');
const retained: Figure = ({ value }) => value('retained.messages');
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
  'clients/expired': ({ value }) => value('sessions.expired'),
  'messages/received': received,
  'messages/sent': delivered,
  'messages/stored': ({ value }) => value('store.queued.messages'),
  'publish/messages/received': received,
  'publish/messages/sent': delivered,
  'publish/messages/dropped': dropped,
  'bytes/received': bytesReceived,
  'bytes/sent': bytesSent,
  'subscriptions/count': subscriptions,
  'shared_subscriptions/count': ({ value }) => value('shared.groups'),
  'retained messages/count': retained,
  'store/messages/count': ({ value }) => value('store.queued.messages'),
  'store/messages/bytes': ({ value }) => value('store.queued.bytes'),
  'heap/current': heap,
};

/** Below `$SYS/brokers/NODE/`. */
export const EMQX_FIGURES: Readonly<Record<string, Figure>> = {
  'stats/connections/count': connected,
  'stats/live_connections/count': connected,
  'stats/sessions/count': sessions,
  'stats/subscriptions/count': subscriptions,
  'stats/subscriptions/shared/count': ({ value }) => value('shared.groups'),
  'stats/retained/count': retained,
  'stats/delayed/count': ({ value }) => value('delayed.messages'),
  'metrics/bytes/received': bytesReceived,
  'metrics/bytes/sent': bytesSent,
  'metrics/messages/received': received,
  'metrics/messages/sent': delivered,
  'metrics/messages/delivered': delivered,
  'metrics/messages/publish': received,
  'metrics/messages/dropped': dropped,
  'metrics/messages/dropped/no_subscribers': ({ value }) => value('messages.dropped.no-subscribers'),
  'metrics/messages/dropped/expired': ({ value }) => value('messages.dropped.expired'),
  'metrics/delivery/dropped': dropped,
  'metrics/delivery/dropped/queue_full': ({ value }) => value('messages.dropped.queue-full') + value('messages.dropped.queue-full-newest'),
  'metrics/delivery/dropped/queue_full_newest': ({ value }) => value('messages.dropped.queue-full-newest'),
  'metrics/delivery/dropped/superseded': ({ value }) => value('messages.dropped.superseded'),
  'metrics/delivery/dropped/expired': ({ value }) => value('messages.dropped.expired'),
  'metrics/delivery/dropped/refused': ({ value }) => value('messages.dropped.refused-by-peer'),
  'metrics/delivery/dropped/detached': ({ value }) => value('messages.dropped.detached'),
  'metrics/delivery/dropped/unreadable': ({ value }) => value('messages.dropped.unreadable'),
  'metrics/messages/delayed': ({ value }) => value('delayed.published'),
  'metrics/session/takenover': ({ value }) => value('sessions.taken-over'),
};

/** Greatest values so far, under the names each has. */
export const MAXIMA: Readonly<Record<string, { readonly mosquitto?: string; readonly emqx?: string; readonly figure: Figure }>> = {
  connected: { mosquitto: 'clients/maximum', emqx: 'stats/connections/max', figure: connected },
  sessions: { emqx: 'stats/sessions/max', figure: sessions },
  subscriptions: { emqx: 'stats/subscriptions/max', figure: subscriptions },
  retained: { emqx: 'stats/retained/max', figure: retained },
  heap: { mosquitto: 'heap/maximum', figure: heap },
};

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
