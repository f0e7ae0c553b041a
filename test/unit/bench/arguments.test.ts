import { describe, expect, test } from 'vitest';
import { type BenchArguments, parseArguments } from '../../../scripts/bench/arguments.ts';
import { UsageError } from '../../../scripts/command-line.ts';

function parsed(...argv: string[]): BenchArguments {
  const result = parseArguments(argv);
  if (result === 'help') throw new TypeError('expected arguments, not help');
  return result;
}

describe('npm run bench -- [options]', () => {
  test('by default at least 5 pairs, 9 sparse ones after 5 s of warm-up', () => {
    const { schedule, only, isSmoke, isSaved } = parsed();
    expect(schedule).toMatchObject({ pairs: 5, sparsePairs: 9, sparseWarmupSeconds: 5 });
    expect({ only, isSmoke, isSaved }).toEqual({ only: [], isSmoke: false, isSaved: false });
  });

  test('--pairs and --seconds hold for every scenario', () => {
    expect(parsed('--pairs', '11', '--seconds', '2.5').schedule).toMatchObject({ pairs: 11, sparsePairs: 11, seconds: 2.5 });
  });

  test('--smoke does everything once, and what is said beside it still holds', () => {
    expect(parsed('--smoke').schedule).toMatchObject({ pairs: 1, sparsePairs: 1, rounds: 1, starts: 1 });
    expect(parsed('--smoke', '--pairs', '3').schedule).toMatchObject({ pairs: 3, rounds: 1 });
  });

  test('--quick does less, but more than once', () => {
    const { schedule, isSmoke } = parsed('--quick');
    expect(schedule).toMatchObject({ pairs: 3, sparsePairs: 3 });
    expect(isSmoke).toBe(false);
  });

  test('--stored holds for the restart and, halved, for the drain', () => {
    expect([parsed().schedule.stored, parsed('--stored', '60000').schedule.stored]).toEqual([1_000_000, 60_000]);
  });

  test('--only may come again', () => {
    expect(parsed('--only', 'pairs', '--only', 'sparse-q0').only).toEqual(['pairs', 'sparse-q0']);
  });

  test('--help wins over the rest', () => {
    expect(parseArguments(['--smoke', '--help'])).toBe('help');
  });

  test.each([
    [['--pairs', '0']],
    [['--pairs', '2.5']],
    [['--pairs', 'many']],
    [['--seconds', '-1']],
    [['--seconds', '']],
    [['--seconds', 'Infinity']],
    [['--stored', '0']],
    [['--subject', 'server without a port']],
    [['--unknown']],
    [['pairs']],
    [['--only']],
  ])('%j is wrong usage', (argv) => {
    expect(() => parseArguments(argv)).toThrow(UsageError);
  });
});
