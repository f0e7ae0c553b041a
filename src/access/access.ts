// Who may do what. The broker asks; protocols only carry credentials here.
import type { PeerAddress, Principal } from '../model/client.ts';
import type { TopicFilter, TopicName } from '../model/topic.ts';

/** What a peer said and what its link proves. */
export interface Credentials {
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | undefined;
  /** Subject of the verified certificate of the peer: `C=DE,O=Acme,CN=valve-1`. */
  readonly certificateSubject?: string | undefined;
  readonly certificateCommonName?: string | undefined;
  /** The one of the two that names the peer on its listener. */
  readonly certificateIdentity?: string | undefined;
  /** Identity of the pre-shared key the peer proved to have. */
  readonly pskIdentity?: string | undefined;
  /** Host name the peer asked for in its handshake; anybody can ask. */
  readonly serverName?: string | undefined;
  /** The peer's address is what a proxy says, or the proxy's own: loopback means nothing then. */
  readonly isProxied?: boolean | undefined;
  readonly peer: PeerAddress;
  /** Remote host without port; `''` for in-process peers. */
  readonly peerHost: string;
  readonly listener: string;
  readonly protocol: string;
}

export type DenyReason = 'bad-credentials' | 'bad-authentication-method' | 'banned' | 'not-authorized' | 'rate-exceeded' | 'busy';

export interface Denial {
  readonly kind: 'deny';
  readonly reason: DenyReason;
}

export type AuthenticationVerdict = { readonly kind: 'allow'; readonly principal: Principal } | Denial | { readonly kind: 'skip' }; // not mine: ask the next authenticator

/** One source of identity. Rejects only when the source itself failed; "wrong password" is a verdict. */
export interface Authenticator {
  readonly name: string;
  authenticate(credentials: Credentials, signal: AbortSignal): Promise<AuthenticationVerdict>;
}

export type Action = { readonly kind: 'publish'; readonly topic: TopicName } | { readonly kind: 'subscribe'; readonly filter: TopicFilter };

/** What a client says in an exchange of challenges: Authentication Method and Authentication Data (MQTT 5 §3.15.2.2). */
export interface AuthenticationStep {
  readonly method: string;
  readonly data: Uint8Array | undefined;
}

/** One source of identity that asks back. */
export interface ChallengeSource {
  readonly name: string;
  /** Undefined: the method is not one of its own. */
  begin(method: string, credentials: Credentials): Exchange | undefined;
}

/** One client's exchange. Rejects only when the source itself failed. */
export interface Exchange {
  next(data: Uint8Array | undefined): Promise<ExchangeVerdict>;
}

export type ExchangeVerdict =
  | { readonly kind: 'challenge'; readonly data: Uint8Array | undefined }
  /** `data` is the last word of the exchange. */
  | { readonly kind: 'allow'; readonly principal: Principal; readonly data?: Uint8Array | undefined }
  | Denial;

/** What became of a client that asked to come in. */
export type Admission =
  | Exclude<ExchangeVerdict, { readonly kind: 'challenge' }>
  | {
      readonly kind: 'challenge';
      readonly data: Uint8Array | undefined;
      /** Once. */
      respond(data: Uint8Array | undefined): Promise<Admission>;
      /** The client is gone. Safe at any time. */
      abandon(): void;
    };

/** One source of permissions. Synchronous: the hot path asks it. */
export interface Authorizer {
  readonly name: string;
  authorize(principal: Principal, action: Action): 'allow' | 'deny' | 'skip';
}

/** What became of a user the register once vouched for. `unknown`: there is no register any more. */
export type UserStanding = 'superuser' | 'ordinary' | 'removed' | 'unknown';

/** Users whose rights may change while they are in, or while something of theirs waits. */
export interface UserRegister {
  standingOf(username: string): UserStanding;
  /** Sees to it that a change is told of though nobody asks for a standing. */
  look(): void;
  /** @param run - told when any standing may be another one. */
  onChange(run: () => void): void;
}
