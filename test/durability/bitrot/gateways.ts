// The whole program on damaged files: it starts, says what it lost, ends in order, and the next start finds nothing wrong any more.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '../../../src/observe/system-clock.ts';
import { Draws } from '../../support/store-workload.ts';
import { GatewayUnderTest } from '../e2e/gateway-under-test.ts';
import { freeTcpPort, HOST } from '../e2e/network.ts';
import { damaged } from './damages.ts';
import { FILES, grow } from './specimens.ts';

export interface GatewayReport {
  started: number;
  setAside: number;
  readonly violations: string[];
}

const ENTRY = ['src/main.ts'];
const STARTS_PER_SPECIMEN = 6;

export async function rotUnderGateways(starts: number, seed: number): Promise<GatewayReport> {
  const root = mkdtempSync(join(tmpdir(), 'postern-rot-'));
  const report: GatewayReport = { started: 0, setAside: 0, violations: [] };
  try {
    for (let grown = 0; grown * STARTS_PER_SPECIMEN < starts; grown += 1) {
      const specimen = await grow(root, seed + 50_000 + grown, grown % 2 === 0 ? 'killed' : 'closed');
      for (let number = grown * STARTS_PER_SPECIMEN; number < Math.min(starts, (grown + 1) * STARTS_PER_SPECIMEN); number += 1) {
        const draws = new Draws(seed, 2_000_000 + number);
        const file = specimen.log.length > 0 && draws.below(2) === 0 ? 'log' : 'database';
        const damage = damaged(specimen[file], draws);
        const directory = join(root, `gateway-${number}`);
        mkdirSync(directory);
        cpSync(specimen.directory, join(directory, 'data'), { recursive: true });
        writeFileSync(join(directory, 'data', FILES[file]), damage.bytes);
        await startTwice(directory, report, `gateway ${number} (${specimen.end}, ${file}: ${damage.name})`);
      }
    }
  } finally {
    rmSync(root, { recursive: true });
  }
  return report;
}

async function startTwice(directory: string, report: GatewayReport, told: string): Promise<void> {
  const configuration = { mqtt: { tcp: { bind: `${HOST}:${await freeTcpPort()}` } }, mqttSn: { udp: { enabled: false } } };
  const gateway = new GatewayUnderTest({ name: told, entry: ENTRY, directory, configuration, clock: new SystemClock() });
  try {
    await gateway.start();
    report.started += 1;
    const first = await gateway.status();
    if (first.store.quarantined.length > 0) report.setAside += 1;
    await gateway.stop();
    await gateway.start();
    const second = await gateway.status();
    if (second.store.quarantined.length > 0) report.violations.push(`${told}: damaged again after ${first.store.quarantined.join(' ')}`);
    if (second.store.boot !== first.store.boot + 1) report.violations.push(`${told}: boot ${second.store.boot} after ${first.store.boot}`);
    await gateway.stop();
  } catch (error) {
    report.violations.push(`${told}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
