// End to end and in short; `npm run durability` is the same at length.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithPeers } from '../support/peers.ts';
import { runChaos } from './e2e/chaos.ts';
import { LATE_COMMITTER } from './e2e/faults.ts';
import { type ChaosReport, violations, weaknesses } from './e2e/report.ts';
import { runSlowDisk } from './e2e/slow-disk.ts';
import { type CentreName, NEEDED, type Variant, Workshop } from './e2e/workshop.ts';

const SEED = 20_261;
const SENSORS = 20;
const ACKNOWLEDGED_PER_KILL_MIN = 40;
const SYNC_MS = 200;
/** A machine that has much else to do. */
const TEST_MS_MAX = 180_000;

describeWithPeers(NEEDED, 'what was acknowledged is not lost', () => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = new Workshop();
  });
  afterAll(() => workshop.close());

  async function chaos(centre: CentreName, variant: Variant, { kills, bridgeQos }: { kills: number; bridgeQos: 1 | 2 }): Promise<ChaosReport> {
    const { slowFsync, mosquittoPub, clock } = workshop;
    const directory = workshop.place('chaos');
    const isSound = variant === 'as-shipped' || variant === LATE_COMMITTER;
    return runChaos({
      seed: SEED,
      kills,
      sensors: SENSORS,
      bridgeQos,
      entry: workshop.entryOf(variant),
      centre: await workshop.centre(centre, directory),
      slowFsync,
      mosquittoPub,
      clock,
      directory,
      calmMsMax: isSound ? 30_000 : 5_000,
    });
  }

  describe('20 sensors on a bad network, the gateway killed at random, the centre coming and going', () => {
    test.each<[CentreName, Variant, { kills: number; bridgeQos: 1 | 2 }]>([
      ['mosquitto', 'as-shipped', { kills: 10, bridgeQos: 2 }],
      ['postern', 'as-shipped', { kills: 10, bridgeQos: 2 }],
      ['postern', LATE_COMMITTER, { kills: 4, bridgeQos: 2 }],
      ['mosquitto', 'as-shipped', { kills: 4, bridgeQos: 1 }],
    ])(
      'centre %s, %s, %o',
      async (centre, variant, run) => {
        const report = await chaos(centre, variant, run);
        expect(violations(report)).toEqual([]);
        expect(weaknesses(report, run.kills * ACKNOWLEDGED_PER_KILL_MIN)).toEqual([]);
      },
      TEST_MS_MAX,
    );
  });

  describe('a planted fault is seen', () => {
    test(
      'ack-before-commit: lost messages',
      async () => {
        expect(violations(await chaos('mosquitto', 'ack-before-commit', { kills: 3, bridgeQos: 2 })).join('\n')).toMatch(/^lost at the centre: /m);
      },
      TEST_MS_MAX,
    );

    test('forgotten-receiver-id: repeated messages', { timeout: TEST_MS_MAX }, async () => {
      const report = await chaos('mosquitto', 'forgotten-receiver-id', { kills: 2, bridgeQos: 2 });
      expect(violations(report).join('\n')).toMatch(/^QoS 2 more than once at the centre: /m);
    });
  });

  describe(`a disk that takes ${SYNC_MS} ms to flush`, () => {
    const slowDisk = (variant: Variant, rounds: number) => {
      const { slowFsync, clock } = workshop;
      return runSlowDisk({ entry: workshop.entryOf(variant), slowFsync, clock, directory: workshop.place('slow-disk'), syncMs: SYNC_MS, rounds });
    };

    test('no acknowledgement leaves before its message is on it', async () => {
      const { answers, violations: early } = await slowDisk('as-shipped', 2);
      expect(early).toEqual([]);
      const names = ['CONNACK', 'SUBACK', 'UNSUBACK', 'PUBACK', 'PUBREC', 'PUBCOMP'].map((name) => [`MQTT ${name}`, `MQTT-SN ${name}`]);
      expect(answers.map(({ name }) => name).sort()).toEqual([...names.flat(), 'MQTT-SN REGACK', 'MQTT-SN DISCONNECT'].sort());
    });

    test('synchronous-off is seen', async () => {
      expect((await slowDisk('synchronous-off', 1)).violations).toContainEqual(expect.stringMatching(/^MQTT PUBACK after/));
    });
  });
});
