// Which regular expressions of a configuration may be tried on texts from anybody: those a backtracking engine decides in time quadratic in the text.
import { PATTERN_CHARS_MAX } from './limits.ts';

const ATOM = /\\.|\[\^?(?:\\.|[^\]\\])*\]|[^\\[\]()*+?{}|]/uy;
const QUANTIFIER = /(?:[*+?]|\{\d+(?:,\d*)?\})\??/uy;
/** `[^/]`, `\d`, `\w`: they cannot run past the end of a level. */
const WITHIN_LEVEL = /^(?:\[\^\/\]|\\[dw])$/;
/** What ends a level, behind the ends of groups. */
const LEVEL_END = /^\)*(?:\/|\\\/|\$|$)/;
/** Repetitions that may run over levels; a missing `^` is one more, for the engine then tries every start. */
const WIDE_REPETITIONS_MAX = 2;
/** Each doubles the ways to try. */
const OPTIONAL_MAX = 3;

/** @returns what is wrong with it; undefined: nothing. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > PATTERN_CHARS_MAX) return `the pattern is longer than ${PATTERN_CHARS_MAX} characters`;
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    return error instanceof SyntaxError ? error.message : String(error);
  }
  if (/\(\?(?!:)/.test(pattern)) return 'only plain groups and (?:…) are allowed in the pattern';
  if (/\\[1-9k]/.test(pattern)) return 'the pattern must not refer back to a group';
  if (/\)(?:[*+?]|\{)/.test(pattern.replace(/\\./g, '__'))) return 'a group of the pattern must not be repeated';
  const { wide: repeated, optional } = repetitions(pattern);
  if (optional > OPTIONAL_MAX) return `at most ${OPTIONAL_MAX} characters of the pattern may be optional`;
  const wide = repeated + (pattern.startsWith('^') ? 0 : 1);
  if (wide > WIDE_REPETITIONS_MAX) return 'at most two repetitions like .+ are allowed in a pattern that begins with ^, one in others; use [^/]+ for a level';
  return undefined;
}

function repetitions(pattern: string): { readonly wide: number; readonly optional: number } {
  let wide = 0;
  let optional = 0;
  let atom = '';
  for (let at = 0; at < pattern.length; ) {
    const repetition = tokenAt(QUANTIFIER, pattern, at);
    if (repetition !== undefined) {
      at += repetition.length;
      const staysWithinLevel = WITHIN_LEVEL.test(atom) && LEVEL_END.test(pattern.slice(at));
      if (repetition.startsWith('?')) optional += 1;
      else if (!staysWithinLevel) wide += 1;
    } else {
      atom = tokenAt(ATOM, pattern, at) ?? pattern.charAt(at);
      at += atom.length;
    }
  }
  return { wide, optional };
}

function tokenAt(kind: RegExp, pattern: string, at: number): string | undefined {
  kind.lastIndex = at;
  return kind.exec(pattern)?.[0];
}
