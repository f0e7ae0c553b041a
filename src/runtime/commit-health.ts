import type { SessionStore } from '../session/session-store.ts';

/**
 * Whether messages still become durable. A store that is congested and commits is busy; one that has committed nothing since the last look is ill, unless it
 * says what the disk says: it goes on by itself when the disk does, and a new process would find the same disk.
 */
export class CommitHealth {
  readonly #store: Pick<SessionStore, 'isCongested' | 'status'>;
  #groupsSeen = -1;

  constructor(store: Pick<SessionStore, 'isCongested' | 'status'>) {
    this.#store = store;
  }

  look(): boolean {
    const { groupsCommitted, writeFailure } = this.#store.status();
    const isMoving = groupsCommitted > this.#groupsSeen;
    this.#groupsSeen = groupsCommitted;
    return isMoving || writeFailure !== '' || !this.#store.isCongested;
  }
}
