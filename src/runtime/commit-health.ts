import type { SessionStore } from '../session/session-store.ts';

/** Whether messages still become durable. A store that is congested and commits is busy; one that has committed nothing since the last look is ill. */
export class CommitHealth {
  readonly #store: Pick<SessionStore, 'isCongested' | 'status'>;
  #groupsSeen = -1;

  constructor(store: Pick<SessionStore, 'isCongested' | 'status'>) {
    this.#store = store;
  }

  look(): boolean {
    const { groupsCommitted } = this.#store.status();
    const isMoving = groupsCommitted > this.#groupsSeen;
    this.#groupsSeen = groupsCommitted;
    return isMoving || !this.#store.isCongested;
  }
}
