// What access control says, in the words of the contract: a challenge goes out, its answer comes back in, until the client is in or is not.
import type { Admission } from '../access/access.ts';
import type { Challenge, Refusal } from '../gateway/gateway.ts';
import type { Principal } from '../model/client.ts';

export type Outcome<Accepted> = Accepted | Refusal | Challenge<Outcome<Accepted>>;

/** @param accept - runs once, when the client has proven who it is; `data` is the last word of the exchange that did. */
export async function outcomeOf<Accepted>(
  admission: Admission,
  accept: (principal: Principal, data: Uint8Array | undefined) => Accepted | Promise<Accepted>,
): Promise<Outcome<Accepted>> {
  switch (admission.kind) {
    case 'allow':
      return accept(admission.principal, admission.data);
    case 'deny':
      return { kind: 'refused', reason: admission.reason };
    case 'challenge': {
      const { data, respond, abandon } = admission;
      return { kind: 'challenge', data, respond: async (answer) => outcomeOf(await respond(answer), accept), abandon };
    }
  }
}
