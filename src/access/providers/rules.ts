// Ordered access rules; the first one that applies decides.
//
// A rule applies to a publish when its filter selects the topic. It applies to a subscribe when its filter covers the requested one: selects
// every topic the requested filter selects (equal text always does). This holds for allow and deny alike, hence:
// - an allow never grants more than it names: under `allow devices/+/state` alone, subscribing `devices/#` is not allowed by it;
// - a deny is about the filter asked for, not about each message: after `deny test/nosubscribe` a client may still be let into `#`, by a later
//   rule, and then gets that topic with the rest. What must stay secret is protected by allowing what is not, with `noMatch: deny`, or by a denial
//   by overlap, which is about every subscription that could bring the topic.
// EMQX judges subscriptions the same way; Mosquitto decides again for each message.
import { GatewayError } from '../../model/errors.ts';
import { ACCESS_RULES_MAX } from '../../model/limits.ts';
import type { Authorizer } from '../access.ts';
import { type AccessRule, type CompiledRule, compileRule, RuleIndex } from '../rule-index.ts';

/**
 * @param rules - in order of precedence.
 * @throws GatewayError CONFIG_INVALID - naming every rule that cannot be meant, by its position from 0.
 */
export function ruleAuthorizer(rules: readonly AccessRule[]): Authorizer {
  return indexAuthorizer('rules', compileAll(rules));
}

/** @param rules - in order of precedence. */
export function indexAuthorizer(name: string, rules: readonly CompiledRule[]): Authorizer {
  const index = new RuleIndex(rules);
  return { name, authorize: (principal, action) => index.decide(principal, action) };
}

function compileAll(rules: readonly AccessRule[]): CompiledRule[] {
  if (rules.length > ACCESS_RULES_MAX) throw new GatewayError('CONFIG_INVALID', `${rules.length} access rules, at most ${ACCESS_RULES_MAX} are allowed`);
  const compiled: CompiledRule[] = [];
  const problems: string[] = [];
  for (const [index, rule] of rules.entries()) {
    try {
      compiled.push(compileRule(rule));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      problems.push(`access rule ${index}: ${error.message}`);
    }
  }
  if (problems.length > 0) throw new GatewayError('CONFIG_INVALID', problems.join('\n'));
  return compiled;
}
