// REGISTER towards the client (§6.10): before the first PUBLISH on a topic for which it knows no id. One is outstanding at a time; while one is,
// the session's queue is held back, so what must follow waits there and nowhere else.
import type { TopicName } from '../../src/model/topic.ts';
import type { Client } from './client.ts';
import { RETURN_CODE, type Regack } from './packets.ts';
import { Retries } from './retries.ts';

export type RegistrationOutcome = 'accepted' | 'congestion' | 'refused';

interface Registration {
  readonly topicName: TopicName;
  readonly topicId: number;
  readonly onOutcome: (outcome: RegistrationOutcome) => void;
}

const MSG_ID_MAX = 0xffff;

export class Registrations {
  readonly #client: Client;
  readonly #onIdle: () => void;
  readonly #retries: Retries<number>;
  /** The first is outstanding. */
  #waiting: Registration[] = [];
  #msgId: number;

  constructor(client: Client, told: { readonly onIdle: () => void; readonly onExhausted: () => void }) {
    this.#client = client;
    this.#onIdle = told.onIdle;
    this.#retries = new Retries(client.parts.retryRules, told.onExhausted);
    this.#msgId = Math.floor(client.parts.context.clock.random() * MSG_ID_MAX);
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0;
  }

  /** `onIdle` follows `onOutcome` when no other registration waits; both may come before this returns. */
  begin(topicName: TopicName, onOutcome: (outcome: RegistrationOutcome) => void): void {
    const topicId = this.#client.topicIds.assign(topicName);
    if (topicId === undefined) {
      this.#client.parts.counters.topicIdsExhausted.value += 1;
      onOutcome('refused');
      if (this.isIdle) this.#onIdle();
      return;
    }
    this.#waiting.push({ topicName, topicId, onOutcome });
    if (this.#waiting.length === 1) this.#ask();
  }

  /** REGACK. One that answers nothing outstanding is a late copy. */
  answered({ msgId, returnCode }: Regack): void {
    const [registration] = this.#waiting;
    if (registration === undefined || !this.#retries.answered(msgId)) return;
    if (returnCode === RETURN_CODE.accepted) this.#client.topicIds.confirm(registration.topicId);
    this.#finish(registration, outcomeOf(returnCode));
  }

  /** The client will not answer: it sleeps, or is gone. */
  clear(): void {
    this.#waiting = [];
    this.#retries.clear();
  }

  #ask(): void {
    const [registration] = this.#waiting;
    if (registration === undefined) {
      this.#onIdle();
      return;
    }
    const { topicName, topicId } = registration;
    if (this.#client.topicIds.confirmedIdOf(topicName) !== undefined) {
      this.#finish(registration, 'accepted'); // an earlier one of the same name
      return;
    }
    this.#msgId = (this.#msgId % MSG_ID_MAX) + 1;
    const msgId = this.#msgId;
    const send = (): void => this.#client.send({ type: 'REGISTER', topicId, msgId, topicName });
    this.#client.session.whenDurable(() => {
      if (this.#waiting[0] !== registration) return; // put to sleep meanwhile
      send(); // the id was given on disk first: the client may use it from now on
      this.#retries.watch(msgId, send);
    });
  }

  #finish(registration: Registration, outcome: RegistrationOutcome): void {
    registration.onOutcome(outcome);
    if (this.#waiting[0] !== registration) return; // the outcome put the client to sleep
    this.#waiting.shift();
    this.#ask();
  }
}

function outcomeOf(returnCode: number): RegistrationOutcome {
  if (returnCode === RETURN_CODE.accepted) return 'accepted';
  return returnCode === RETURN_CODE.congestion ? 'congestion' : 'refused';
}
