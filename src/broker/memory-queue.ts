import { LOWEST_FIRST, ORDINARY, PRIORITIES, type Priority } from '../model/priority.ts';
import type { QueueLimits } from '../model/queue-policy.ts';
import type { Turns } from '../model/turns.ts';
import { QUEUED_WORK, workOfRead } from '../model/work.ts';
import type { Claim } from './claim.ts';
import type { QueueDrops } from './drops.ts';
import { MemoryLane, type WaitingDelivery } from './memory-lane.ts';
import { causeAtBound } from './queue-bounds.ts';
import type { QueueTreatment } from './queue-rules.ts';

export interface MemoryQueueParts {
  /** Whatever more a policy allows. */
  readonly limits: QueueLimits;
  readonly retainedMax: number;
  readonly drops: QueueDrops;
  readonly turns: Turns;
}

/**
 * In lanes, one per priority class, greater ones first; bounded together. Retained messages for a new subscription have a lane of their own that comes
 * first: they are in memory anyway, and a client that asks for all of them must not lose some to the bounds of the others.
 */
export class MemoryQueue {
  readonly #parts: MemoryQueueParts;
  /** Made for the first one. */
  #retained: MemoryLane | undefined;
  readonly #ordinary = new MemoryLane();
  /** By priority, the ordinary one among them; undefined while there is no other. */
  #lanes: (MemoryLane | undefined)[] | undefined;
  #treatment: QueueTreatment;

  constructor(parts: MemoryQueueParts, treatment: QueueTreatment) {
    this.#parts = parts;
    this.#treatment = treatment;
  }

  /** Of an empty queue. */
  treat(treatment: QueueTreatment): void {
    this.#treatment = treatment;
  }

  get length(): number {
    return (this.#retained?.count ?? 0) + this.#waiting;
  }

  peek(): WaitingDelivery | undefined {
    return this.#first.peek();
  }

  /** Whether what is first here has a greater class than that. */
  isBefore(priority: Priority): boolean {
    const entry = this.#retained !== undefined && this.#retained.count > 0 ? undefined : this.peek();
    return entry !== undefined && this.#treatment.topics.priorityOf(entry.message.topic) > priority;
  }

  push(entry: WaitingDelivery): void {
    const { topics } = this.#treatment;
    const { topic, payload } = entry.message;
    this.#parts.turns.work.done += QUEUED_WORK + workOfRead(payload.length);
    const lane = this.#laneOf(topics.priorityOf(topic));
    if (entry.claim !== undefined || !topics.keepsLatest(topic)) lane.push(entry);
    else if (lane.pushLatest(entry)) this.#parts.drops.add('superseded');
    this.#makeRoom();
  }

  pushRetained(entry: WaitingDelivery): void {
    const { retainedMax, drops } = this.#parts;
    this.#retained ??= new MemoryLane();
    this.#retained.push(entry);
    if (this.#retained.count <= retainedMax) return;
    this.#retained.shift();
    drops.add('queue-full');
  }

  shift(): void {
    this.#first.shift();
  }

  /** Empties the queue. @returns what belongs to shared subscriptions, in the order it would have gone. */
  clear(): readonly Claim[] {
    const lanes = PRIORITIES.flatMap((priority) => this.#lane(priority) ?? []);
    const claims = lanes.flatMap((lane) => [...lane].flatMap(({ claim }) => claim ?? []));
    for (const lane of lanes) lane.clear();
    this.#retained = undefined;
    return claims;
  }

  get #first(): MemoryLane {
    if (this.#retained !== undefined && this.#retained.count > 0) return this.#retained;
    if (this.#lanes === undefined) return this.#ordinary;
    return this.#lanes.findLast((lane) => lane !== undefined && lane.count > 0) ?? this.#ordinary;
  }

  get #waiting(): number {
    return this.#lanes === undefined ? this.#ordinary.count : this.#lanes.reduce((sum, lane) => sum + (lane?.count ?? 0), 0);
  }

  get #bytes(): number {
    return this.#lanes === undefined ? this.#ordinary.bytes : this.#lanes.reduce((sum, lane) => sum + (lane?.bytes ?? 0), 0);
  }

  #lane(priority: Priority): MemoryLane | undefined {
    return priority === ORDINARY ? this.#ordinary : this.#lanes?.[priority];
  }

  #laneOf(priority: Priority): MemoryLane {
    const found = this.#lane(priority);
    if (found !== undefined) return found;
    const lane = new MemoryLane();
    this.#lanes ??= Array.from(PRIORITIES, (_, index) => (index === ORDINARY ? this.#ordinary : undefined));
    this.#lanes[priority] = lane;
    return lane;
  }

  /** At the cost of the lowest class that waits. One message is kept however large it is. */
  #makeRoom(): void {
    const { drops, limits: own } = this.#parts;
    const { limits, whenFull } = this.#treatment;
    const messagesMax = Math.min(own.messagesMax, limits.messagesMax);
    const bytesMax = Math.min(own.bytesMax, limits.bytesMax);
    while (this.#waiting > 1 && (this.#waiting > messagesMax || this.#bytes > bytesMax)) {
      const lowest = LOWEST_FIRST.map((priority) => this.#lane(priority)).find((lane) => lane !== undefined && lane.count > 0);
      if (whenFull === 'drop-newest') lowest?.pop();
      else lowest?.shift();
      drops.add(causeAtBound(whenFull));
    }
  }
}
