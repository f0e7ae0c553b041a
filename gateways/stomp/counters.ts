import { type Counter, countersOf, type Metrics } from '../../src/model/metrics.ts';

const NAMES = {
  connectionsAccepted: 'stomp.connections.accepted',
  connectionsRefused: 'stomp.refused.connects',
  connectTimeouts: 'stomp.refused.connect-timeout',
  withheldTimeouts: 'stomp.withheld-timeouts',
  turnsYielded: 'stomp.turns.yielded',
  framesReceived: 'stomp.frames.received',
  messagesSent: 'stomp.frames.messages',
  /** ERROR frames; each is the end of its connection. */
  errors: 'stomp.frames.errors',
  internalErrors: 'stomp.internal-errors',
  heartBeatTimeouts: 'stomp.heart-beat-timeouts',
  nacked: 'stomp.messages.nacked',
  setAside: 'stomp.messages.set-aside',
  /** Messages published at QoS 0, which nobody keeps until they are acknowledged. */
  nackedInVain: 'stomp.messages.nacked-in-vain',
  transactionsTimedOut: 'stomp.transactions.timed-out',
} as const;

export type StompCounters = Readonly<Record<keyof typeof NAMES, Counter>>;

export function stompCounters(metrics: Metrics): StompCounters {
  return countersOf(metrics, NAMES);
}
