// `postern selftest` on the command line.
import type { Command } from 'commander';
import { withConfigOptions } from './config-options.ts';
import { type SelftestOptions, selftest } from './selftest.ts';
import type { Surroundings } from './surroundings.ts';

const EPILOGUE = `
How: start it, pull the plug while it counts, power up again, and compare.
  postern selftest --power-loss                            count, and show what the disk acknowledged
  postern selftest --power-loss --verify 48211             compare with the last number you read
More exactly, with a second host that listens:
  postern selftest --receive 5005                          there
  postern selftest --power-loss --report-to 192.0.2.7:5005
  postern selftest --power-loss --heard selftest-heard.txt with the file from there
Exit code 0: nothing was lost; 65: something was.
`;

export function withSelftestCommand(program: Command, surroundings: Surroundings, exit: (code: number) => void): void {
  withConfigOptions(program.command('selftest'))
    .description('test whether this disk keeps what it acknowledged when its power goes')
    .option('--power-loss', 'write to the disk of the data directory, and show what it acknowledged')
    .option('--directory <directory>', 'test the disk of another directory')
    .option('--report-to <host:port>', 'tell another host each number, by UDP')
    .option('--seconds <n>', 'stop by itself after so long')
    .option('--verify [number]', 'compare what is on the disk with the last number that was shown')
    .option('--heard <file>', 'compare it with what a receiver heard')
    .option('--clean', 'remove what a run has left')
    .option('--receive <port>', 'listen for numbers of another host, and write them down')
    .option('--file <file>', 'where to write them (selftest-heard.txt)')
    .addHelpText('after', EPILOGUE)
    .action(async (options: SelftestOptions) => exit(await selftest(options, surroundings)));
}
