// The access list as a file, one rule per line:
//
//   allow|deny  publish|subscribe|all  TOPIC  [user=NAME] [client=ID] [address=RANGE] [listener=NAME] [anonymous] [exact|overlap]
//
// Empty lines and lines that begin with `#` say nothing. Text with spaces stands in double quotes, where `\"` is a quotation mark and `\\` a backslash.
import { readFileSync, statSync } from 'node:fs';
import { GatewayError } from '../model/errors.ts';
import { ACL_FILE_BYTES_MAX, ACL_FILE_RULES_MAX } from '../model/limits.ts';
import { type AccessRule, type CompiledRule, compileRule } from './rule-index.ts';

/** Problems told at once; who mends these may have mended the rest. */
const PROBLEMS_MAX = 20;
const WORD = /\s*(?:([a-z]+=)?"((?:[^"\\]|\\["\\])*)"(?=\s|$)|([^\s"]+))/y;

type Qualifier = 'clientId' | 'username' | 'address' | 'listener';

type Flag = 'isExact' | 'isAnonymous' | 'isOverlap';
type Qualified = Partial<Record<Qualifier, string> & Record<Flag, boolean>>;

const FLAGS: Readonly<Record<string, Flag>> = { exact: 'isExact', anonymous: 'isAnonymous', overlap: 'isOverlap' };
const QUALIFIERS: Readonly<Record<string, Qualifier>> = { client: 'clientId', user: 'username', address: 'address', listener: 'listener' };

/** @throws GatewayError CONFIG_INVALID - unreadable, or wrong: one line per problem, each with the file and the line. */
export function readAclFile(path: string): CompiledRule[] {
  try {
    const { size } = statSync(path);
    if (size > ACL_FILE_BYTES_MAX) throw new GatewayError('CONFIG_INVALID', `${path}: has ${size} bytes, at most ${ACL_FILE_BYTES_MAX} are allowed`);
    return parseAcl(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('CONFIG_INVALID', `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** @param name - of the file, for messages. @throws GatewayError CONFIG_INVALID - one line per problem. */
export function parseAcl(text: string, name: string): CompiledRule[] {
  const rules: CompiledRule[] = [];
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    try {
      rules.push(compileRule(parseLine(trimmed)));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      problems.push(`${name}:${index + 1}: ${error.message}`);
    }
  }
  if (rules.length > ACL_FILE_RULES_MAX) problems.push(`${name}: has ${rules.length} rules, at most ${ACL_FILE_RULES_MAX} are allowed`);
  if (problems.length > 0) throw new GatewayError('CONFIG_INVALID', problems.slice(0, PROBLEMS_MAX).join('\n'));
  return rules;
}

function parseLine(line: string): AccessRule {
  const [permission, action, topic, ...qualifiers] = wordsOf(line);
  if (permission !== 'allow' && permission !== 'deny') throw invalid(`a rule begins with allow or deny${mistaken(permission)}`);
  if (action !== 'publish' && action !== 'subscribe' && action !== 'all')
    throw invalid(`after ${permission} comes publish, subscribe or all, not ${JSON.stringify(action ?? '')}`);
  if (topic === undefined) throw invalid(`after ${action} comes a topic filter`);
  return { permission, action, topic, ...qualified(qualifiers) };
}

/** Quoted if it may be a slip of the pen: the lines of another file, of pre-shared keys say, are nobody's to print. */
function mistaken(word = ''): string {
  return /^[a-z]{1,12}$/i.test(word) ? `, not ${JSON.stringify(word)}` : '';
}

function qualified(words: readonly string[]): Qualified {
  const found: Qualified = {};
  for (const word of words) {
    const [, name = '', value = ''] = /^([a-z]+)=(.*)$/s.exec(word) ?? [];
    const qualifier = Object.hasOwn(QUALIFIERS, name) ? QUALIFIERS[name] : undefined;
    const flag = Object.hasOwn(FLAGS, word) ? FLAGS[word] : undefined;
    if (flag !== undefined) found[flag] = true;
    else if (qualifier === undefined || value === '')
      throw invalid(`${JSON.stringify(word)} is none of user=, client=, address=, listener=, ${Object.keys(FLAGS).join(', ')}`);
    else if (found[qualifier] !== undefined) throw invalid(`${name}= is given twice`);
    else found[qualifier] = value;
  }
  return found;
}

function wordsOf(line: string): string[] {
  const words: string[] = [];
  WORD.lastIndex = 0;
  while (WORD.lastIndex < line.length) {
    const match = WORD.exec(line);
    if (match === null) throw invalid('a quotation mark is missing or misplaced');
    const [, prefix = '', quoted, plain] = match;
    words.push(plain ?? prefix + (quoted ?? '').replace(/\\(["\\])/g, '$1'));
  }
  return words;
}

function invalid(message: string): GatewayError {
  return new GatewayError('CONFIG_INVALID', message);
}
