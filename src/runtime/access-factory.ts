// Makes access control of its part of the configuration, with the files that part names.
import { AccessControl, type AccessPolicy } from '../access/access-control.ts';
import { readAclFile } from '../access/acl-file.ts';
import { Bans } from '../access/bans.ts';
import { Places } from '../access/places.ts';
import { anonymousAuthenticator } from '../access/providers/anonymous.ts';
import { internalAuthenticator } from '../access/providers/internal.ts';
import { certificateAuthenticator, pskAuthenticator } from '../access/providers/link-identity.ts';
import { indexAuthorizer, ruleAuthorizer } from '../access/providers/rules.ts';
import { scramSource } from '../access/providers/scram.ts';
import { usersAuthenticator } from '../access/providers/users.ts';
import { PasswordChecker } from '../access/users/password-checker.ts';
import { PasswordRenewal } from '../access/users/password-renewal.ts';
import { UserFile } from '../access/users/user-file.ts';
import type { Broker } from '../broker/broker.ts';
import { gatewayState } from '../broker/session-state.ts';
import type { Config } from '../config/config.ts';
import type { BanBook } from '../control/running-gateway.ts';
import { INTERNAL_PROTOCOL } from '../model/client.ts';
import type { GatewayClock } from '../model/clock.ts';
import { PASSWORD_CHECKS_AT_ONCE, PASSWORD_CHECKS_PER_ADDRESS_MAX, PASSWORD_CHECKS_WAITING_MAX } from '../model/limits.ts';
import type { Log } from '../model/log.ts';
import type { Metrics } from '../model/metrics.ts';
import type { SessionStore } from '../session/session-store.ts';

/** Whose space of the store the bans lie in. */
const OWNER = 'access';

export interface AccessParts {
  readonly store: SessionStore;
  readonly clock: GatewayClock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Access control as the rest of the gateway uses it. */
export interface GatewayAccess {
  readonly control: AccessControl;
  /** Takes over a new configuration, and what the files hold now. @throws GatewayError CONFIG_INVALID - nothing was changed. */
  reload(access: Config['access']): void;
  /** The bans; adding one ends the links of `broker` it is about. */
  banBook(broker: Pick<Broker, 'kick'>): BanBook;
}

/** @throws GatewayError CONFIG_INVALID - a rule, or a file the configuration names, cannot be used. */
export function createAccess(access: Config['access'], { store, clock, log, metrics }: AccessParts): GatewayAccess {
  const bounds = { inAll: PASSWORD_CHECKS_AT_ONCE + PASSWORD_CHECKS_WAITING_MAX, perAddress: PASSWORD_CHECKS_PER_ADDRESS_MAX };
  const places = new Places(bounds, metrics.counter('access.passwords.address-full'));
  const passwords = new PasswordChecker({ atOnce: PASSWORD_CHECKS_AT_ONCE, places });
  const bans = new Bans(gatewayState(store, OWNER), clock);
  const policyOf = (settings: Config['access']): AccessPolicy => {
    const { usersFile } = settings;
    const users = new UserFile(usersFile, { clock, log, metrics });
    return accessPolicy(settings, { passwords, users, renewal: new PasswordRenewal(usersFile, { clock, log, metrics }) });
  };
  const control = new AccessControl(policyOf(access), { clock, log, metrics, bans });
  metrics.gauge('access.bans', () => bans.count);
  metrics.gauge('access.passwords.waiting', () => passwords.waiting);
  return {
    control,
    reload: (next) => control.replacePolicy(policyOf(next)),
    banBook: (broker) => ({
      list: () => bans.list(),
      remove(kind, value) {
        const isRemoved = bans.remove(kind, value);
        if (isRemoved) log.info('ban removed', { kind, value });
        return isRemoved;
      },
      add(ban) {
        bans.add(ban);
        const linksEnded = broker.kick((principal) => principal.protocol !== INTERNAL_PROTOCOL && bans.covers(principal));
        const { kind, value, seconds, reason } = ban;
        log.info('ban added', {
          kind,
          value,
          seconds: Number.isFinite(seconds) ? seconds : 'for good',
          reason: reason === '' ? undefined : reason,
          linksEnded,
        });
        return linksEnded;
      },
    }),
  };
}

interface PasswordParts {
  readonly passwords: PasswordChecker;
  readonly users: UserFile;
  readonly renewal: PasswordRenewal;
}

/** Who proves most comes first: what the handshake proved, then a password, then nobody in particular. */
function accessPolicy(access: Config['access'], { passwords, users, renewal }: PasswordParts): AccessPolicy {
  const { anonymous, systemTopics, aclFile, rules, defaultPermission, limits, flapping } = access;
  const ofFile = aclFile === undefined ? [] : [indexAuthorizer('acl-file', readAclFile(aclFile))];
  return {
    authenticators: [
      internalAuthenticator,
      certificateAuthenticator,
      pskAuthenticator,
      usersAuthenticator(users, passwords, renewal),
      anonymousAuthenticator(anonymous),
    ],
    challengers: [scramSource(users)],
    users,
    authorizers: [...(rules.length === 0 ? [] : [ruleAuthorizer(rules)]), ...ofFile],
    noMatch: aclFile === undefined ? defaultPermission : 'deny',
    rates: limits,
    flapping,
    systemReaders: systemTopics,
  };
}
