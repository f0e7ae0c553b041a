/**
 * Class of what waits in a queue: greater ones go first, equal ones in order. Given by topic filter, so that a class never splits a topic
 * (MQTT-4.6.0-5). On disk: never renumbered.
 */
export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export const PRIORITY_MAX = 7;
/** Of what no rule names: four classes go before it, three behind it. */
export const ORDINARY: Priority = 3;
/** Greatest first. */
export const PRIORITIES: readonly Priority[] = [7, 6, 5, 4, 3, 2, 1, 0];
export const LOWEST_FIRST: readonly Priority[] = [0, 1, 2, 3, 4, 5, 6, 7];
