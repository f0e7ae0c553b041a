// Who comes and goes, told below $SYS in EMQX's words (docs/reference/sys-topics.md).
import type { ConnectRequest } from '../gateway/gateway.ts';
import { hostOf, INTERNAL_PROTOCOL, type Principal } from '../model/client.ts';
import type { Clock } from '../model/clock.ts';
import { type Announcer, asLevel } from './announcer.ts';

/** Why a client is gone, in EMQX's words. */
export type Departure = 'normal' | 'closed' | 'takenover' | 'kicked';

const MQTT_LEVEL: Readonly<Record<string, number>> = { '3.1': 3, '3.1.1': 4, '5.0': 5 };
/** Session Expiry Interval that stands for never (MQTT 5 §3.1.2.11.2). */
const NEVER = 0xffff_ffff;

export class Presence {
  readonly #announcer: Announcer;
  readonly #clock: Clock;
  readonly #prefix: string;

  /** @param node - the gateway's name in topics. */
  constructor(announcer: Announcer, clock: Clock, node: string) {
    this.#announcer = announcer;
    this.#clock = clock;
    this.#prefix = `$SYS/brokers/${asLevel(node)}/clients/`;
  }

  connected(principal: Principal, { keepAliveSeconds, cleanStart, sessionExpirySeconds }: ConnectRequest): void {
    const ts = this.#clock.nowMs();
    this.#tell(principal, 'connected', {
      ...identityOf(principal),
      keepalive: keepAliveSeconds,
      clean_start: cleanStart,
      expiry_interval: Math.min(sessionExpirySeconds, NEVER),
      listener: principal.listener,
      connack: 0,
      connected_at: ts,
      ts,
    });
  }

  disconnected(principal: Principal, reason: Departure): void {
    const ts = this.#clock.nowMs();
    this.#tell(principal, 'disconnected', { ...identityOf(principal), reason, disconnected_at: ts, ts });
  }

  #tell(principal: Principal, what: 'connected' | 'disconnected', facts: Readonly<Record<string, unknown>>): void {
    if (principal.protocol === INTERNAL_PROTOCOL) return;
    this.#announcer.event(`${this.#prefix}${asLevel(principal.clientId)}/${what}`, JSON.stringify(facts));
  }
}

/** `protocol` is a name and a version: `mqtt 5.0`. */
function identityOf({ clientId, username, peer, protocol }: Principal): Readonly<Record<string, unknown>> {
  const [name = '', version = ''] = protocol.split(' ');
  return {
    clientid: clientId,
    username: username ?? null,
    ipaddress: hostOf(peer),
    proto_name: name === 'mqtt' && version === '3.1' ? 'MQIsdp' : name.toUpperCase(),
    proto_ver: name === 'mqtt' ? MQTT_LEVEL[version] : version,
  };
}
