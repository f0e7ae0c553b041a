// What every run needs: the program, compiled and set aside so that no build replaces it meanwhile; the slow disk; the peers; a place for data.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileSlowFsync } from '../../../scripts/bench/generator.ts';
import { build } from '../../../scripts/build.ts';
import { findPeer, installCommand, missingPackages, type Peer } from '../../../scripts/peers.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { SystemClock } from '../../../src/observe/system-clock.ts';
import { type Centre, PosternCentre } from './centre.ts';
import type { FaultName } from './faults.ts';
import { MosquittoCentre } from './mosquitto.ts';
import { freeTcpPort } from './network.ts';

export const NEEDED: readonly Peer[] = ['mosquitto', 'mosquitto_pub', 'gcc', '/usr/include/stdio.h'];

const ALTERED = fileURLToPath(new URL('./altered-gateway.ts', import.meta.url));

export type CentreName = 'mosquitto' | 'postern';
/** The program as it ships, or with its store altered. */
export type Variant = 'as-shipped' | FaultName;

export class Workshop {
  readonly clock: Clock = new SystemClock();
  readonly slowFsync: string;
  readonly mosquittoPub: string;
  readonly #program: string;
  readonly #root = mkdtempSync(join(tmpdir(), 'postern-durability-'));

  /** @throws when the program does not compile or a peer is missing. */
  constructor() {
    const entry = build();
    if (entry === undefined) throw new Error('Postern does not compile');
    this.#program = resolve(`dist.durability-${process.pid}`); // in the repository, where its packages are found
    cpSync(dirname(dirname(entry)), this.#program, { recursive: true });
    this.slowFsync = compileSlowFsync(program('gcc'), this.#root);
    this.mosquittoPub = program('mosquitto_pub');
  }

  /** Node's arguments up to the command of the gateway. */
  entryOf(variant: Variant): readonly string[] {
    return variant === 'as-shipped' ? [join(this.#program, 'src/main.js')] : [ALTERED, variant];
  }

  /** An empty directory. */
  place(name: string): string {
    return mkdtempSync(join(this.#root, `${name}-`));
  }

  /** Its data lies in `directory`. */
  async centre(name: CentreName, directory: string): Promise<Centre> {
    const home = join(directory, 'centre');
    mkdirSync(home);
    const port = await freeTcpPort();
    if (name === 'mosquitto') return new MosquittoCentre({ program: program('mosquitto'), port, directory: home });
    return new PosternCentre({ port, entry: this.entryOf('as-shipped'), directory: home, clock: this.clock });
  }

  close(): void {
    for (const directory of [this.#root, this.#program]) rmSync(directory, { recursive: true, force: true });
  }
}

function program(peer: Peer): string {
  const path = findPeer(peer);
  if (path === undefined) throw new Error(`${peer} is missing: ${installCommand(missingPackages(NEEDED))}`);
  return path;
}
