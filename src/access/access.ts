// Who may do what. The broker asks; protocols only carry credentials here.
import type { PeerAddress, Principal } from '../model/client.ts';
import type { TopicFilter, TopicName } from '../model/topic.ts';

/** What a peer said and what its link proves. */
export interface Credentials {
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | undefined;
  readonly certificateSubject?: string | undefined;
  readonly peer: PeerAddress;
  /** Remote host without port; `''` for in-process peers. */
  readonly peerHost: string;
  readonly listener: string;
  readonly protocol: string;
}

export type AuthenticationVerdict =
  | { readonly kind: 'allow'; readonly principal: Principal }
  | { readonly kind: 'deny'; readonly reason: 'bad-credentials' | 'banned' | 'not-authorized' }
  | { readonly kind: 'skip' }; // not mine: ask the next authenticator

/** One source of identity. Rejects only when the source itself failed; "wrong password" is a verdict. */
export interface Authenticator {
  readonly name: string;
  authenticate(credentials: Credentials, signal: AbortSignal): Promise<AuthenticationVerdict>;
}

export type Action = { readonly kind: 'publish'; readonly topic: TopicName } | { readonly kind: 'subscribe'; readonly filter: TopicFilter };

/** One source of permissions. Synchronous: the hot path asks it. */
export interface Authorizer {
  readonly name: string;
  authorize(principal: Principal, action: Action): 'allow' | 'deny' | 'skip';
}
