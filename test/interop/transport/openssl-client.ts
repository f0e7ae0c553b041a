import { spawn } from 'node:child_process';
import { peer } from '../../support/peers.ts';

/** What `openssl s_client` said of a handshake. */
interface Shaken {
  readonly output: string;
  /** Subject of the certificate it was shown. */
  readonly subject: string | undefined;
  /** `ECDHE-PSK-CHACHA20-POLY1305`; undefined: there was no agreement. */
  readonly cipher: string | undefined;
  readonly isResumed: boolean;
  readonly alpn: string | undefined;
}

/** Shakes hands and says goodbye. @param until - what it is to have said before. */
export async function opensslClient(port: number, args: readonly string[], until = /(?:)/): Promise<Shaken> {
  const child = spawn(peer('openssl'), ['s_client', '-connect', `127.0.0.1:${port}`, ...args]);
  let output = '';
  const hear = (text: string): void => {
    output += text;
    if (until.test(output)) child.stdin.end();
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
  await new Promise((resolve) => child.once('close', resolve));
  const cipher = /Cipher is (\S+)/.exec(output)?.[1];
  return {
    output,
    subject: /^subject=(.*)$/m.exec(output)?.[1],
    cipher: cipher === '(NONE)' ? undefined : cipher,
    isResumed: /^Reused, /m.test(output),
    alpn: /^ALPN protocol: (.*)$/m.exec(output)?.[1],
  };
}
