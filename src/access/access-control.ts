// Who may come in and what they may do: the one place where the sources of identity and permission meet. Closed when in doubt: a source
// that fails or does not answer in time refuses.
import { INTERNAL_PROTOCOL, isOfThisHost, type Principal } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import { connectionStateTopic } from '../model/topic.ts';
import type {
  Action,
  Admission,
  AuthenticationStep,
  AuthenticationVerdict,
  Authenticator,
  Authorizer,
  ChallengeSource,
  Credentials,
  Denial,
  ExchangeVerdict,
  UserRegister,
  UserStanding,
} from './access.ts';
import type { Bans } from './bans.ts';
import { Exchanges } from './exchanges.ts';
import { Flapping, type FlappingSettings } from './flapping.ts';
import { Inquiry } from './inquiry.ts';
import { isInternal } from './principal.ts';
import { type PublishMeter, RateLimits, type RateSettings } from './rate-limits.ts';
import { RefusalCounters } from './refusal-counters.ts';

export interface AccessPolicy {
  /** Asked in this order until one does not skip. */
  readonly authenticators: readonly Authenticator[];
  /** Asked in this order for the method a client names (MQTT 5 §4.12). */
  readonly challengers: readonly ChallengeSource[];
  /** Asked in this order until one does not skip. None at all: everything is allowed but what no policy may allow. */
  readonly authorizers: readonly Authorizer[];
  /** What became of users who were vouched for as registered. */
  readonly users: UserRegister;
  /** What holds when every authorizer skipped. */
  readonly noMatch: 'allow' | 'deny';
  readonly rates: RateSettings;
  readonly flapping: FlappingSettings;
  /** Who may subscribe to `$SYS`, if the authorizers agree. */
  readonly systemReaders: SystemReaders;
}

/** `loopback`: superusers and clients of this host. */
export type SystemReaders = 'superusers' | 'loopback' | 'all';

export interface AccessContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly bans: Bans;
}

const NOT_AUTHORIZED: Denial = { kind: 'deny', reason: 'not-authorized' };
const BANNED: Denial = { kind: 'deny', reason: 'banned' };
const RATE_EXCEEDED: Denial = { kind: 'deny', reason: 'rate-exceeded' };
const BAD_METHOD: Denial = { kind: 'deny', reason: 'bad-authentication-method' };

export class AccessControl {
  readonly #context: AccessContext;
  readonly #exchanges: Exchanges;
  readonly #refusals: RefusalCounters;
  readonly #flapping: Flapping;
  #policy: AccessPolicy;
  #rates: RateLimits;
  #revision = 0;
  /** Decisions about registered users may be remembered. */
  #hasJudgedUsers = false;
  #ratesRevision = 0;

