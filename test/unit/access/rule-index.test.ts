import { expect, test } from 'vitest';
import type { Action } from '../../../src/access/access.ts';
import { type AccessRule, compileRule, RuleIndex } from '../../../src/access/rule-index.ts';
import { clientId, type Principal, peerAddress } from '../../../src/model/client.ts';
import { filterCovers, topicFilter, topicMatches, topicName } from '../../../src/model/topic.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const NAMES = ['a', 'b', 'c', '$d'];

function principal(id: string, username: string | undefined): Principal {
  const base = { clientId: clientId(id), peer: peerAddress('192.0.2.7:1'), listener: 'mqtt.tcp', protocol: 'mqtt', isSuperuser: false };
  return username === undefined ? base : { ...base, username };
}

/** The list read from its head, by the rules of topics alone. */
function asList(rules: readonly AccessRule[], who: Principal, action: Action): string {
  return rules.find((rule) => isAbout(rule, who, action) && selects(rule, who, action))?.permission ?? 'skip';
}

function isAbout(rule: AccessRule, who: Principal, action: Action): boolean {
  const isOfAction = rule.action === 'all' || rule.action === action.kind;
  const isOfUser = rule.username === undefined || rule.username === who.username;
  return isOfAction && isOfUser && (rule.clientId === undefined || rule.clientId === who.clientId);
}

function selects(rule: AccessRule, who: Principal, action: Action): boolean {
  if (rule.isExact) return rule.topic === (action.kind === 'publish' ? action.topic : action.filter);
  const levels = rule.topic.split('/').map((level) => (level === '%c' ? who.clientId : level === '%u' ? who.username : level));
  if (levels.includes(undefined)) return false;
  const filter = topicFilter(levels.join('/'));
  return action.kind === 'publish' ? topicMatches(filter, action.topic) : filterCovers(filter, action.filter);
}

test('an index decides as the list read from its head would', () => {
  const clock = new FakeClock();
  const pick = <T>(items: readonly T[]): T => items[Math.floor(clock.random() * items.length)] as T;
  const levels = (from: readonly string[]) => Array.from({ length: 1 + Math.floor(clock.random() * 3) }, () => pick(from)).join('/');
  const filter = (from: readonly string[]) => pick([levels(from), `${levels(from)}/#`, '#', '/#', '+/#', `/${levels(from)}`]);
  const rule = (): AccessRule => {
    const isExact = clock.random() < 0.2;
    return {
      permission: pick(['allow', 'deny']),
      action: pick(['publish', 'subscribe', 'all']),
      topic: filter(isExact ? ['a', 'b', '+'] : ['a', 'b', '+', '%c', '%u', '$d']),
      isExact,
      ...(clock.random() < 0.3 ? { username: pick(NAMES) } : {}),
      ...(clock.random() < 0.3 ? { clientId: pick(NAMES) } : {}),
    };
  };
  const decisions: Record<string, number> = { allow: 0, deny: 0, skip: 0 };
  for (let round = 0; round < 400; round += 1) {
    const rules = Array.from({ length: 8 }, rule);
    const index = new RuleIndex(rules.map(compileRule));
    for (let question = 0; question < 20; question += 1) {
      const who = principal(pick(NAMES), pick([undefined, ...NAMES]));
      const action: Action =
        clock.random() < 0.5 ? { kind: 'publish', topic: topicName(levels(NAMES)) } : { kind: 'subscribe', filter: topicFilter(filter(['a', 'b', '+', '$d'])) };
      const decision = index.decide(who, action);
      expect([decision, rules, who, action]).toEqual([asList(rules, who, action), rules, who, action]);
      decisions[decision] = (decisions[decision] ?? 0) + 1;
    }
  }
  expect(Math.min(...Object.values(decisions))).toBeGreaterThan(500); // each outcome was really there
});
