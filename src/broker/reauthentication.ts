import type { AuthenticationStep, Credentials } from '../access/access.ts';
import type { ConnectRequest, ReauthenticationOutcome } from '../gateway/gateway.ts';
import type { Principal } from '../model/client.ts';
import { outcomeOf } from './admission.ts';
import type { Authentication } from './permissions.ts';

type Decided = Exclude<ReauthenticationOutcome, { readonly kind: 'challenge' }>;

const BAD_METHOD: ReauthenticationOutcome = { kind: 'refused', reason: 'bad-authentication-method' };

/** A client that came in by an exchange of challenges may have another (MQTT 5 §4.12.1), by the same method (MQTT-4.12.0-5). */
export class Reauthentication {
  readonly #access: Authentication;
  #connected: { readonly credentials: Credentials; readonly method: string } | undefined;

  constructor(access: Authentication) {
    this.#access = access;
  }

  attach({ credentials, authentication }: ConnectRequest): void {
    const { password, ...withoutPassword } = credentials; // not kept longer than it is needed
    this.#connected = authentication === undefined ? undefined : { credentials: withoutPassword, method: authentication.method };
  }

  /** @param accept - decides on the principal the client proved to be now. */
  async begin(step: AuthenticationStep, accept: (principal: Principal, data: Uint8Array | undefined) => Decided): Promise<ReauthenticationOutcome> {
    if (this.#connected === undefined || this.#connected.method !== step.method) return BAD_METHOD;
    return outcomeOf(await this.#access.reauthenticate(this.#connected.credentials, step), accept);
  }
}
