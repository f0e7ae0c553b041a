import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { GatewayError } from '../model/errors.ts';

/** Longer than any password; what follows is not read. */
const SECRET_BYTES_MAX = 65_536;

/**
 * A secret from standard input: a person types it twice and sees nothing of it, from a program or file the first line is taken.
 *
 * @param complain - where the person is asked.
 * @throws GatewayError CONFIG_INVALID - the input ended before, or the two are not the same.
 */
export async function readSecret(input: ReadStream | NodeJS.ReadStream, complain: (text: string) => void, called: string): Promise<string> {
  if (!input.isTTY) return firstLine(input, called);
  const secret = await typed(input, complain, `${called}: `);
  if ((await typed(input, complain, `${called} once more: `)) === secret) return secret;
  throw new GatewayError('CONFIG_INVALID', 'the two are not the same; nothing was changed');
}

async function firstLine(input: NodeJS.ReadableStream, called: string): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (text.includes('\n') || text.length > SECRET_BYTES_MAX) break;
  }
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line === '') throw new GatewayError('CONFIG_INVALID', `no ${called.toLowerCase()} came on standard input`);
  return line;
}

async function typed(input: NodeJS.ReadableStream, complain: (text: string) => void, prompt: string): Promise<string> {
  const blind = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: blind, terminal: true });
  const answer = new Promise<string | undefined>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(undefined)); // Ctrl+C or Ctrl+D
  });
  complain(prompt);
  try {
    const secret = await answer;
    if (secret === undefined) throw new GatewayError('CONFIG_INVALID', 'the input ended; nothing was changed');
    return secret;
  } finally {
    lines.close();
    complain('\n');
  }
}
