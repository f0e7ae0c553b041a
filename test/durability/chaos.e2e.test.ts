// End to end and in short; `npm run durability` is the same at length.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWithPeers } from '../support/peers.ts';
import { runBridgeChaos } from './e2e/bridge-chaos.ts';
import { bridgeWeaknesses } from './e2e/bridge-report.ts';
import { runChaos } from './e2e/chaos.ts';
import { type ChaosReport, violations, weaknesses } from './e2e/report.ts';
import { runBystander, runSlowDisk, type SlowDiskOptions } from './e2e/slow-disk.ts';
import { type CentreName, NEEDED, type Variant, Workshop } from './e2e/workshop.ts';
import { COMMITTERS, type CommitterName } from './store/process.ts';

const SEED = 20_261;
const SENSORS = 20;
const ACKNOWLEDGED_PER_KILL_MIN = 40;
const BRIDGED_PER_KILL_MIN = 5;
const SYNC_MS = 200;
/** A machine that has much else to do. */
const TEST_MS_MAX = 180_000;

describeWithPeers(NEEDED, 'what was acknowledged is not lost', () => {
  let workshop: Workshop;
  beforeAll(() => {
    workshop = new Workshop();
  });
  afterAll(() => workshop.close());

  interface Run {
    readonly kills: number;
    readonly bridgeQos: 1 | 2;
    readonly committer: CommitterName;
  }

  async function chaos(centre: CentreName, variant: Variant, run: Run): Promise<ChaosReport> {
    const { slowFsync, mosquittoPub, clock } = workshop;
    const directory = workshop.place('chaos');
    return runChaos({
      ...run,
      seed: SEED,
      sensors: SENSORS,
      entry: workshop.entryOf(variant),
      centre: await workshop.centre(centre, directory),
      slowFsync,
      mosquittoPub,
      clock,
      directory,
      calmMsMax: variant === 'as-shipped' ? 30_000 : 5_000,
    });
  }

  describe('20 sensors on a bad network, the gateway killed at random, the centre coming and going', () => {
    test.each<[CentreName, CommitterName, Omit<Run, 'committer'>]>([
      ['mosquitto', 'inline', { kills: 10, bridgeQos: 2 }],
      ['postern', 'worker', { kills: 8, bridgeQos: 2 }],
      ['postern', 'inline', { kills: 4, bridgeQos: 2 }],
      ['mosquitto', 'worker', { kills: 4, bridgeQos: 1 }],
    ])(
      'centre %s, committer %s, %o',
      async (centre, committer, run) => {
        const report = await chaos(centre, 'as-shipped', { ...run, committer });
        expect(violations(report)).toEqual([]);
        expect(weaknesses(report, run.kills * ACKNOWLEDGED_PER_KILL_MIN)).toEqual([]);
      },
      TEST_MS_MAX,
    );
  });

  describe('both ends of a bridge killed at random, and the wire between them broken', () => {
    test.each<[CentreName, CommitterName]>([
      ['postern', 'inline'],
      ['mosquitto', 'worker'],
    ])(
      'centre %s, committer %s',
      async (centre, committer) => {
        const { slowFsync, clock } = workshop;
        const directory = workshop.place('bridge');
        const report = await runBridgeChaos({
          seed: SEED,
          kills: 8,
          bridgeQos: 2,
          committer,
          entry: workshop.entryOf('as-shipped'),
          centre: await workshop.centre(centre, directory),
          slowFsync,
          clock,
          directory,
          calmMsMax: 30_000,
        });
        expect(violations(report)).toEqual([]);
        expect(bridgeWeaknesses(report, BRIDGED_PER_KILL_MIN)).toEqual([]);
      },
      TEST_MS_MAX,
    );
  });

  describe('a planted fault is seen', () => {
    test(
      'ack-before-commit: lost messages',
      async () => {
        expect(violations(await chaos('mosquitto', 'ack-before-commit', { kills: 3, bridgeQos: 2, committer: 'inline' })).join('\n')).toMatch(
          /^lost at the centre: /m,
        );
      },
      TEST_MS_MAX,
    );

    test('forgotten-receiver-id: repeated messages', { timeout: TEST_MS_MAX }, async () => {
      const report = await chaos('mosquitto', 'forgotten-receiver-id', { kills: 2, bridgeQos: 2, committer: 'worker' });
      expect(violations(report).join('\n')).toMatch(/^QoS 2 more than once at the centre: /m);
    });
  });

  describe(`a disk that takes ${SYNC_MS} ms to flush`, () => {
    const options = (variant: Variant, committer: CommitterName, rounds: number): SlowDiskOptions => {
      const { slowFsync, clock } = workshop;
      return { entry: workshop.entryOf(variant), slowFsync, clock, committer, directory: workshop.place('slow-disk'), syncMs: SYNC_MS, rounds };
    };

    test.each(COMMITTERS)('no acknowledgement leaves before its message is on it, committer %s', async (committer) => {
      const { answers, violations: early } = await runSlowDisk(options('as-shipped', committer, 2));
      expect(early).toEqual([]);
      const names = ['CONNACK', 'SUBACK', 'UNSUBACK', 'PUBACK', 'PUBREC', 'PUBCOMP'].map((name) => [`MQTT ${name}`, `MQTT-SN ${name}`]);
      expect(answers.map(({ name }) => name).sort()).toEqual([...names.flat(), 'MQTT-SN REGACK', 'MQTT-SN DISCONNECT'].sort());
    });

    test.each(COMMITTERS)('synchronous-off is seen, committer %s', async (committer) => {
      expect((await runSlowDisk(options('synchronous-off', committer, 1))).violations).toContainEqual(expect.stringMatching(/^MQTT PUBACK after/));
    });

    test('and a thread for commits: another client goes on meanwhile', async () => {
      const counts = await runBystander(options('as-shipped', 'worker', 5));
      expect(Math.min(...counts)).toBeGreaterThan(5);
    });

    test('and none: it does not', async () => {
      const counts = await runBystander(options('as-shipped', 'inline', 5));
      expect(Math.max(...counts)).toBeLessThanOrEqual(2);
    });
  });
});
