import { describe, expect, test } from 'vitest';
import { cpuTicks, parseCoreList } from '../../../scripts/bench/proc.ts';

describe('proc_pid_stat(5)', () => {
  test.each([
    ['a plain name', '42 (node) S 1 42 42 0 -1 4194560 100 0 0 0 31 7 0 0 20 0 11 0 12345'],
    ['a name with blanks and parentheses', '42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 31 7 0 0 20 0 11 0 12345'],
  ])('utime and stime behind %s', (_name, stat) => {
    expect(cpuTicks(stat)).toEqual([31, 7]);
  });
});

describe('Cpus_allowed_list', () => {
  test.each([
    ['0', [0]],
    ['0-1', [0, 1]],
    ['0-2,5', [0, 1, 2, 5]],
    ['3,7-8', [3, 7, 8]],
  ])('%s is %j', (list, cores) => {
    expect(parseCoreList(list)).toEqual(cores);
  });
});
