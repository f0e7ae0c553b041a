// Ordered access rules; the first one that applies decides.
//
// A rule applies to a publish when its filter selects the topic. It applies to a subscribe when its filter covers the requested one: selects
// every topic the requested filter selects (equal text always does). This holds for allow and deny alike, hence:
// - an allow never grants more than it names: under `allow devices/+/state` alone, subscribing `devices/#` is not allowed by it;
// - a deny is about the filter asked for, not about each message: after `deny test/nosubscribe` a client may still be let into `#`, by a later
//   rule, and then gets that topic with the rest. What must stay secret is protected by allowing what is not, with `noMatch: deny`.
// EMQX judges subscriptions the same way; Mosquitto decides again for each message.
import type { Principal } from '../../model/client.ts';
import { GatewayError } from '../../model/errors.ts';
import { ACCESS_RULES_MAX } from '../../model/limits.ts';
import { filterCovers, TOPIC_BYTES_MAX, type TopicFilter, topicFilter, topicMatches } from '../../model/topic.ts';
import type { Action, Authorizer } from '../access.ts';
import { type AddressPattern, addressPattern } from './address-pattern.ts';

export interface AccessRule {
  readonly permission: 'allow' | 'deny';
  readonly action: 'publish' | 'subscribe' | 'all';
  /** A topic filter. A level `%c` stands for the client id, `%u` for the user name. */
  readonly topic: string;
  /** The rule is for this client, user or peer only; all of them when several are given. */
  readonly clientId?: string | undefined;
  readonly username?: string | undefined;
  /** An IP address, a CIDR range (`192.168.0.0/16`, `fd00::/8`) or the path of a serial device. */
  readonly address?: string | undefined;
}

interface CompiledRule {
  readonly rule: AccessRule;
  /** Absent when the filter depends on who asks. */
  readonly filter: TopicFilter | undefined;
  readonly address: AddressPattern | undefined;
}

const PLACEHOLDER_LEVEL = /^%[cu]$/;
const PLACEHOLDER = /%[cu]/;
const UNKNOWN_PLACEHOLDER_LEVEL = /^%[a-zA-Z]$/;

/**
 * @param rules - in order of precedence.
 * @throws GatewayError CONFIG_INVALID - naming every rule that cannot be meant, by its position from 0.
 */
export function ruleAuthorizer(rules: readonly AccessRule[]): Authorizer {
  const compiled = compile(rules);
  return {
    name: 'rules',
    authorize(principal, action) {
      for (const entry of compiled) {
        if (isAbout(entry, principal, action) && selects(entry, principal, action)) return entry.rule.permission;
      }
      return 'skip';
    },
  };
}

function compile(rules: readonly AccessRule[]): CompiledRule[] {
  if (rules.length > ACCESS_RULES_MAX) throw new GatewayError('CONFIG_INVALID', `${rules.length} access rules, at most ${ACCESS_RULES_MAX} are allowed`);
  const compiled: CompiledRule[] = [];
  const problems: string[] = [];
  for (const [index, rule] of rules.entries()) {
    try {
      compiled.push({ rule, filter: fixedFilter(rule.topic), address: rule.address === undefined ? undefined : addressPattern(rule.address) });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      problems.push(`access rule ${index}: ${error.message}`);
    }
  }
  if (problems.length > 0) throw new GatewayError('CONFIG_INVALID', problems.join('\n'));
  return compiled;
}

function fixedFilter(topic: string): TopicFilter | undefined {
  const filter = topicFilter(topic);
  const levels = topic.split('/');
  for (const level of levels) {
    if (UNKNOWN_PLACEHOLDER_LEVEL.test(level) && !PLACEHOLDER_LEVEL.test(level)) {
      throw new GatewayError('CONFIG_INVALID', `unknown placeholder "${level}" in "${topic}"; there are %c (client id) and %u (user name)`);
    }
    if (PLACEHOLDER.test(level) && !PLACEHOLDER_LEVEL.test(level)) {
      throw new GatewayError('CONFIG_INVALID', `a placeholder must fill a whole level: "${level}" in "${topic}"`);
    }
  }
  return levels.some((level) => PLACEHOLDER_LEVEL.test(level)) ? undefined : filter;
}

function isAbout({ rule, address }: CompiledRule, principal: Principal, action: Action): boolean {
  if (rule.action !== 'all' && rule.action !== action.kind) return false;
  if (rule.clientId !== undefined && rule.clientId !== principal.clientId) return false;
  if (rule.username !== undefined && rule.username !== principal.username) return false;
  return address === undefined || address.includes(principal.peer);
}

function selects({ rule, filter: fixed }: CompiledRule, principal: Principal, action: Action): boolean {
  const filter = fixed ?? filterFor(rule.topic, principal);
  if (filter === undefined) return false;
  return action.kind === 'publish' ? topicMatches(filter, action.topic) : filterCovers(filter, action.filter);
}

/** The rule's filter for this principal; `undefined` when a placeholder has no value that could be a level: then it selects nothing. */
function filterFor(topic: string, principal: Principal): TopicFilter | undefined {
  const levels: string[] = [];
  for (const level of topic.split('/')) {
    const value = level === '%c' ? principal.clientId : level === '%u' ? principal.username : level;
    if (value === undefined || (value !== level && !isPlainLevel(value))) return undefined;
    levels.push(value);
  }
  const text = levels.join('/');
  return Buffer.byteLength(text) <= TOPIC_BYTES_MAX ? topicFilter(text) : undefined;
}

/** A client named `#` or `a/b` must not widen or move the filter it is put into. */
function isPlainLevel(text: string): boolean {
  return text !== '' && text.isWellFormed() && !/[+#/\0]/.test(text);
}
