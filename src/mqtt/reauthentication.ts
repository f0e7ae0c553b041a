// The client proves again who it is, while its session goes on (MQTT 5 §4.12.1).
import type { ClientSession } from '../gateway/gateway.ts';
import type { Clock } from '../model/clock.ts';
import { ProtocolViolationError } from '../model/errors.ts';
import { type Authentication, reauthenticated } from './authentication.ts';
import type { MqttCounters } from './counters.ts';
import { type AuthPacket, type Packet, REASON } from './packets.ts';
import { REAUTHENTICATION_REASON } from './reason.ts';
import type { Explanation } from './replies.ts';

/** The connection it happens on. */
export interface Reauthenticating {
  readonly isOpen: boolean;
  send(packet: Packet): void;
  /** Its client is sent away; it did not say goodbye. */
  dismiss(reasonCode: number, explanation: Explanation): void;
  onFault(error: unknown, bytes: undefined): void;
}

export interface ReauthenticationParts {
  readonly clock: Clock;
  /** Undefined: CONNECT named no method. */
  readonly authentication: Authentication | undefined;
  /** For each exchange, from its first word to its last. */
  readonly timeoutMs: number;
  readonly counters: Pick<MqttCounters, 'authenticationTimeouts'>;
}

export class Reauthentication {
  readonly #connection: Reauthenticating;
  readonly #session: ClientSession;
  readonly #parts: ReauthenticationParts;

  constructor(connection: Reauthenticating, session: ClientSession, parts: ReauthenticationParts) {
    this.#connection = connection;
    this.#session = session;
    this.#parts = parts;
  }

  /** @throws ProtocolViolationError - AUTH is out of place. */
  take(packet: AuthPacket): void {
    const { authentication } = this.#parts;
    if (authentication === undefined) throw new ProtocolViolationError('MQTT-4.12.0-7', 'AUTH without an authentication method');
    if (packet.reasonCode === REASON.reAuthenticate) void this.#begin(packet, authentication);
    else authentication.answered(packet);
  }

  /** Other packets are handled meanwhile, by what was proven before (MQTT 5 §4.12.1). */
  async #begin(packet: AuthPacket, authentication: Authentication): Promise<void> {
    const connection = this.#connection;
    const { clock, timeoutMs } = this.#parts;
    try {
      const step = authentication.renewed(packet, () => clock.after(timeoutMs, () => this.#timedOut()));
      const outcome = await reauthenticated(this.#session, step, authentication);
      if (!connection.isOpen) return;
      authentication.finished();
      if (outcome.kind === 'accepted') {
        connection.send({ type: 'auth', reasonCode: REASON.success, properties: authentication.said(outcome.authenticationData) });
      } else {
        connection.dismiss(REAUTHENTICATION_REASON[outcome.reason], { serverReference: outcome.serverReference }); // MQTT-4.12.1-2
      }
    } catch (error) {
      connection.onFault(error, undefined);
    }
  }

  #timedOut(): void {
    this.#parts.counters.authenticationTimeouts.value += 1;
    this.#connection.dismiss(REASON.notAuthorized, { text: 'the challenge was not answered in time' });
  }
}
