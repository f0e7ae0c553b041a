import { describe, expect, test } from 'vitest';
import { findPeer, installCommand } from '../../../scripts/peers.ts';
import { type Outcome, ours, PlantedTree } from '../../support/planted-tree.ts';

describe('finding a peer', () => {
  test('in PATH first, then where only root looks', () => {
    using tree = new PlantedTree({ 'text/openssl': 'no program', 'bin/openssl': '#!/bin/sh\n' });
    expect(findPeer('openssl', `/nowhere:${tree.path('text')}:${tree.path('bin')}`)).toBe(tree.path('bin/openssl'));
  });

  test('the command that installs', () => {
    expect(installCommand(['mosquitto', 'gcc'])).toBe('sudo apt-get install --no-install-recommends mosquitto gcc');
  });
});

describe('a suite whose peer is missing', () => {
  const command = 'sudo apt-get install --no-install-recommends postern-no-such-package';
  const runWith = (environment: Record<string, string>): Outcome => {
    using tree = new PlantedTree(
      {
        ...ours('test/support/peers.ts'),
        'scripts/peers.ts': `${ours('scripts/peers.ts')['scripts/peers.ts']}`.replace("gcc: 'gcc'", "gcc: 'gcc', 'no-such-peer': 'postern-no-such-package'"),
        'test/unit/planted.test.ts': `
          import { expect, test } from 'vitest';
          import { describeWithPeers, peer } from '../support/peers.ts';
          describeWithPeers(['no-such-peer'], 'clause', () => { test('a', () => { expect(1).toBe(1); }); test('b', () => { expect(1).toBe(1); }); });
          describeWithPeers([], 'no peer', () => { test('c', () => { expect(() => peer('no-such-peer')).toThrow('${command}'); }); });
        `,
      },
      environment,
    );
    return tree.run('scripts/test.ts', 'unit');
  };

  test('is skipped with the command that installs it', () => {
    const { status, lines } = runWith({ CI: '' });
    expect(lines.at(-1)).toBe('1 passed, 0 failed, 2 skipped');
    expect(status).toBe(0);
  });

  test('fails under CI, and says the same', () => {
    const { status, lines } = runWith({ CI: 'true' });
    expect(lines.at(-1)).toBe('1 passed, 1 failed');
    expect(lines.filter((line) => line.includes(command))).not.toEqual([]);
    expect(status).toBe(1);
  });
});
