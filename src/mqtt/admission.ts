// From an accepted link to its CONNACK: CONNECT, the challenges between, and every way to be refused (MQTT 5 §3.1, §3.2, §4.12).
import type { ConnectOutcome, GatewayContext, Outlet, PausableReading, Refusal } from '../gateway/gateway.ts';
import type { CancelTimer } from '../model/clock.ts';
import type { Link } from '../transport/transport.ts';
import { Authentication, admitted } from './authentication.ts';
import { connectRequest, type Terms, termsOf } from './connect.ts';
import type { MqttCounters } from './counters.ts';
import type { Fault } from './fault.ts';
import { type AuthPacket, type ConnectPacket, MqttCodecError, type Packet, type ProtocolVersion, REASON } from './packets.ts';
import { connackReason, returnCodeOf } from './reason.ts';
import type { Replies } from './replies.ts';
import type { MqttSettings } from './settings.ts';

/** What the connections of one listener share. */
export interface ListenerState {
  readonly settings: MqttSettings;
  /** More connections are open than may be: the one that asks is to be refused. */
  isFull(): boolean;
}

type Accepted = Extract<ConnectOutcome, { readonly kind: 'accepted' }>;

/** What a connection has once it is in. */
export interface Admitted {
  readonly outcome: Accepted;
  readonly terms: Terms;
  readonly authentication: Authentication | undefined;
}

/** The connection that asks to be let in. */
export interface Applicant extends Outlet, PausableReading {
  readonly isOpen: boolean;
  enter(admitted: Admitted): void;
  /** Ends the connection, too, when the packet is too large for the client. */
  send(packet: Packet): void;
  /** The client's word is awaited, or the core's. */
  listen(): void;
  waitForCore(): void;
  close(): void;
  onFault(error: unknown, bytes: undefined): void;
}

export interface AdmissionParts {
  readonly context: GatewayContext;
  readonly listener: ListenerState;
  readonly counters: MqttCounters;
}

export class Admission {
  readonly #link: Link;
  readonly #parts: AdmissionParts;
  readonly #applicant: Applicant;
  readonly #replies: Replies;
  readonly #cancelTimeout: CancelTimer;
  #authentication: Authentication | undefined;
  #clientId: string | undefined;

  /** @param onTimeout - nothing came of it in time. */
  constructor(link: Link, parts: AdmissionParts, talk: { readonly applicant: Applicant; readonly replies: Replies; readonly onTimeout: () => void }) {
    this.#link = link;
    this.#parts = parts;
    this.#applicant = talk.applicant;
    this.#replies = talk.replies;
    this.#cancelTimeout = parts.context.clock.after(parts.listener.settings.connectTimeoutMs, () => {
      this.#noteTimeout();
      talk.onTimeout();
    });
  }

  /** The name CONNECT gave; empty: it left it to us. */
  get clientId(): string | undefined {
    return this.#clientId;
  }

  async connect(packet: ConnectPacket): Promise<void> {
    const { context, listener } = this.#parts;
    const applicant = this.#applicant;
    this.#clientId = packet.clientId;
    applicant.waitForCore();
    this.#replies.speak(packet.version);
    try {
      if (listener.isFull()) {
        this.#refuse({ kind: 'refused', reason: listener.settings.serverReference === undefined ? 'busy' : 'use-another-server' }, packet);
        return;
      }
      const terms = termsOf(packet, listener.settings);
      this.#replies.agree(terms);
      const request = connectRequest(packet, terms, this.#link, { context, settings: listener.settings, reading: applicant });
      this.#authentication = this.#authenticationOf(terms);
      const outcome = await admitted(context, request, { outlet: applicant, authentication: this.#authentication });
      if (outcome.kind === 'refused') this.#refuse(outcome, terms);
      else if (applicant.isOpen) this.#enter(outcome, terms);
      else outcome.session.disconnect({ publishWill: true }); // the link went while the core was judging
    } catch (error) {
      applicant.onFault(error, undefined);
    }
  }

  /** AUTH before CONNACK. */
  answered(packet: AuthPacket): void {
    if (this.#authentication === undefined) throw new MqttCodecError(REASON.protocolError, 'MQTT-4.12.0-7', 'AUTH without an authentication method');
    this.#applicant.waitForCore();
    this.#authentication.answered(packet);
  }

  /** A CONNECT that is wrong: 5.0 is told what; 3.x only what has a return code (MQTT-3.1.4-1 of 3.1.1). */
  refuse(fault: Fault, version: ProtocolVersion | undefined): void {
    this.#parts.counters.refused(fault.reasonCode);
    if (version !== undefined) this.#replies.speak(version);
    // A version we do not know is told in the form of the newest we do.
    const isTold5 = version === 5 || (version === undefined && fault.reasonCode === REASON.unsupportedProtocolVersion);
    const reasonCode = isTold5 ? fault.reasonCode : version === undefined ? undefined : returnCodeOf(fault.reasonCode);
    if (fault.isSilent || reasonCode === undefined) return;
    this.#applicant.send({ type: 'connack', isSessionPresent: false, reasonCode, properties: this.#replies.farewell(reasonCode, fault) });
  }

  /** The client is in, or gone. */
  end(): void {
    this.#cancelTimeout();
    this.#authentication?.abandon();
  }

  #noteTimeout(): void {
    const { context, counters } = this.#parts;
    const { peer, listener } = this.#link;
    counters.connectTimeouts.value += 1;
    const event = this.#clientId === undefined ? 'no CONNECT in time: closing' : 'not let in in time: closing';
    context.log.warn(event, { peer, listener, clientId: this.#clientId });
  }

  #enter(outcome: Accepted, terms: Terms): void {
    this.#cancelTimeout();
    this.#authentication?.finished();
    this.#applicant.enter({ outcome, terms, authentication: this.#authentication });
  }

  #refuse({ reason, serverReference }: Refusal, { version, clientId }: Pick<Terms, 'version' | 'clientId'>): void {
    this.#parts.context.log.info('connection refused', { peer: this.#link.peer, clientId, reason });
    this.#parts.counters.refused(connackReason(5, reason));
    if (!this.#applicant.isOpen) return;
    const reasonCode = connackReason(version, reason);
    this.#applicant.send({ type: 'connack', isSessionPresent: false, reasonCode, properties: this.#replies.farewell(reasonCode, { serverReference }) });
    this.#applicant.close();
  }

  #authenticationOf({ authenticationMethod }: Terms): Authentication | undefined {
    if (authenticationMethod === undefined) return undefined;
    return new Authentication(authenticationMethod, (auth) => {
      this.#applicant.send(auth);
      this.#applicant.listen();
    });
  }
}
