// Users, access lists and keys of a mosquitto.conf, of the broker and of each listener.
import { describe, expect, test } from 'vitest';
import type { Action } from '../../../../src/access/access.ts';
import { parseAcl } from '../../../../src/access/acl-file.ts';
import { RuleIndex } from '../../../../src/access/rule-index.ts';
import { ConfError } from '../../../../src/cli/mosquitto/conf-file.ts';
import type { Principal } from '../../../../src/model/client.ts';
import { topicFilter, topicName } from '../../../../src/model/topic.ts';
import { at, imported } from './imported.ts';

/** Made by mosquitto_passwd 2.0.11 of the password "secret". */
const HASH = '$7$101$xfNHK7pOWA5QHBGW$rBjitkhHbWwTVTj167Nudorhc74YZ+wBL3y+mVS4fX9bnGimqG68hHGVIkXG/2/rEe5hoJBP7we3FVz7p82lCQ==';
const LISTENER = 'listener 1883\n';

function rulesOf(acl: string, conf = `${LISTENER}acl_file DIR/acl\n`): string[] {
  return (imported(conf, { acl, passwords: `ada:${HASH}\nbob:${HASH}\n`, others: `eve:${HASH}\nada:${HASH}\n` }).files.get('access.acl') ?? '')
    .trim()
    .split('\n');
}

describe('an access list', () => {
  test.each([
    ['topic a/b', ['allow all a/b anonymous']],
    ['topic read a b', ['allow subscribe "a b" anonymous']],
    ['topic write a/#', ['allow publish a/# anonymous']],
    ['topic readwrite a\ntopic deny a/b', ['deny all a/b anonymous overlap', 'allow all a anonymous']],
    ['user ada lovelace\ntopic a', ['allow all a user="ada lovelace"']],
    ['user a\\b"c\ntopic a', ['allow all a user="a\\\\b\\"c"']],
    ['pattern write d/%c/x\nuser ada\ntopic deny d', ['deny all d user=ada overlap', 'allow publish d/%c/x']],
    ['pattern read u/%u/#\npattern deny u/%u/key', ['deny all u/%u/key overlap', 'allow subscribe u/%u/#']],
    ['  topic a  \n# topic b\n\n', ['allow all a anonymous']],
    ['topic deny x-%u/y', ['deny all +/y anonymous overlap']],
    ['user a\ntopic 1\nuser b\ntopic 2\nuser a\ntopic deny 3', ['deny all 3 user=a overlap', 'allow all 1 user=a', 'allow all 2 user=b']],
  ])('%j becomes %j', (acl, rules) => {
    expect(rulesOf(acl)).toStrictEqual(rules);
    expect(() => parseAcl(rules.join('\n'), 'acl')).not.toThrow();
  });

  test.each([
    ['pattern write a-%c/x', '1 pattern missing'],
    ['pattern deny a-%c/x', '1 pattern differs'],
    ['topic a/%u', '1 topic missing'],
    ['topic a/${x}', '1 topic missing'],
    ['pattern read everybody', '1 pattern needless'],
  ])('of %j it says %j', (acl, remark) => {
    expect(imported(`${LISTENER}acl_file DIR/acl\n`, { acl }).remarks).toStrictEqual([remark]);
  });

  test.each([['topic'], ['topic maybe a'], ['user'], ['topic a/#/b'], ['nonsense a']])('is refused with the line %j', (acl) => {
    expect(() => imported(`${LISTENER}acl_file DIR/acl\n`, { acl: `# first\n${acl}\n` })).toThrow(ConfError);
  });

  test('decides as Mosquitto does', () => {
    const acl = 'topic read public/#\nuser ada\ntopic readwrite home/#\ntopic deny home/safe\npattern write devices/%c/state\npattern read users/%u/#\n';
    const index = new RuleIndex(parseAcl(rulesOf(acl).join('\n'), 'acl'));
    const decide = (username: string | undefined, action: Action): string =>
      index.decide({ clientId: 'c1', username, listener: 'mqtt.1883', peer: { kind: 'unix' } } as unknown as Principal, action);
    const publish = (topic: string): Action => ({ kind: 'publish', topic: topicName(topic), qos: 0, retain: false }) as Action;
    const subscribe = (filter: string): Action => ({ kind: 'subscribe', filter: topicFilter(filter), qos: 0 }) as Action;
    expect(decide(undefined, subscribe('public/x'))).toBe('allow');
    expect(decide('ada', subscribe('public/x'))).toBe('skip');
    expect(decide('ada', publish('home/light'))).toBe('allow');
    expect(decide('ada', publish('home/safe'))).toBe('deny');
    expect(decide('ada', subscribe('home/#'))).toBe('deny');
    expect(decide('ada', subscribe('home/light/#'))).toBe('allow');
    expect(decide('bob', publish('devices/c1/state'))).toBe('allow');
    expect(decide('bob', publish('devices/c2/state'))).toBe('skip');
    expect(decide(undefined, subscribe('users/ada/#'))).toBe('skip');
    expect(decide('ada', subscribe('users/ada/#'))).toBe('allow');
  });
});

