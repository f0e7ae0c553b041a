// Who may come in and what they may do: the one place where the sources of identity and permission meet. Closed when in doubt: a source
// that fails or does not answer in time refuses.
import { INTERNAL_PROTOCOL, type Principal } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import { AUTHENTICATION_TIMEOUT_MS } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Action, AuthenticationVerdict, Authenticator, Authorizer, Credentials } from './access.ts';

export interface AccessPolicy {
  /** Asked in this order until one does not skip. */
  readonly authenticators: readonly Authenticator[];
  /** Asked in this order until one does not skip. None at all: everything is allowed but what no policy may allow. */
  readonly authorizers: readonly Authorizer[];
  /** What holds when every authorizer skipped. */
  readonly noMatch: 'allow' | 'deny';
}

/** What became of a client that asked to come in. */
export type Admission = Exclude<AuthenticationVerdict, { readonly kind: 'skip' }>;

const NOT_AUTHORIZED: Admission = { kind: 'deny', reason: 'not-authorized' };

export class AccessControl {
  readonly #clock: Clock;
  readonly #log: Log;
  #policy: AccessPolicy;
  #revision = 0;

  constructor(policy: AccessPolicy, context: { readonly clock: Clock; readonly log: Log }) {
    this.#policy = policy;
    this.#clock = context.clock;
    this.#log = context.log;
  }

  /** Changes whenever `may` may answer differently: a decision remembered with it holds as long as it stays. */
  get revision(): number {
    return this.#revision;
  }

  /** Clients that are in stay in; what they do from now on is judged by the new policy. */
  replacePolicy(policy: AccessPolicy): void {
    this.#policy = policy;
    this.#revision += 1;
  }

  /** Never rejects. Nobody vouched: not authorized. */
  async authenticate(credentials: Credentials): Promise<Admission> {
    const controller = new AbortController();
    const expired = new Promise<'expired'>((resolve) => {
      controller.signal.addEventListener('abort', () => resolve('expired'), { once: true });
    });
    const cancel = this.#clock.after(AUTHENTICATION_TIMEOUT_MS, () => controller.abort());
    try {
      for (const authenticator of this.#policy.authenticators) {
        const verdict = await Promise.race([this.#ask(authenticator, credentials, controller.signal), expired]);
        if (verdict === 'expired') return this.#refuse(authenticator, credentials, `no answer within ${AUTHENTICATION_TIMEOUT_MS} ms`);
        if (verdict.kind !== 'skip') return verdict;
      }
      return NOT_AUTHORIZED;
    } finally {
      cancel();
    }
  }

  /**
   * @param action - with the final topic: after mount point, rewrite and alias. The answer holds for the principal and this text until
   *   `revision` changes.
   */
  may(principal: Principal, action: Action): boolean {
    const isPublish = action.kind === 'publish';
    if ((isPublish ? action.topic : action.filter).startsWith('$SYS')) {
      // What the gateway says about itself: no client can forge it, only administrators read it.
      if (isPublish ? principal.protocol !== INTERNAL_PROTOCOL : !principal.isSuperuser) return false;
    }
    if (principal.isSuperuser) return true;
    const { authorizers, noMatch } = this.#policy;
    for (const authorizer of authorizers) {
      const decision = authorizer.authorize(principal, action);
      if (decision !== 'skip') return decision === 'allow';
    }
    return authorizers.length === 0 || noMatch === 'allow';
  }

  async #ask(authenticator: Authenticator, credentials: Credentials, signal: AbortSignal): Promise<AuthenticationVerdict> {
    try {
      return await authenticator.authenticate(credentials, signal);
    } catch (error) {
      if (signal.aborted) return NOT_AUTHORIZED; // told as expired already
      return this.#refuse(authenticator, credentials, error instanceof Error ? error.message : String(error));
    }
  }

  #refuse(authenticator: Authenticator, credentials: Credentials, cause: string): Admission {
    this.#log.error('authentication source failed', { authenticator: authenticator.name, peer: credentials.peer, cause });
    return NOT_AUTHORIZED;
  }
}
