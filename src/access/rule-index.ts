// Ordered rules, found by whom they name and by their filters, so that a list of many costs little more than those that apply. The answer is that of
// the list read from its head: of all rules that apply, the first decides.
import type { Principal } from '../model/client.ts';
import { GatewayError } from '../model/errors.ts';
import { topicFilter } from '../model/topic.ts';
import type { Action } from './access.ts';
import { type AddressPattern, addressPattern } from './address-pattern.ts';
import { overlaps } from './rule-overlap.ts';
import { CLIENT_LEVEL, type Question, questionOf, RuleTrie, type TrieRule, USER_LEVEL } from './rule-trie.ts';

export interface AccessRule {
  readonly permission: 'allow' | 'deny';
  readonly action: 'publish' | 'subscribe' | 'all';
  /** A topic filter. A level `%c` or `${clientid}` stands for the client id, `%u` or `${username}` for the user name. */
  readonly topic: string;
  /** The rule is about exactly this text, as a topic or as the filter asked for: its wildcards select nothing. */
  readonly isExact?: boolean | undefined;
  /** The rule is for clients without a user name only. */
  readonly isAnonymous?: boolean | undefined;
  /** A denial of every subscription that could bring one of the topics, whatever else it brings. */
  readonly isOverlap?: boolean | undefined;
  /** The rule is for this client, user, listener or peer only; all of them when several are given. */
  readonly clientId?: string | undefined;
  readonly username?: string | undefined;
  readonly listener?: string | undefined;
  /** An IP address, a CIDR range (`192.168.0.0/16`, `fd00::/8`) or the path of a serial device. */
  readonly address?: string | undefined;
}

export interface CompiledRule {
  readonly rule: AccessRule;
  /** Of its filter, with `CLIENT_LEVEL` and `USER_LEVEL` in the place of placeholders. */
  readonly levels: readonly string[];
  readonly address: AddressPattern | undefined;
}

/** @throws GatewayError CONFIG_INVALID or INVALID_TOPIC - the rule cannot be meant. */
export function compileRule(rule: AccessRule): CompiledRule {
  const { topic, address, isExact = false } = rule;
  const problem = contradiction(rule);
  if (problem !== undefined) throw new GatewayError('CONFIG_INVALID', problem);
  const written = topicFilter(topic).split('/');
  for (const level of written) requireKnownPlaceholders(level, topic);
  const levels = written.map((level) => PLACEHOLDERS.get(level) ?? level);
  const isFixed = levels.every((level, index) => level === written[index]);
  if (isExact && !isFixed) throw new GatewayError('CONFIG_INVALID', `an exact rule has no placeholders: "${topic}"`);
  return { rule, levels, address: address === undefined ? undefined : addressPattern(address) };
}

function contradiction({ permission, username, isExact, isAnonymous, isOverlap }: AccessRule): string | undefined {
  if (isAnonymous === true && username !== undefined) return 'anonymous clients have no user name';
  if (isOverlap === true && isExact === true) return 'a rule is exact or by overlap, not both';
  if (isOverlap === true && permission === 'allow') return 'only a denial can be by overlap: it would allow what it does not name';
  return undefined;
}

export class RuleIndex {
  readonly #ofUser = new Map<string, RuleTrie<Ranked>>();
  readonly #ofClient = new Map<string, RuleTrie<Ranked>>();
  readonly #ofAll = new RuleTrie<Ranked>();
  readonly #exact = new Map<string, Ranked[]>();
  /** Those of one user under the name, all others under undefined. They are in a trie as well. */
  readonly #overlapping = new Map<string | undefined, Ranked[]>();

  /** @param rules - in order of precedence. */
  constructor(rules: readonly CompiledRule[]) {
    for (const [rank, rule] of rules.entries()) this.#add(new Ranked(rule, rank));
  }

