// The test certificates as files, and the settings of a TLS server that shows them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { loadServerTls, type ServerTls, type ServerTlsSettings } from '../../src/transport/tls-server-options.ts';
import { CLIENT_IDENTITY, FOREIGN_IDENTITY, SERVER_IDENTITY, TEST_AUTHORITY } from './certificates.ts';

/** @returns a directory that stays until the tests of the file are over. */
export function keptDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'postern-tls-'));
  directories.push(path);
  return path;
}

const directories: string[] = [];
afterAll(() => {
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});

const directory = keptDirectory();

/** @returns its path. */
export function writtenFile(name: string, content: string | Buffer, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content, { mode });
  return path;
}

export const TLS_FILES = {
  authority: writtenFile('ca.pem', TEST_AUTHORITY),
  server: { certFile: writtenFile('server.pem', SERVER_IDENTITY.cert), keyFile: writtenFile('server.key', SERVER_IDENTITY.key) },
  client: { certFile: writtenFile('client.pem', CLIENT_IDENTITY.cert), keyFile: writtenFile('client.key', CLIENT_IDENTITY.key) },
  foreign: { certFile: writtenFile('foreign.pem', FOREIGN_IDENTITY.cert), keyFile: writtenFile('foreign.key', FOREIGN_IDENTITY.key) },
};

/** A server that shows its certificate and asks for none. */
export function tlsSettings(changes: Partial<ServerTlsSettings> = {}): ServerTlsSettings {
  const { authority, server } = TLS_FILES;
  const defaults = { sni: [], clientCertificate: 'none', certificateIdentity: 'common-name', alpn: [], minVersion: '1.2' } as const;
  return { ...server, caFile: authority, ...defaults, ...changes };
}

/** For `TlsListenerOptions.loadTls`. */
export function tlsLoader(changes: Partial<ServerTlsSettings> = {}): () => ServerTls {
  return () => loadServerTls('mqtt.tls', tlsSettings(changes));
}