describe('without a listener', () => {
  test('the broker is for its own host, and lets everybody there in', () => {
    const { config, files } = imported('persistence true\n');
    expect(at(config, 'mqtt.listeners.0')).toStrictEqual({ name: '1883', type: 'tcp', bind: '127.0.0.1:1883' });
    expect(at(config, 'access')).toStrictEqual({ anonymous: 'loopback', systemTopics: 'all' });
    expect(files.size).toBe(0);
  });

  test('nobody without a name when that is said', () => {
    expect(at(imported('allow_anonymous false\n').config, 'access.anonymous')).toBe('never');
  });
});

test.each([
  ['listener 1883 127.0.0.1\nallow_anonymous true', 'loopback'],
  ['listener 1883 ::1\nallow_anonymous true', 'loopback'],
  ['listener 0 /run/m.sock\nallow_anonymous true', 'loopback'],
  ['listener 1883 192.0.2.1\nallow_anonymous true', 'always'],
  ['listener 1883 127.0.0.1\nprotocol websockets\nallow_anonymous true', 'always'],
  ['listener 1883 127.0.0.1\nenable_proxy_protocol 1\nallow_anonymous true', 'always'],
  ['listener 1883 127.0.0.1\nlistener_allow_anonymous true\nlistener 1884\nallow_anonymous false', 'loopback'],
  ['listener 1883 127.0.0.1\nlistener 1884\nlistener_allow_anonymous true', 'always'],
])('who has no name is let in with %j: %s', (conf, anonymous) => {
  const { config, problems } = imported(conf);
  expect(at(config, 'access.anonymous')).toBe(anonymous);
  expect(problems).toStrictEqual([]);
});

describe('users', () => {
  test('keep the hashes mosquitto_passwd made', () => {
    const { config, files, remarks } = imported(`${LISTENER}password_file DIR/passwords\n`, { passwords: `# people\nada:${HASH}\n` });
    expect(JSON.parse(files.get('users.json') ?? '').users).toStrictEqual([{ name: 'ada', password: HASH }]);
    expect(at(config, 'access')).toStrictEqual({ anonymous: 'never', systemTopics: 'all', usersFile: '/etc/postern/users.json' });
    expect(remarks).toStrictEqual([]);
  });

  test('without such a hash, or there twice, are left out, and nothing of their lines is told', () => {
    const { files, remarks, reasons } = imported(`${LISTENER}password_file DIR/passwords\n`, { passwords: `ada:hunter2\nbob\nada:${HASH}\nada:${HASH}\n` });
    expect(JSON.parse(files.get('users.json') ?? '').users).toHaveLength(1);
    expect(remarks).toStrictEqual(['1 user missing', '2 user missing', '4 user missing']);
    expect(reasons.join()).not.toMatch(/hunter2|bob/);
  });
});

describe('per_listener_settings', () => {
  const conf = [
    'per_listener_settings true',
    'listener 1883 127.0.0.1',
    'allow_anonymous true',
    'listener 1884',
    'password_file DIR/passwords',
    'acl_file DIR/acl',
    'listener 1885',
    'password_file DIR/others',
  ].join('\n');

  test('become rules with the names of the listeners; who is of another one may do nothing', () => {
    expect(rulesOf('user ada\ntopic a\npattern read b\n', conf)).toStrictEqual([
      'deny all # anonymous overlap listener=mqtt.1884',
      'deny all $SYS/# anonymous overlap listener=mqtt.1884',
      'deny all # anonymous overlap listener=mqtt.1885',
      'deny all $SYS/# anonymous overlap listener=mqtt.1885',
      'deny all # user=eve overlap listener=mqtt.1884',
      'deny all $SYS/# user=eve overlap listener=mqtt.1884',
      'deny all # user=ada overlap listener=mqtt.1885',
      'deny all $SYS/# user=ada overlap listener=mqtt.1885',
      'deny all # user=bob overlap listener=mqtt.1885',
      'deny all $SYS/# user=bob overlap listener=mqtt.1885',
      'allow all # listener=mqtt.1883',
      'allow all $SYS/# listener=mqtt.1883',
      'allow all a user=ada listener=mqtt.1884',
      'allow subscribe b listener=mqtt.1884',
      'allow all # listener=mqtt.1885',
      'allow all $SYS/# listener=mqtt.1885',
    ]);
  });

  test('are one for all when they say the same', () => {
    const same = 'per_listener_settings true\nlistener 1883\npassword_file DIR/p\nacl_file DIR/acl\nlistener 1884\npassword_file DIR/p\nacl_file DIR/acl\n';
    const { files, remarks } = imported(same, { p: `ada:${HASH}\n`, acl: 'user ada\ntopic #\n' });
    expect(files.get('access.acl')).toBe('allow all # user=ada\n');
    expect(remarks).toStrictEqual([]);
  });

  test('a listener in an included file begins anew', () => {
    const { config } = imported('listener 1883\ninclude_dir DIR/conf.d\nmax_connections 3\n', {
      'conf.d/b.conf': 'mount_point b/\n',
      'conf.d/a.conf': 'listener 1884\nmax_qos 1\n',
      'conf.d/c': 'nonsense',
    });
    expect(at(config, 'mqtt.listeners')).toStrictEqual([
      { name: '1883', type: 'tcp', bind: '127.0.0.1:1883', mountPoint: 'b/' },
      { name: '1883-2', type: 'tcp', bind: '[::]:1883', connectionsMax: 3 },
      { name: '1884', type: 'tcp', bind: '[::]:1884', maximumQos: 1 },
    ]);
  });
});

