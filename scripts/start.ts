// `npm start [-- command] [arguments]`: compiles when sources are newer and becomes the program; `start` when no command is named.
import { build } from './build.ts';
import { RUNTIME_OPTIONS } from './runtime-options.ts';

const TOP_LEVEL = /^(-h|--help|-V|--version)$/;
const [first = ''] = process.argv.slice(2);
const isCommand = first !== '' && !first.startsWith('-');
const args = [...(isCommand || TOP_LEVEL.test(first) ? [] : ['start']), ...process.argv.slice(2)];

const program = build();
if (program === undefined) process.exit(1);
process.execve?.(process.execPath, [process.execPath, ...RUNTIME_OPTIONS, program, ...args], process.env);
