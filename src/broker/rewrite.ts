// Topic rewrite as EMQX's users know it: rules are asked from the last to the first, the first whose filter selects the name decides, and when its
// pattern does not match the name stays. Unlike there, permission is asked about the rewritten name.
//
// Patterns come from the configuration and names from anybody, and a backtracking engine is asked: patterns are held to what it decides in time
// quadratic in the name, and names beyond a bound are refused where a pattern would have to be tried.
import { patternProblem } from '../model/bounded-pattern.ts';
import { GatewayError } from '../model/errors.ts';
import { REWRITE_RULES_MAX, REWRITE_TOPIC_CHARS_MAX } from '../model/limits.ts';
import { filterCovers, type TopicFilter } from '../model/topic.ts';
import { type ClientNames, fillPlaceholders } from './placeholders.ts';

export interface RewriteRule {
  readonly action: 'publish' | 'subscribe' | 'all';
  /** Names the rule is about; a subscription is one of them when this filter covers all of it. */
  readonly source: TopicFilter;
  /** Regular expression whose groups `$1` to `$9` of `destination` stand for. */
  readonly pattern: string;
  /** May hold `${clientid}` and `${username}` too. */
  readonly destination: string;
}

interface CompiledRule {
  readonly rule: RewriteRule;
  readonly expression: RegExp;
}

export class TopicRewriter {
  /** Last first. */
  readonly #publish: readonly CompiledRule[];
  readonly #subscribe: readonly CompiledRule[];

  /** @throws GatewayError CONFIG_INVALID - naming every rule that cannot be used, by its position from 0. */
  constructor(rules: readonly RewriteRule[]) {
    const compiled = compile(rules).reverse();
    this.#publish = compiled.filter(({ rule }) => rule.action !== 'subscribe');
    this.#subscribe = compiled.filter(({ rule }) => rule.action !== 'publish');
  }

  /**
   * @param name - a valid topic name or filter.
   * @returns the new text, which may be no valid name; undefined when there is none.
   */
  rewrite(action: 'publish' | 'subscribe', name: string, names: ClientNames): string | undefined {
    const rules = action === 'publish' ? this.#publish : this.#subscribe;
    const found = rules.find(({ rule }) => filterCovers(rule.source, name as TopicFilter));
    if (found === undefined) return name;
    if (name.length > REWRITE_TOPIC_CHARS_MAX) return undefined;
    const match = found.expression.exec(name);
    if (match === null) return name;
    return fillPlaceholders(found.rule.destination, names, match);
  }
}

function compile(rules: readonly RewriteRule[]): CompiledRule[] {
  if (rules.length > REWRITE_RULES_MAX) throw new GatewayError('CONFIG_INVALID', `${rules.length} rewrite rules, at most ${REWRITE_RULES_MAX} are allowed`);
  const compiled: CompiledRule[] = [];
  const problems: string[] = [];
  for (const [index, rule] of rules.entries()) {
    const problem = patternProblem(rule.pattern);
    if (problem === undefined) compiled.push({ rule, expression: new RegExp(rule.pattern, 'u') });
    else problems.push(`rewrite rule ${index}: ${problem}`);
  }
  if (problems.length > 0) throw new GatewayError('CONFIG_INVALID', problems.join('\n'));
  return compiled;
}
