import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../scripts/command-line.ts';
import { HELP, parseArguments } from '../../../scripts/durability/arguments.ts';

const SEED = 99;

describe('npm run durability -- ...', () => {
  test('without options: 200 kills, both centres, both committers, no fault', () => {
    expect(parseArguments([], SEED)).toEqual({
      isBridge: false,
      kills: 200,
      seed: SEED,
      sensors: 20,
      centres: ['mosquitto', 'postern'],
      committers: ['inline', 'worker'],
      faults: [],
      secondsMax: undefined,
    });
  });

  test('a fault is looked for with few kills', () => {
    expect(parseArguments(['--fault', 'early-pubcomp'], SEED)).toMatchObject({ kills: 6, centres: ['mosquitto'], faults: ['early-pubcomp'] });
  });

  test('the bridge alone, and not with a fault', () => {
    expect(parseArguments(['--bridge', '--kills', '500'], SEED)).toMatchObject({ isBridge: true, kills: 500 });
    expect(() => parseArguments(['--bridge', '--fault', 'all'], SEED)).toThrow(UsageError);
  });

  test('all faults', () => {
    expect(parseArguments(['--fault', 'all', '--kills', '3', '--centre', 'both'], SEED)).toMatchObject({
      kills: 3,
      centres: ['mosquitto', 'postern'],
      faults: ['ack-before-commit', 'synchronous-off', 'forgotten-receiver-id', 'row-deleted-at-send', 'early-pubcomp'],
    });
  });

  test('everything given', () => {
    expect(parseArguments(['--kills', '5', '--seed', '0', '--sensors', '3', '--centre', 'postern', '--committer', 'worker', '--seconds', '10'], SEED)).toEqual({
      isBridge: false,
      kills: 5,
      seed: 0,
      sensors: 3,
      centres: ['postern'],
      committers: ['worker'],
      faults: [],
      secondsMax: 10,
    });
  });

  test.each([
    [['--kills', '0'], '--kills wants a whole number from 1, not "0"'],
    [['--seed', 'x'], '--seed wants a whole number from 0, not "x"'],
    [['--sensors', '1.5'], '--sensors wants a whole number from 1, not "1.5"'],
    [['--fault', 'gremlins'], '--fault wants one of all ack-before-commit'],
    [['--committer', 'late'], '--committer wants inline, worker or both, not "late"'],
    [['--centre', 'emqx'], '--centre wants mosquitto, postern or both, not "emqx"'],
    [['--kill', '3'], "Unknown option '--kill'"],
    [['3'], 'Unexpected argument'],
  ])('%j is refused', (argv, message) => {
    expect(() => parseArguments(argv, SEED)).toThrow(UsageError);
    expect(() => parseArguments(argv, SEED)).toThrow(message);
  });

  test('--help names every fault', () => {
    expect(parseArguments(['--help'], SEED)).toBe('help');
    expect(HELP).toContain('row-deleted-at-send');
  });
});
