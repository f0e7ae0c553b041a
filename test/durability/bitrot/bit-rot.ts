// Damages the files of stores, one damage at a time, and opens them again. A store must always open, lose at most the messages of groups whose bytes
// were hit wherever they lie, say the number of each group it lost, and go on working.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { clientId, realm } from '../../../src/model/client.ts';
import type { SqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { RecordingLog } from '../../support/recording-log.ts';
import { durable, FACTS, messageOf, QOS_1 } from '../../support/store-samples.ts';
import { Draws } from '../../support/store-workload.ts';
import { damaged } from './damages.ts';
import { type DamageCase, Judgement } from './judgement.ts';
import type { FileName } from './oracle.ts';
import { contentsIn, FILES, grow, openAt, type Specimen } from './specimens.ts';

export interface BitRotRun {
  readonly cases: number;
  readonly seed: number;
  /** One case of the run, for a closer look. */
  readonly only?: number | undefined;
  readonly onCase?: ((done: number) => void) | undefined;
}

export interface BitRotReport {
  cases: number;
  readonly byKind: Map<string, number>;
  /** Cases after which everything was there. */
  whole: number;
  /** Cases that cost groups, and how many. */
  losing: number;
  groupsLost: number;
  messagesLost: number;
  /** Entries that were settled and came back. */
  messagesAgain: number;
  /** Cases in which a file was set aside. */
  setAside: number;
  readonly violations: string[];
}

/** Damages per store that was grown. */
const CASES_PER_SPECIMEN = 25;

export async function rot({ cases, seed, only, onCase }: BitRotRun): Promise<BitRotReport> {
  const root = mkdtempSync(join(tmpdir(), 'postern-rot-'));
  const report: BitRotReport = {
    cases: 0,
    byKind: new Map(),
    whole: 0,
    losing: 0,
    groupsLost: 0,
    messagesLost: 0,
    messagesAgain: 0,
    setAside: 0,
    violations: [],
  };
  try {
    let specimen: Specimen | undefined;
    for (let number = 0; number < cases; number += 1) {
      const grown = Math.floor(number / CASES_PER_SPECIMEN);
      if (number % CASES_PER_SPECIMEN === 0) specimen = await grow(root, seed + grown, grown % 2 === 0 ? 'killed' : 'closed');
      if (specimen !== undefined && (only ?? number) === number) await damageOnce(root, specimen, new Draws(seed, 1_000_000 + number), report);
      report.cases += 1;
      onCase?.(report.cases);
    }
  } finally {
    rmSync(root, { recursive: true });
  }
  return report;
}

async function damageOnce(root: string, specimen: Specimen, draws: Draws, report: BitRotReport): Promise<void> {
  const file: FileName = specimen.log.length > 0 && draws.below(2) === 0 ? 'log' : 'database';
  const damage = damaged(specimen[file], draws);
  const kind = `${specimen.end}, ${file}: ${damage.name}`;
  report.byKind.set(kind, (report.byKind.get(kind) ?? 0) + 1);
  const directory = join(root, 'damaged');
  cpSync(specimen.directory, directory, { recursive: true });
  writeFileSync(join(directory, FILES[file]), damage.bytes);
  const told = `case ${report.cases} (${kind} at ${damage.hit[0]?.start ?? 'nowhere'})`;
  try {
    await judge(directory, { specimen, file, damage }, report, told);
  } catch (error) {
    report.violations.push(`${told}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  rmSync(directory, { recursive: true });
}

async function judge(directory: string, damageCase: DamageCase, report: BitRotReport, told: string): Promise<void> {
  const { specimen } = damageCase;
  const log = new RecordingLog();
  const store = openAt(directory, log);
  const found = contentsIn(store);
  const status = store.status();
  const judgement = new Judgement(damageCase, status);
  judgement.compare(found);
  if (judgement.allowed.length === 0 && store.boot.lastSequence < specimen.lastSequence) judgement.violations.push('sequences are given twice');
  const said = log.lines.map((line) => JSON.stringify(line)).join(' ');
  const afterwards = await worksOn(directory, store);
  for (const violation of [...judgement.violations, ...afterwards]) report.violations.push(`${told}: ${violation}; ${said}`);
  report.messagesLost += judgement.messagesLost;
  report.messagesAgain += judgement.messagesAgain;
  report.groupsLost += judgement.groupsLost.size;
  if (status.quarantined.length > 0) report.setAside += 1;
  if (judgement.groupsLost.size > 0) report.losing += 1;
  if (isDeepStrictEqual(found, specimen.contents)) report.whole += 1;
}

/** @returns what does not work. */
async function worksOn(directory: string, store: SqliteStore): Promise<string[]> {
  const session = store.createSession(realm('mqtt'), clientId('afterwards'), FACTS);
  store.refer(session, QOS_1);
  const sequence = store.append(messageOf('plant/after', 'all'));
  await durable(store);
  const before = contentsIn(store);
  await store.close();
  const log = new RecordingLog();
  const again = openAt(directory, log);
  const after = contentsIn(again);
  const { quarantined } = again.status();
  await again.close();
  if (!after.sessions.some(([key, { queue }]) => key === 'mqtt\0afterwards' && queue.some(([each]) => each === sequence)))
    return ['what was appended afterwards is gone'];
  if (quarantined.length > 0) return [`it is damaged again: ${JSON.stringify(log.lines)}`];
  return isDeepStrictEqual(before, after) ? [] : ['it differs after it was closed and opened again'];
}