  constructor(policy: AccessPolicy, context: AccessContext) {
    this.#policy = policy;
    this.#context = context;
    this.#exchanges = new Exchanges(context);
    this.#refusals = new RefusalCounters(context.metrics);
    this.#flapping = new Flapping(policy.flapping, context);
    this.#rates = new RateLimits(policy.rates, context);
    policy.users.onChange(() => this.#changed());
    context.bans.onChange(() => this.#changed());
    context.metrics.gauge('access.exchanges', () => this.#exchanges.count);
  }

  /** Changes whenever `may` or `authenticate` may answer differently: a decision remembered with it holds as long as it stays. */
  get revision(): number {
    if (this.#hasJudgedUsers) this.#policy.users.look(); // who remembers every decision asks for nothing else
    return this.#revision;
  }

  /** Changes with the rates alone: were it the one above, the ban of one client would give every other a full bucket. */
  get ratesRevision(): number {
    return this.#ratesRevision;
  }

  /** Clients that are in stay in; what they do from now on is judged by the new policy. */
  replacePolicy(policy: AccessPolicy): void {
    this.#policy = policy;
    this.#rates = new RateLimits(policy.rates, this.#context);
    this.#ratesRevision += 1;
    this.#flapping.replaceSettings(policy.flapping);
    policy.users.onChange(() => this.#changed());
    this.#changed();
  }

  /**
   * Never rejects. Nobody vouched: not authorized.
   *
   * @param step - what the client offers to prove instead of a password.
   * @param origin - `restart`: the client is not coming, it was there; no rate counts it.
   */
  async authenticate(credentials: Credentials, step?: AuthenticationStep, origin: 'peer' | 'restart' = 'peer'): Promise<Admission> {
    if (!isInternal(credentials)) {
      if (this.#context.bans.coversUnproven(credentials)) return this.#conclude(BANNED);
      if (origin === 'peer' && !this.#rates.admits(credentials)) return this.#conclude(RATE_EXCEEDED);
    }
    return step === undefined ? this.#conclude(await this.#askAll(credentials)) : this.reauthenticate(credentials, step);
  }

  /** Of a client that is in already. Never rejects. */
  async reauthenticate(credentials: Credentials, step: AuthenticationStep): Promise<Admission> {
    for (const source of this.#policy.challengers) {
      const exchange = source.begin(step.method, credentials);
      if (exchange === undefined) continue;
      const ask = (data: Uint8Array | undefined): Promise<ExchangeVerdict> => this.#askOne(source.name, credentials, () => exchange.next(data));
      return this.#exchanges.begin({ address: credentials.peerHost, ask, conclude: (verdict) => this.#conclude(verdict) }, step.data);
    }
    return this.#conclude(BAD_METHOD);
  }

  /**
   * @param action - with the final topic: after mount point, rewrite and alias. The answer holds for the principal and this text until
   *   `revision` changes.
   */
  may(principal: Principal, action: Action): boolean {
    const isPublish = action.kind === 'publish';
    if ((isPublish ? action.topic : action.filter).startsWith('$SYS')) {
      // What the gateway says about itself: no client can forge it.
      const isOpen = isPublish ? isSystemPublisher(principal, action.topic) : this.#readsSystemTopics(principal);
      if (!isOpen) return false;
    }
    const standing = this.#standingOf(principal);
    if (standing === 'removed') return false;
    if (standing === 'superuser') return true;
    const { authorizers, noMatch } = this.#policy;
    for (const authorizer of authorizers) {
      const decision = authorizer.authorize(principal, action);
      if (decision !== 'skip') return decision === 'allow';
    }
    return authorizers.length === 0 || noMatch === 'allow';
  }

  isRemoved(principal: Principal): boolean {
    return this.#standingOf(principal) === 'removed';
  }

  /** What measures the publishing of one client, until `ratesRevision` changes; undefined: nothing limits it. */
  meter(principal: Principal): PublishMeter | undefined {
    return principal.protocol === INTERNAL_PROTOCOL ? undefined : this.#rates.meter(principal);
  }

  /** A client's link ended, or another one took its session. */
  left(principal: Principal): void {
    if (principal.protocol !== INTERNAL_PROTOCOL) this.#flapping.left(principal);
  }

  /** As it is now: a login, a will and a delayed message may be from long ago. */
  #standingOf({ username, isRegistered, isSuperuser }: Principal): UserStanding {
    if (isRegistered !== true || username === undefined) return isSuperuser ? 'superuser' : 'ordinary';
    this.#hasJudgedUsers = true;
    return this.#policy.users.standingOf(username);
  }

  #readsSystemTopics(principal: Principal): boolean {
    const { peer, isProxied } = principal;
    const { systemReaders } = this.#policy;
    return this.#standingOf(principal) === 'superuser' || systemReaders === 'all' || (systemReaders === 'loopback' && isProxied !== true && isOfThisHost(peer));
  }

  #changed(): void {
    this.#revision += 1;
  }

  #conclude(verdict: Exclude<ExchangeVerdict, { readonly kind: 'challenge' }>): Admission {
    const admission = verdict.kind === 'allow' && this.#context.bans.covers(verdict.principal) ? BANNED : verdict;
    if (admission.kind === 'deny') this.#refusals.count(admission.reason);
    else if (admission.principal.isRegistered === true) this.#hasJudgedUsers = true;
    return admission;
  }

  async #askAll(credentials: Credentials): Promise<Exclude<AuthenticationVerdict, { readonly kind: 'skip' }>> {
    const inquiry = new Inquiry(credentials, this.#context);
    try {
      for (const authenticator of this.#policy.authenticators) {
        const verdict = await inquiry.ask(authenticator.name, (signal) => authenticator.authenticate(credentials, signal));
        if (verdict.kind !== 'skip') return verdict;
      }
      return NOT_AUTHORIZED;
    } finally {
      inquiry.close();
    }
  }

  async #askOne(source: string, credentials: Credentials, question: () => Promise<ExchangeVerdict>): Promise<ExchangeVerdict> {
    const inquiry = new Inquiry(credentials, this.#context);
    try {
      return await inquiry.ask(source, question);
    } finally {
      inquiry.close();
    }
  }
}

/** The gateway itself, and a bridge of another gateway about its own connection: Mosquitto's bridges and ours leave that as their will. */
function isSystemPublisher({ protocol, clientId }: Principal, topic: string): boolean {
  return protocol === INTERNAL_PROTOCOL || topic === connectionStateTopic(clientId);
}
