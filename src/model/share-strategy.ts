/** How the messages of a shared subscription are spread over the members that can take one (MQTT 5 §4.8.2 leaves it to the server). */
export const SHARE_STRATEGIES = ['round-robin', 'random', 'sticky', 'hash-client', 'hash-topic', 'least-inflight'] as const;

/**
 * `round-robin`: each in turn. `random`: any. `sticky`: the same as long as it can. `hash-client`, `hash-topic`: the same for the same publisher or
 * topic while the members stay. `least-inflight`: the one with the fewest unsettled deliveries, in turn among equals.
 */
export type ShareStrategy = (typeof SHARE_STRATEGIES)[number];
