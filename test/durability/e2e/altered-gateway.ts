// The program with its store altered: `node altered-gateway.ts FAULT start ...`. Only the harness runs it.
import { processSurroundings } from '../../../src/cli/process-surroundings.ts';
import { run } from '../../../src/cli/program.ts';
import { composeGateway } from '../../../src/runtime.ts';
import { overridesOf } from './faults.ts';

const [name = '', ...args] = process.argv.slice(2);
const overrides = overridesOf(name);
process.exit(await run(args, { ...processSurroundings(), startGateway: (options) => composeGateway(options, overrides) }));