  decide(principal: Principal, action: Action): 'allow' | 'deny' | 'skip' {
    const question = questionOf(principal, action);
    const { clientId, username } = principal;
    let found = this.#ofAll.first(question);
    found = earlier(found, this.#ofClient.get(clientId)?.first(question));
    if (username !== undefined) found = earlier(found, this.#ofUser.get(username)?.first(question));
    if (this.#exact.size > 0)
      found = earlier(
        found,
        this.#exact.get(question.text)?.find((rule) => rule.applies(question)),
      );
    if (action.kind === 'subscribe' && this.#overlapping.size > 0) found = earlier(found, this.#firstOverlapping(question));
    return found?.permission ?? 'skip';
  }

  #firstOverlapping(question: Question): Ranked | undefined {
    const { username } = question.principal;
    const isMet = (rule: Ranked): boolean => rule.applies(question) && overlaps(rule.compiled.levels, question);
    const found = this.#overlapping.get(undefined)?.find(isMet);
    return username === undefined ? found : earlier(found, this.#overlapping.get(username)?.find(isMet));
  }

  #add(ranked: Ranked): void {
    const { rule, levels } = ranked.compiled;
    if (rule.isOverlap === true) this.#addOverlapping(ranked);
    if (rule.isExact === true) this.#exact.set(rule.topic, [...(this.#exact.get(rule.topic) ?? []), ranked]);
    else if (rule.username !== undefined) trieOf(this.#ofUser, rule.username).add(levels, ranked);
    else if (rule.clientId !== undefined) trieOf(this.#ofClient, rule.clientId).add(levels, ranked);
    else this.#ofAll.add(levels, ranked);
  }

  #addOverlapping(ranked: Ranked): void {
    const { username } = ranked.compiled.rule;
    const rules = this.#overlapping.get(username);
    if (rules === undefined) this.#overlapping.set(username, [ranked]);
    else rules.push(ranked);
  }
}

class Ranked implements TrieRule {
  readonly compiled: CompiledRule;
  readonly rank: number;

  constructor(compiled: CompiledRule, rank: number) {
    this.compiled = compiled;
    this.rank = rank;
  }

  get permission(): 'allow' | 'deny' {
    return this.compiled.rule.permission;
  }

  applies({ principal, action }: Question): boolean {
    const { rule, address } = this.compiled;
    if (rule.action !== 'all' && rule.action !== action.kind) return false;
    if (rule.clientId !== undefined && rule.clientId !== principal.clientId) return false;
    if (rule.username !== undefined && rule.username !== principal.username) return false;
    if (rule.isAnonymous === true && principal.username !== undefined) return false;
    if (rule.listener !== undefined && rule.listener !== principal.listener) return false;
    return address === undefined || address.includes(principal.peer);
  }
}

const PLACEHOLDERS: ReadonlyMap<string, string> = new Map([
  ['%c', CLIENT_LEVEL],
  ['%u', USER_LEVEL],
  ['${clientid}', CLIENT_LEVEL],
  ['${username}', USER_LEVEL],
]);
const PLACEHOLDER = /%[cu]|\$\{[a-z]*\}/;
const UNKNOWN_PLACEHOLDER_LEVEL = /^(%[a-zA-Z]|\$\{[a-zA-Z]*\})$/;

function requireKnownPlaceholders(level: string, topic: string): void {
  if (PLACEHOLDERS.has(level)) return;
  if (UNKNOWN_PLACEHOLDER_LEVEL.test(level))
    throw new GatewayError('CONFIG_INVALID', `unknown placeholder "${level}" in "${topic}"; there are %c (client id) and %u (user name)`);
  if (PLACEHOLDER.test(level)) throw new GatewayError('CONFIG_INVALID', `a placeholder must fill a whole level: "${level}" in "${topic}"`);
}

function trieOf(tries: Map<string, RuleTrie<Ranked>>, name: string): RuleTrie<Ranked> {
  let trie = tries.get(name);
  if (trie === undefined) {
    trie = new RuleTrie();
    tries.set(name, trie);
  }
  return trie;
}

function earlier(a: Ranked | undefined, b: Ranked | undefined): Ranked | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.rank < b.rank ? a : b;
}
