import type { Counter, Metrics } from '../model/metrics.ts';

/** What a bridge counts, below its name. */
export interface BridgeCounters {
  readonly sent: Counter;
  readonly acknowledged: Counter;
  readonly tooLarge: Counter;
  readonly deadLetters: Counter;
  readonly unanswered: Counter;
  /** Answers to what was not asked: late, twice, or with a wrong packet id. */
  readonly unexpected: Counter;
  readonly unmapped: Counter;
  readonly received: Counter;
  readonly hopLimit: Counter;
  readonly echoes: Counter;
  readonly echoesForgotten: Counter;
}

export function bridgeCounters(metrics: Metrics, name: string): BridgeCounters {
  const counter = (what: string): Counter => metrics.counter(`${name}.${what}`);
  return {
    sent: counter('sent'),
    acknowledged: counter('acknowledged'),
    tooLarge: counter('dropped.too-large'),
    deadLetters: counter('dead-letters'),
    unanswered: counter('unanswered'),
    unexpected: counter('answers-unexpected'),
    unmapped: counter('dropped.unmapped'),
    received: counter('received'),
    hopLimit: counter('dropped.hop-limit'),
    echoes: counter('dropped.echoes'),
    echoesForgotten: counter('echoes.forgotten'),
  };
}
