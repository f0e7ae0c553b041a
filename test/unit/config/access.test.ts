import { describe, expect, test } from 'vitest';
import { configWith } from './config-file.ts';

describe('access', () => {
  test('users lie in the data directory unless it is said otherwise', () => {
    expect(configWith({ data: '/srv/postern' }).access.usersFile).toBe('/srv/postern/users.json');
    expect(configWith({ data: '/srv/postern', yaml: 'access: {usersFile: /etc/users.json}' }).access.usersFile).toBe('/etc/users.json');
  });

  test('an access list that cannot be read is found before anything starts', () => {
    expect(() => configWith({ yaml: 'access: {aclFile: /nowhere/access.acl}', files: 'required' })).toThrow(
      'access.aclFile must be the path of a readable file',
    );
  });

  test('nothing is limited and nobody is watched unless it is asked for', () => {
    expect(configWith({}).access).toMatchObject({
      limits: {
        connectionsPerListener: 0,
        connectionsPerAddress: 0,
        messagesPerClient: 0,
        bytesPerClient: 0,
        messagesPerListener: 0,
        bytesPerListener: 0,
        disconnectAfterSeconds: Number.POSITIVE_INFINITY,
      },
      flapping: { disconnects: 0 },
    });
  });

  test('bytes per second take a unit', () => {
    expect(configWith({ yaml: 'access: {limits: {bytesPerClient: 64KiB}}' }).access.limits.bytesPerClient).toBe(65_536);
  });
});
