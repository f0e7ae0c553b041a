import { isPlainLevel } from '../model/topic.ts';
import { CLIENT_LEVEL, type Question, USER_LEVEL } from './rule-trie.ts';

/**
 * Whether there is a topic that both filters select.
 *
 * @param rule - levels of a rule's filter; a placeholder for a name that is no level selects nothing.
 */
export function overlaps(rule: readonly string[], { levels: asked, principal }: Question): boolean {
  const { clientId, username = '' } = principal;
  const names = new Map([
    [CLIENT_LEVEL, clientId as string],
    [USER_LEVEL, username],
  ]);
  const own = rule.map((level) => names.get(level) ?? level);
  if (own.some((level, index) => level !== rule[index] && !isPlainLevel(level))) return false;
  if (startsApart(own, asked) || startsApart(asked, own)) return false;
  for (let index = 0; ; index += 1) {
    const [one, other] = [own[index], asked[index]];
    if (one === '#' || other === '#') return true; // also of the parent, where the other one ends (MQTT 5 §4.7.1.2)
    if (one === undefined || other === undefined) return one === other;
    if (one !== other && one !== '+' && other !== '+') return false;
  }
}

/** MQTT-4.7.2-1: a wildcard does not begin a filter that selects a `$` topic. */
function startsApart([first = '']: readonly string[], [other = '']: readonly string[]): boolean {
  return first.startsWith('$') && (other === '+' || other === '#');
}
