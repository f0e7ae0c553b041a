// Suites that need another program say so once: `describeWithPeers(['mosquitto'], 'MQTT 5 §4.3 ...', () => { ... })`.
import { describe, test } from 'vitest';
import { findPeer, installCommand, missingPackages, type Peer } from '../../scripts/peers.ts';

/**
 * The absolute path of a program from Debian.
 *
 * @throws when it is missing: call it inside a suite made by `describeWithPeers`.
 */
export function peer(name: Peer): string {
  const path = findPeer(name);
  if (path === undefined) throw new Error(`${name} is missing: ${installCommand(missingPackages([name]))}`);
  return path;
}

/** A suite that runs where all its peers are; where one is missing it is skipped with the command that installs it, and under CI it fails. */
export function describeWithPeers(peers: readonly Peer[], title: string, suite: () => void): void {
  const missing = missingPackages(peers);
  if (missing.length === 0) {
    describe(title, suite);
    return;
  }
  const reason = `needs: ${installCommand(missing)}`;
  if (process.env['CI']) {
    describe(title, () => {
      test(reason, () => {
        throw new Error(reason);
      });
    });
    return;
  }
  describe.skipIf(true)(`${title} (${reason})`, suite);
}
