// Ordered rules by the levels of their filters: of a thousand rules only those are looked at whose filters select the topic or cover the filter
// that is asked about.
import type { Principal } from '../model/client.ts';
import { isPlainLevel } from '../model/topic.ts';
import type { Action } from './access.ts';

/** A rule with what its filter does not tell. */
export interface TrieRule {
  /** Place in the list: lower comes first. */
  readonly rank: number;
  applies(question: Question): boolean;
}

/** What is asked, taken apart once. */
export interface Question {
  readonly principal: Principal;
  readonly action: Action;
  readonly text: string;
  readonly levels: readonly string[];
}

/** Levels that stand for a name of who asks; NUL is in no topic. */
export const CLIENT_LEVEL = '\0client';
export const USER_LEVEL = '\0user';

/** `#` would select a name without levels and `/#` the empty name; neither exists (MQTT-4.7.3-1), so they select what these do. */
const SAME_TOPICS: ReadonlyMap<string, readonly string[]> = new Map([
  ['#', ['+', '#']],
  ['/#', ['', '+', '#']],
]);

export function questionOf(principal: Principal, action: Action): Question {
  const text = action.kind === 'publish' ? action.topic : action.filter;
  return { principal, action, text, levels: SAME_TOPICS.get(text) ?? text.split('/') };
}

interface Node<Rule> {
  readonly rules: Rule[];
  readonly children: Map<string, Node<Rule>>;
}

export class RuleTrie<Rule extends TrieRule> {
  readonly #root: Node<Rule> = { rules: [], children: new Map() };

  /** Later calls bring later rules. @param levels - of the filter; with `CLIENT_LEVEL` and `USER_LEVEL` in the place of placeholders. */
  add(levels: readonly string[], rule: Rule): void {
    let node = this.#root;
    for (const level of levels) {
      let next = node.children.get(level);
      if (next === undefined) {
        next = { rules: [], children: new Map() };
        node.children.set(level, next);
      }
      node = next;
    }
    node.rules.push(rule);
  }

  /** The first rule that applies to the question and whose filter selects its topic, or covers its filter. */
  first(question: Question): Rule | undefined {
    return new Search<Rule>(question).run(this.#root);
  }
}

class Search<Rule extends TrieRule> {
  readonly #question: Question;
  readonly #clientLevel: string | undefined;
  readonly #userLevel: string | undefined;
  #found: Rule | undefined;

  constructor(question: Question) {
    const { clientId, username } = question.principal;
    this.#question = question;
    this.#clientLevel = isPlainLevel(clientId) ? clientId : undefined;
    this.#userLevel = username !== undefined && isPlainLevel(username) ? username : undefined;
  }

  run(root: Node<Rule>): Rule | undefined {
    const [level = ''] = this.#question.levels;
    if (level.startsWith('$'))
      this.#visitNamed(root, level, 0); // MQTT-4.7.2-1: a wildcard does not begin a filter that selects it
    else this.#visit(root, 0);
    return this.#found;
  }

  #visit(node: Node<Rule>, at: number): void {
    this.#take(node.children.get('#'));
    const level = this.#question.levels[at];
    if (level === undefined) {
      this.#take(node);
    } else if (level !== '#') {
      if (level !== '+') this.#visitNamed(node, level, at);
      this.#follow(node.children.get('+'), at);
    }
  }

  /** The children that name the level itself. */
  #visitNamed(node: Node<Rule>, level: string, at: number): void {
    this.#follow(node.children.get(level), at);
    if (level === this.#clientLevel) this.#follow(node.children.get(CLIENT_LEVEL), at);
    if (level === this.#userLevel) this.#follow(node.children.get(USER_LEVEL), at);
  }

  #follow(child: Node<Rule> | undefined, at: number): void {
    if (child !== undefined) this.#visit(child, at + 1);
  }

  #take(node: Node<Rule> | undefined): void {
    if (node === undefined) return;
    for (const rule of node.rules) {
      if (this.#found !== undefined && rule.rank > this.#found.rank) return;
      if (!rule.applies(this.#question)) continue;
      this.#found = rule;
      return;
    }
  }
}
