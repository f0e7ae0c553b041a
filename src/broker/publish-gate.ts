import { INTERNAL_PROTOCOL, type Principal } from '../model/client.ts';
import { PUBLISH_DECISIONS_MAX } from '../model/limits.ts';
import type { Topic } from '../model/topic.ts';
import type { Permissions } from './permissions.ts';
import { type ClientTopics, isLocal, type PublishTarget } from './topic-pipeline.ts';

/** What came of asking whether a client may publish to a name. */
export type Admitted = PublishTarget | 'denied' | 'invalid-topic';

/** Where a client's publishes go, if they may. Answers are kept until rules change: the last one at hand, as a sensor publishes to one topic. */
export class PublishGate {
  readonly #access: Permissions;
  #principal: Principal;
  #topics: ClientTopics;
  #topic: Topic | undefined;
  #revision = -1;
  #admitted: Admitted = 'invalid-topic';
  /** Of the last few topics; undefined while there was only one. */
  #others: Map<Topic, Admitted> | undefined;

  constructor(access: Permissions, principal: Principal, topics: ClientTopics) {
    this.#access = access;
    this.#principal = principal;
    this.#topics = topics;
  }

  /** Another connection, another principal. */
  serve(principal: Principal, topics: ClientTopics): void {
    this.#principal = principal;
    this.#topics = topics;
    this.#forget();
  }

  admit(topic: Topic): Admitted {
    if (this.#access.revision !== this.#revision) this.#forget();
    else if (topic === this.#topic) return this.#admitted;
    const admitted = this.#others?.get(topic) ?? this.#judge(this.#topics.published(topic));
    if (this.#topic !== undefined) this.#remember(topic, admitted);
    this.#topic = topic;
    this.#admitted = admitted;
    return admitted;
  }

  /** A will that comes due, under the name `ClientTopics.will` gave it. */
  admitDue(topic: Topic): Admitted {
    return this.#judge(this.#topics.due(topic));
  }

  #forget(): void {
    this.#topic = undefined;
    this.#others = undefined;
    this.#revision = this.#access.revision;
  }

  #remember(topic: Topic, admitted: Admitted): void {
    this.#others ??= new Map();
    if (this.#others.size >= PUBLISH_DECISIONS_MAX) this.#others.clear();
    this.#others.set(topic, admitted);
  }

  #judge(target: PublishTarget | undefined): Admitted {
    if (target === undefined) return 'invalid-topic';
    return mayPublish(this.#access, this.#principal, target.topic) ? target : 'denied';
  }
}

/** @param topic - the final one. */
export function mayPublish(access: Permissions, principal: Principal, topic: Topic): boolean {
  if (principal.protocol === INTERNAL_PROTOCOL && isLocal(topic.name)) return false;
  return access.may(principal, { kind: 'publish', topic: topic.name });
}
