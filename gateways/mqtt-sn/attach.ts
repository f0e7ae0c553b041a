// The way through the core's one door: every connection begins here, whether by CONNECT, after a restart, or at a new address.
import type { ConnectOutcome, ConnectRequest, Delivery, EndReason, GatewayContext, Outlet, PublishOutcome, RefusalReason } from '../../src/gateway/gateway.ts';
import { GatewayError } from '../../src/model/errors.ts';
import type { GatewayParts } from './client.ts';
import { Connection } from './connection.ts';
import type { Directory } from './directory.ts';
import type { LinkFacts } from './link-facts.ts';

export const PROTOCOL = 'mqtt-sn';

export interface AttachTerms {
  readonly clientId: string;
  readonly facts: LinkFacts;
  readonly cleanStart: boolean;
  readonly origin: 'peer' | 'restart';
}

/** @returns the connection, which is in the directory and still silent, or why there is none. */
export async function attach(parts: GatewayParts, directory: Directory, terms: AttachTerms): Promise<Connection | RefusalReason> {
  const { context } = parts;
  const former = directory.of(terms.clientId);
  former?.withholdWill();
  const relay = new OutletRelay();
  const outcome = await judged(context, connectRequest(parts, terms), relay);
  if (outcome.kind === 'refused') {
    former?.releaseWill();
    return outcome.reason;
  }
  if (outcome.kind === 'challenge') throw new GatewayError('PROTOCOL_VIOLATION', 'a challenge for a client that offered no authentication method');
  if (relay.isEnded) return 'unavailable'; // another connection of the same client came first
  const connection = new Connection(parts, outcome.session, terms.facts, (closed) => directory.remove(closed));
  relay.open(connection);
  directory.add(connection);
  return connection;
}

/** A source of identity that fails is one that may answer later. */
async function judged(context: GatewayContext, request: ConnectRequest, outlet: Outlet): Promise<ConnectOutcome> {
  try {
    return await context.connect(request, outlet);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    context.log.error('connect failed', { clientId: request.credentials.clientId, code: error.code, reason: error.message });
    return { kind: 'refused', reason: 'unavailable' };
  }
}

function connectRequest({ settings }: GatewayParts, { clientId, facts, cleanStart, origin }: AttachTerms): ConnectRequest {
  const { transport, peer, address } = facts.end;
  return {
    credentials: { clientId, peer: address, peerHost: peer.host, listener: transport.name, protocol: PROTOCOL },
    cleanStart,
    sessionExpirySeconds: Number.POSITIVE_INFINITY, // until the client leaves, any restart finds its session: CleanSession means "begins empty"
    inflightMax: settings.inflightMax,
    queueQos0: true,
    isReliableLink: false,
    origin,
  };
}

/** Stands for the connection until the core has made its session. */
class OutletRelay implements Outlet {
  #connection: Connection | undefined;
  isEnded = false;

  open(connection: Connection): void {
    this.#connection = connection;
  }

  deliver(delivery: Delivery): void {
    this.#connection?.deliver(delivery);
  }

  release(packetId: number): void {
    this.#connection?.release(packetId);
  }

  published(token: number, outcome: PublishOutcome): void {
    this.#connection?.published(token, outcome);
  }

  completed(packetId: number): void {
    this.#connection?.completed(packetId);
  }

  drained(): void {
    this.#connection?.drained();
  }

  throttle(delayMs: number): void {
    this.#connection?.throttle(delayMs);
  }

  end(reason: EndReason): void {
    this.isEnded = true;
    this.#connection?.end(reason);
  }
}
