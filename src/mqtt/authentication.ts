// Enhanced authentication (MQTT 5 §4.12): AUTH to and fro until the core has made up its mind, before CONNACK and again at any time after it.
import type {
  AuthenticationStep,
  Challenge,
  ClientSession,
  ConnectOutcome,
  ConnectRequest,
  GatewayContext,
  Outlet,
  ReauthenticationOutcome,
} from '../gateway/gateway.ts';
import type { CancelTimer } from '../model/clock.ts';
import { ProtocolViolationError } from '../model/errors.ts';
import { type AuthPacket, MqttCodecError, type Packet, REASON } from './packets.ts';

type Decided<Outcome> = Exclude<Outcome, { readonly kind: 'challenge' }>;

/** Asks the core to let a client in; challenges are passed on to it. @param authentication - undefined: the client has no method, and none is put to it. */
export async function admitted(
  context: GatewayContext,
  request: ConnectRequest,
  { outlet, authentication }: { readonly outlet: Outlet; readonly authentication: Authentication | undefined },
): Promise<Decided<ConnectOutcome>> {
  let outcome = await context.connect(request, outlet);
  while (outcome.kind === 'challenge') {
    if (authentication === undefined) {
      outcome.abandon(); // MQTT-4.12.0-6
      return { kind: 'refused', reason: 'bad-authentication-method' };
    }
    outcome = await authentication.ask(outcome);
  }
  return outcome;
}

export async function reauthenticated(
  session: ClientSession,
  step: AuthenticationStep,
  authentication: Authentication,
): Promise<Decided<ReauthenticationOutcome>> {
  let outcome = await session.reauthenticate(step);
  while (outcome.kind === 'challenge') outcome = await authentication.ask(outcome);
  return outcome;
}

/** The challenge at hand, without the type of what comes of it. */
interface OpenChallenge {
  respond(data: Uint8Array | undefined): void;
  abandon(): void;
}

/** The exchanges of one connection; there is one at a time, all by the method of CONNECT (MQTT-4.12.0-5). */
export class Authentication {
  readonly #method: string;
  readonly #send: (packet: Packet) => void;
  /** `judging`: the core has the word. `asking`: the client has. `over`: the link is gone. */
  #state: 'idle' | 'judging' | 'asking' | 'over' = 'judging';
  #challenge: OpenChallenge | undefined;
  #cancelDeadline: CancelTimer | undefined;

  /** Begins with what CONNECT said. */
  constructor(method: string, send: (packet: Packet) => void) {
    this.#method = method;
    this.#send = send;
  }

  /** Properties every AUTH and a CONNACK of success carries. */
  said(data: Uint8Array | undefined): { readonly authenticationMethod: string; readonly authenticationData: Uint8Array | undefined } {
    return { authenticationMethod: this.#method, authenticationData: data };
  }

  /** Passes a challenge on; resolves once the client has answered and the core has judged it (MQTT-4.12.0-2). Never when it is abandoned. */
  ask<Outcome>(challenge: Challenge<Outcome>): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'over') {
        challenge.abandon();
        return;
      }
      this.#challenge = {
        respond: (data) => void challenge.respond(data).then(resolve, reject),
        abandon: () => challenge.abandon(),
      };
      this.#state = 'asking';
      this.#send({ type: 'auth', reasonCode: REASON.continueAuthentication, properties: this.said(challenge.data) });
    });
  }

  /** The client answers a challenge. @throws - nobody asked, or not so. */
  answered(packet: AuthPacket): void {
    const challenge = this.#challenge;
    if (this.#state !== 'asking' || challenge === undefined || packet.reasonCode !== REASON.continueAuthentication) {
      throw new ProtocolViolationError('MQTT 5 §4.12', `AUTH 0x${packet.reasonCode.toString(16)} while ${this.#state}`);
    }
    const data = this.#dataOf(packet);
    this.#state = 'judging';
    challenge.respond(data);
  }

  /**
   * The client begins anew (MQTT-4.12.1-1).
   *
   * @param limit - starts the time the exchange may take.
   * @throws - an exchange is under way, or the client names another method.
   */
  renewed(packet: AuthPacket, limit: () => CancelTimer): AuthenticationStep {
    if (this.#state !== 'idle') throw new ProtocolViolationError('MQTT 5 §4.12.1', 'a re-authentication within another');
    const data = this.#dataOf(packet);
    this.#state = 'judging';
    this.#cancelDeadline = limit();
    return { method: this.#method, data };
  }

  /** The exchange is over. */
  finished(): void {
    this.#state = 'idle';
    this.#challenge = undefined;
    this.#cancelDeadline?.();
  }

  /** The link goes. */
  abandon(): void {
    this.#challenge?.abandon();
    this.finished();
    this.#state = 'over';
  }

  #dataOf({ properties }: AuthPacket): Uint8Array | undefined {
    const method = properties?.authenticationMethod;
    if (method === this.#method) return properties?.authenticationData;
    throw new MqttCodecError(REASON.protocolError, 'MQTT-4.12.0-5', `authentication method "${method ?? ''}" is not the one of CONNECT`);
  }
}
