import { describe, expect, test } from 'vitest';
import { fillPlaceholders } from '../../../src/broker/placeholders.ts';
import { type RewriteRule, TopicRewriter } from '../../../src/broker/rewrite.ts';
import { patternProblem } from '../../../src/model/bounded-pattern.ts';
import { topicFilter } from '../../../src/model/topic.ts';

const rule = (source: string, pattern: string, destination: string, action: RewriteRule['action'] = 'all'): RewriteRule => ({
  action,
  source: topicFilter(source),
  pattern,
  destination,
});

describe('topic rewrite', () => {
  const rewriter = new TopicRewriter([
    rule('y/+/z/#', '^y/(.+)/z/(.+)$', 'y/z/$2'),
    rule('x/#', '^x/y/(.+)$', 'z/y/x/$1'),
    rule('x/y/+', '^x/y/(\\d+)$', 'z/y/$1'),
    rule('up/#', '^up/(.+)$', 'devices/${clientid}/$1', 'publish'),
    rule('mine/#', '^mine/(.+)$', 'users/${username}/$1'),
  ]);
  const names = { clientId: 'c1', username: 'ann' };

  test.each([
    ['publish', 'y/def', 'y/def', 'no rule is about it'],
    ['publish', 'y/a/z/b', 'y/z/b', 'groups by number'],
    ['publish', 'x/1/2', 'x/1/2', 'the pattern does not match'],
    ['publish', 'x/y/2', 'z/y/2', 'the last rule that is about it decides'],
    ['publish', 'x/y/z', 'x/y/z', 'and no other is tried when its pattern does not match'],
    ['publish', 'up/t', 'devices/c1/t', 'client id'],
    ['subscribe', 'up/t', 'up/t', 'a rule for publish only'],
    ['subscribe', 'mine/#', 'users/ann/#', 'wildcards in what is captured'],
    ['subscribe', '#', '#', 'a filter that selects more than the rule is not one of its'],
  ] as const)('%s %s → %s (%s)', (action, name, expected, _) => {
    expect(rewriter.rewrite(action, name, names)).toBe(expected);
  });

  test.each([
    ['mine/t', { clientId: 'c1' }, 'there is no user name'],
    ['mine/t', { clientId: 'c1', username: '+' }, 'the user name is a wildcard'],
    ['up/t', { clientId: 'a/b' }, 'the client id has levels'],
    [`up/${'t'.repeat(1_030)}`, names, 'the name is too long for a pattern'],
  ])('%.20s is no name: %#', (name, who, _) => {
    expect(rewriter.rewrite('publish', name, who)).toBeUndefined();
  });

  test('a name that looks like a group stands for itself', () => {
    expect(rewriter.rewrite('publish', 'up/victim', { clientId: '$1' })).toBe('devices/$1/victim');
    expect(rewriter.rewrite('publish', 'up/${username}', names)).toBe('devices/c1/${username}');
  });

  test('takes no time an attacker could use', () => {
    const slow = new TopicRewriter([rule('#', '^(.*)a(.*)b$', '$1$2')]);
    const started = performance.now();
    slow.rewrite('publish', 'a'.repeat(1_024), names);
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('patterns of rewrite rules', () => {
  test.each([
    ['^y/(.+)/z/(.+)$', 'two repetitions over levels'],
    ['^a/([^/]+)/b/([^/]+)/([^/]+)/(\\d+)/c$', 'any number within levels'],
    ['x/(.*)$', 'one without ^'],
    ['^a/(?:b|c)/(.+)$', 'alternatives'],
    ['^a/\\+/(.+)$', 'escaped wildcards'],
  ])('%s is allowed: %s', (pattern) => {
    expect(patternProblem(pattern)).toBeUndefined();
  });

  test.each([
    ['^(.+)+$', /repeated/],
    ['^((a|b)c){2,}$', /repeated/],
    ['^(.+)/(.+)/(.+)$', /at most two/],
    ['^\\d+\\d+\\d+\\d+$', /at most two/],
    ['(.+)/(.+)$', /at most two/],
    ['^(a)\\1$', /refer back/],
    ['^(?=a)a$', /only plain groups/],
    ['^a?b?c?d?$', /optional/],
    ['^(a', /./],
  ])('%s is not', (pattern, problem) => {
    expect(patternProblem(pattern)).toMatch(problem);
  });

  test('a rule that cannot be used is named', () => {
    expect(() => new TopicRewriter([rule('a/#', '^a$', 'b'), rule('a/#', '^(.+)+$', 'b')])).toThrow(/rewrite rule 1: a group/);
  });
});

test.each([
  ['dev/${clientid}/', 'dev/c1/'],
  ['${username}/${clientid}', 'ann/c1'],
  ['plain/', 'plain/'],
  ['${other}/', '${other}/'],
])('placeholders: %s → %s', (template, expected) => {
  expect(fillPlaceholders(template, { clientId: 'c1', username: 'ann' })).toBe(expected);
});
