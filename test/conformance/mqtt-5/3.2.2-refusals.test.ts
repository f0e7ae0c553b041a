// Every way the core may refuse a client, as each version is told.
import { describe, expect, test } from 'vitest';
import type { RefusalReason } from '../../../src/gateway/gateway.ts';
import { connect, MqttBench, publishBytes } from '../../support/mqtt.ts';

/** Reason Code of 5.0, return code of 3.1.1 and 3.1. */
const TOLD = {
  'bad-credentials': [0x86, 4],
  'bad-authentication-method': [0x8c, 5],
  banned: [0x8a, 5],
  'not-authorized': [0x87, 5],
  'identifier-taken': [0x85, 2],
  'rate-exceeded': [0x9f, 3],
  'quota-exceeded': [0x97, 3],
  busy: [0x89, 3],
  unavailable: [0x88, 3],
  'use-another-server': [0x9c, 3],
  'server-moved': [0x9d, 3],
} as const satisfies Record<RefusalReason, readonly [reasonCode: number, returnCode: number]>;
const REASONS = Object.keys(TOLD) as RefusalReason[];
const CASES = REASONS.flatMap((reason) => ([5, 4, 3] as const).map((version) => ({ reason, version, code: TOLD[reason][version === 5 ? 0 : 1] })));

describe('MQTT 5 §3.2.2.2, 3.1.1 §3.2.2.3 a CONNECT that is refused', () => {
  test.each(CASES)(
    'MQTT-3.2.2-6, -7, -8, MQTT-3.2.2-4, -5 of 3.1.1: $reason is told as $code in version $version, Session Present 0, and closed',
    async ({ reason, version, code }) => {
      const bench = MqttBench.unstarted({});
      await bench.gateway.start({ ...bench.core.context('mqtt'), connect: async () => ({ kind: 'refused', reason }) });
      const peer = bench.peer(version).sends(connect({ version, cleanStart: false }), publishBytes(version, 'a', 'x'));
      const hex = code.toString(16).padStart(2, '0');
      await peer.expectsOctets(version === 5 ? `20 03 00 ${hex} 00` : `20 02 00 ${hex}`);
      expect(peer.link.isEnded).toBe(true);
      expect(bench.core.broker.sessionCount).toBe(0);
    },
  );
});
