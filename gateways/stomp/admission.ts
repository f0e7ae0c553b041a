// From CONNECT to a session, or to the reason why there is none (STOMP 1.2 "Connecting").
import { randomUUID } from 'node:crypto';
import type { ClientSession, ConnectRequest, GatewayContext, Outlet } from '../../src/gateway/gateway.ts';
import { CLIENT_ID_BYTES_MAX } from '../../src/model/limits.ts';
import type { LinkFacts } from '../../src/transport/transport.ts';
import { connectRequest, REFUSALS } from './connect.ts';
import { agreedHeartBeats, type HeartBeats } from './heart-beat.ts';
import { type Headers, headerOf, StompError, type StompVersion } from './packets.ts';
import type { StompSettings } from './settings.ts';

export interface Admitted {
  readonly session: ClientSession;
  readonly connected: ConnectRequest;
  readonly clientId: string;
  /** The client named itself. */
  readonly isNamed: boolean;
  readonly heartBeats: HeartBeats;
}

export interface AdmissionParts {
  readonly context: GatewayContext;
  readonly settings: StompSettings;
  readonly outlet: Outlet;
}

/**
 * @returns the reason why the client is not let in, as it is told.
 * @throws StompError - a header of CONNECT is wrong.
 */
export async function admit(
  headers: Headers,
  version: StompVersion,
  link: LinkFacts,
  { context, settings, outlet }: AdmissionParts,
): Promise<Admitted | string> {
  const heartBeats = agreedHeartBeats(version === '1.0' ? undefined : headerOf(headers, 'heart-beat'), offered(settings));
  const named = headerOf(headers, 'client-id') ?? '';
  if (Buffer.byteLength(named) > CLIENT_ID_BYTES_MAX) {
    throw new StompError('CONNECT client-id', `a client-id of more than ${CLIENT_ID_BYTES_MAX} bytes`);
  }
  const clientId = named === '' ? `stomp-${randomUUID()}` : named;
  const connected = connectRequest(headers, link, { clientId, version });
  const outcome = await context.connect(connected, outlet);
  if (outcome.kind === 'accepted') return { session: outcome.session, connected, clientId, isNamed: named !== '', heartBeats };
  if (outcome.kind === 'refused') return REFUSALS[outcome.reason];
  outcome.abandon();
  return REFUSALS['bad-authentication-method'];
}

/** What the gateway can do and wants. */
export function offered({ heartBeatSendMs, heartBeatReceiveMs }: StompSettings): HeartBeats {
  return { sendMs: heartBeatSendMs, receiveMs: heartBeatReceiveMs };
}
