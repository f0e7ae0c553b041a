// The files a configuration names, read as a start reads them; nothing of them is kept.
import { existsSync } from 'node:fs';
import { readAclFile } from '../access/acl-file.ts';
import type { Config } from '../config/config.ts';
import { mqttListeners, type SecureWebSocketListener, type TlsListener } from '../config/mqtt-listeners.ts';
import { GatewayError } from '../model/errors.ts';
import { bridgeTlsLoader } from './bridge-factory.ts';
import { tlsLoader } from './mqtt-front.ts';

/** @returns what keeps a gateway from starting with these files, a sentence each. Credentials that are out of reach are taken on trust. */
export async function fileProblems({ mqtt, bridges, access: { aclFile } }: Config): Promise<readonly string[]> {
  const attempts: (() => unknown)[] = aclFile === undefined ? [] : [() => readAclFile(aclFile)];
  for (const listener of mqttListeners(mqtt)) {
    if ('tls' in listener && hasItsKeys(listener)) attempts.push(await tlsLoader(listener));
  }
  for (const bridge of bridges) {
    const { enabled, keyFile, pskFile } = bridge.tls;
    if (enabled && isThere(keyFile) && isThere(pskFile)) attempts.push(await bridgeTlsLoader(bridge));
  }
  return attempts.flatMap(problemsOf);
}

function hasItsKeys({ tls: { keyFile, pskFile } }: TlsListener | SecureWebSocketListener): boolean {
  return isThere(keyFile) && isThere(pskFile);
}

function isThere(path: string | undefined): boolean {
  return path === undefined || existsSync(path);
}

function problemsOf(attempt: () => unknown): readonly string[] {
  try {
    attempt();
    return [];
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error.message.split('\n');
  }
}
