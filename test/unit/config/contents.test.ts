// What of the files a configuration names is a secret: a backup asks the schema, and leaves those out.
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesToKeep } from '../../../src/cli/backup-files.ts';
import { filesNamedBy } from '../../../src/config/files.ts';
import { formatPath, keysOf } from '../../../src/config/paths.ts';
import { SCHEMA } from '../../../src/config/schema/schema.ts';
import { configWith } from './config-file.ts';

const KEYS = [...keysOf(SCHEMA)].map(({ path, key }) => ({ name: formatPath(path), kind: key.kind }));

describe('every file that a configuration names', () => {
  test('is told to be a secret or not', () => {
    const files = KEYS.filter(({ name, kind }) => kind.file !== undefined || /File$/.test(name));
    expect(files.length).toBeGreaterThan(15);
    expect(files.filter(({ kind }) => kind.contents === undefined).map(({ name }) => name)).toEqual([]);
  });

  test('is a secret when it holds keys or passwords', () => {
    const secret = KEYS.filter(({ kind }) => kind.contents === 'secret').map(({ name }) => name.replace(/^.*\.(?=\w+$)/, ''));
    expect([...new Set(secret)].sort()).toEqual(['keyFile', 'passwordFile', 'pskFile', 'usersFile']);
    const open = KEYS.filter(({ kind }) => kind.contents === 'public').map(({ name }) => name.replace(/^.*\.(?=\w+$)/, ''));
    expect([...new Set(open)].sort()).toEqual(['aclFile', 'caFile', 'certFile', 'crlFile']);
  });
});

describe('what a backup takes along', () => {
  const yaml = `
mqtt: {listeners: [{name: a, type: tls, bind: 127.0.0.1:1, tls: {certFile: /etc/a/server.pem, keyFile: /etc/a/server.key}}]}
access: {aclFile: /srv/data/acl}
bridges: [{name: cloud, address: example.org:8883, passwordFile: credential:cloud, topics: [{filter: "#"}], tls: {caFile: /etc/b/server.pem}}]
`;
  const config = () => configWith({ yaml, data: '/srv/data', files: 'ignored', environment: { CREDENTIALS_DIRECTORY: '/run/c' } });

  test('is every file by its absolute path, in lists too', () => {
    expect(filesNamedBy(config()).map(({ path, file, isSecret }) => [formatPath(path), file, isSecret])).toEqual([
      ['mqtt.listeners[0].tls.certFile', '/etc/a/server.pem', false],
      ['mqtt.listeners[0].tls.keyFile', '/etc/a/server.key', true],
      ['access.usersFile', '/srv/data/users.json', true],
      ['access.aclFile', '/srv/data/acl', false],
      ['bridges[0].passwordFile', '/run/c/cloud', true],
      ['bridges[0].tls.caFile', '/etc/b/server.pem', false],
    ]);
  });

  test('has names of its own, and knows what goes back into the data directory', () => {
    const kept = filesToKeep({ config: config(), file: join(import.meta.dirname, 'config-file.ts'), written: {} });
    expect(kept.map(({ name, place }) => [name, place])).toEqual([
      ['config-file.ts', ''],
      ['in-effect.yaml', ''],
      ['server.pem', ''],
      ['server.key', ''],
      ['users.json', 'users.json'],
      ['acl', 'acl'],
      ['cloud', ''],
      ['2-server.pem', ''],
    ]);
  });
});
