import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { EXIT } from './exit-codes.ts';
import { StreamProof, type StreamVerdict } from './stream-proof.ts';
import { streamRecord } from './stream-record.ts';
import type { Surroundings } from './surroundings.ts';

export interface VerifyOptions {
  readonly devices?: boolean;
  readonly whole?: boolean;
  readonly json?: boolean;
}

export function withVerifyStreamCommand(program: Command, surroundings: Surroundings, exit: (code: number) => void): void {
  program
    .command('verify-stream <file>')
    .description("prove that a recording of what bridges sent is complete: the JSON lines of mosquitto_sub -F '%j', of bridges with provenance")
    .option('-w, --whole', 'the recording is to hold everything from the first message on')
    .option('-d, --devices', 'the recording holds some devices only: look at their own numbers')
    .option('-j, --json', 'print it for programs')
    .action(async (file: string, options: VerifyOptions) => {
      exit(await verifyStream(file, options, surroundings));
    });
}

/** Says of each bridge whether everything arrived; what is missing makes it fail. */
export async function verifyStream(
  file: string,
  { devices, whole, json }: VerifyOptions,
  { write, complain }: Pick<Surroundings, 'write' | 'complain'>,
): Promise<number> {
  const proof = new StreamProof();
  try {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const record = streamRecord(line);
      if (record !== undefined) proof.add(record);
    }
  } catch (error) {
    complain(`postern: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.usage;
  }
  const verdicts = proof.verdicts(devices === true ? 'device' : 'bridge', whole === true);
  if (verdicts.length === 0) {
    complain(`postern: nothing in ${file} has a number: are its messages of a bridge with provenance, and recorded with their properties?\n`);
    return EXIT.dataError;
  }
  write(json === true ? `${JSON.stringify(verdicts)}\n` : verdicts.map(verdictText).join(''));
  return verdicts.every(({ problems }) => problems.length === 0) ? EXIT.ok : EXIT.failed;
}

function verdictText({ bridge, messages, duplicates, explained, problems, upTo }: StreamVerdict): string {
  const lost = Object.entries(explained).map(([cause, count]) => `, ${count} reported lost (${cause})`);
  const copies = duplicates === 0 ? '' : `, ${duplicates} more than once`;
  const verdict = problems.length === 0 ? `complete up to ${upTo.seq} of boot ${upTo.boot}` : 'NOT complete';
  return [`${bridge}: ${verdict}: ${messages} messages${copies}${lost.join('')}`, ...problems.map((problem) => `  ${problem}`), ''].join('\n');
}
