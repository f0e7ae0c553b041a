// The program with a planted fault: `node faulty-gateway.ts FAULT start ...`. Only the harness runs it.
import { processSurroundings } from '../../../src/cli/process-surroundings.ts';
import { run } from '../../../src/cli/program.ts';
import { composeGateway } from '../../../src/runtime.ts';
import { FAULTS, isFaultName } from './faults.ts';

const [name = '', ...args] = process.argv.slice(2);
if (!isFaultName(name)) throw new Error(`no such fault: ${name}`);
const { overrides } = FAULTS[name];
process.exit(await run(args, { ...processSurroundings(), startGateway: (options) => composeGateway(options, overrides) }));