describe('files beside', () => {
  test('pre-shared keys, of the broker or of the listener', () => {
    const keys = 'valve:00ff\n';
    const of = (first: string): ReturnType<typeof imported> =>
      imported(`${first}listener 8883\npsk_hint greenhouse\npsk_file DIR/psk\nuse_identity_as_username true\n`, { psk: keys });
    expect(at(of('').config, 'mqtt.listeners.0.tls')).toStrictEqual({ pskHint: 'greenhouse', pskFile: '/etc/postern/psk' });
    expect(of('').files.get('psk')).toBe(keys);
    expect(of('per_listener_settings true\n').files.get('8883.psk')).toBe(keys);
    expect(of('').remarks).toStrictEqual([]);
  });

  test('a directory of authorities becomes a file of their certificates, each once', () => {
    const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`;
    const files = { 'ca/a.pem': `noise\n${pem('AAAA')}\n`, 'ca/hash.0': pem('AAAA'), 'ca/b.crt': pem('BBBB') };
    const listener = imported('listener 8883\ncertfile /c\nkeyfile /k\ncapath DIR/ca\nrequire_certificate true\nuse_identity_as_username true\n', files);
    expect(listener.files.get('8883-ca.pem')).toBe(`${pem('AAAA')}\n${pem('BBBB')}\n`);
    expect(at(listener.config, 'mqtt.listeners.0.tls.caFile')).toBe('/etc/postern/8883-ca.pem');
    const bridge = imported('connection c\naddress h\ntopic #\nbridge_capath DIR/ca\n', files);
    expect(at(bridge.config, 'bridges.0.tls')).toStrictEqual({ enabled: true, caFile: '/etc/postern/bridge-c-ca.pem' });
    expect([...listener.remarks, ...bridge.remarks]).toStrictEqual(['4 capath differs', '4 bridge_capath differs']);
  });

  test('passwords of bridges, one each, under names that are possible', () => {
    const { config, files } = imported('connection a.b\naddress h\ntopic #\nremote_password one\nconnection a b\naddress h\ntopic #\npassword two\n');
    expect(at(config, 'bridges.0.name')).toBe('a-b');
    expect(at(config, 'bridges.1.name')).toBe('a-b-2');
    expect([...files]).toStrictEqual([
      ['bridge-a-b.password', 'one\n'],
      ['bridge-a-b-2.password', 'two\n'],
    ]);
  });
});

describe('what Mosquitto would not start with', () => {
  test.each([
    ['listener', 1],
    ['listener 70000', 1],
    ['listener 1883\nprotocol stomp', 2],
    ['max_keepalive often', 1],
    ['retain_available maybe', 1],
    ['log_type gossip', 1],
    ['persistent_client_expiration 5x', 1],
    ['topic #', 1],
    ['connection c\ntopic #', 1],
    ['connection c\naddress h', 1],
    ['connection c\naddress h:0\ntopic #', 2],
    ['connection c\naddress h\ntopic # sideways', 3],
    ['connection c\naddress h\ntopic "" out 0', 3],
    ['connection c\naddress h\ntopic #\nconnection c', 4],
    ['connection c\naddress h\ntopic #\nrestart_timeout 10 5', 4],
    ['connection c\naddress h\ntopic #\nstart_type manual', 4],
    ['listener 1\naccept_protocol_versions 7', 2],
    ['listener 1\nenable_proxy_protocol 3', 2],
    ['include_dir /does/not/exist', 1],
    ['include_dir', 1],
  ])('%j: line %i', (text, line) => {
    expect(lineOf(() => imported(text))).toBe(line);
  });
});

function lineOf(run: () => unknown): number {
  try {
    run();
    return 0;
  } catch (error) {
    if (!(error instanceof ConfError)) throw error;
    return error.place.line;
  }
}
