import type { Action, Admission, AuthenticationStep, Credentials } from '../access/access.ts';
import type { PublishMeter } from '../access/rate-limits.ts';
import type { Principal } from '../model/client.ts';

/** What a session asks about. */
export interface Permissions {
  may(principal: Principal, action: Action): boolean;
  /** Whether it was let in as a user there is no more. */
  isRemoved(principal: Principal): boolean;
  /** Changes whenever an earlier answer may have. */
  readonly revision: number;
  /** Changes whenever `meter` may give another one. */
  readonly ratesRevision: number;
  /** What measures the publishing of one client, until `ratesRevision` changes; undefined: nothing limits it. */
  meter(principal: Principal): PublishMeter | undefined;
}

/** Who may connect. */
export interface Authentication {
  /**
   * @param step - what the client offers to prove instead of a password.
   * @param origin - `restart`: the client is not coming, it was there.
   */
  authenticate(credentials: Credentials, step?: AuthenticationStep, origin?: 'peer' | 'restart'): Promise<Admission>;
  /** Of a client that is in already. */
  reauthenticate(credentials: Credentials, step: AuthenticationStep): Promise<Admission>;
  /** A client's link ended, or another one took its session. */
  left(principal: Principal): void;
}

/** Who may connect and what they may do. */
export type Access = Permissions & Authentication;
