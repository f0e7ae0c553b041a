import { describe, expect, test } from 'vitest';
import { type ScramMethod, type ScramOutcome, ScramServer, type ScramVerifier, scramVerifier } from '../../../../src/access/users/scram.ts';
import { ScramClient } from '../../../support/scram-client.ts';

interface Vector {
  readonly method: ScramMethod;
  readonly salt: string;
  readonly serverNonce: string;
  readonly said: readonly [clientFirst: string, serverFirst: string, clientFinal: string, serverFinal: string];
}

const RFC_5802: Vector = {
  method: 'SCRAM-SHA-1',
  salt: 'QSXCR+Q6sek8bf92',
  serverNonce: '3rfcNHYJY1ZVvWVs7j',
  said: [
    'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
    'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
    'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
    'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
  ],
};

const RFC_7677: Vector = {
  method: 'SCRAM-SHA-256',
  salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  said: [
    'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  ],
};

async function verifier(method: ScramMethod, password = 'pencil', salt = 'QSXCR+Q6sek8bf92', iterations = 4096): Promise<ScramVerifier> {
  const made = await scramVerifier(method, password, { salt: Buffer.from(salt, 'base64'), iterations });
  if (made === undefined) throw new TypeError(`no verifier for ${password}`);
  return made;
}

async function serverOf({ method, salt, serverNonce }: Vector): Promise<ScramServer> {
  const known = await verifier(method, 'pencil', salt);
  return new ScramServer({ method, serverNonce, verifierOf: () => known });
}

function text(outcome: ScramOutcome): string | undefined {
  return outcome.kind === 'failure' || outcome.data === undefined ? undefined : Buffer.from(outcome.data).toString();
}

describe.each([
  ['RFC 5802 §5', RFC_5802],
  ['RFC 7677 §3', RFC_7677],
])('%s: the exchange of the RFC', (_, vector) => {
  const [clientFirst, serverFirst, clientFinal, serverFinal] = vector.said;

  test('octet by octet', async () => {
    const server = await serverOf(vector);
    const challenge = server.next(Buffer.from(clientFirst));
    expect(challenge.kind).toBe('challenge');
    expect(text(challenge)).toBe(serverFirst);
    const outcome = server.next(Buffer.from(clientFinal));
    expect(outcome).toMatchObject({ kind: 'success', username: 'user' });
    expect(text(outcome)).toBe(serverFinal);
  });

  test.each([
    ['the proof of another password', clientFinal.replace(/p=.{4}/, 'p=AAAA')],
    ['a proof of another length', clientFinal.replace(/p=.*$/, 'p=AAAA')],
    ['no proof', clientFinal.replace(/,p=.*$/, '')],
    ['the nonce of the client alone', clientFinal.replace(vector.serverNonce, '')],
    ['a nonce with one character more', clientFinal.replace(vector.serverNonce, `${vector.serverNonce}x`)],
    ['another binding than that of the first message ("y,,")', clientFinal.replace('c=biws', `c=${Buffer.from('y,,').toString('base64')}`)],
    ['the first message again', clientFirst],
    ['nothing', ''],
  ])('fails: %s', async (_case, final) => {
    const server = await serverOf(vector);
    server.next(Buffer.from(clientFirst));
    expect(server.next(Buffer.from(final)).kind).toBe('failure');
  });

  test('over once it failed: the right proof comes too late', async () => {
    const server = await serverOf(vector);
    server.next(Buffer.from(clientFirst));
    server.next(Buffer.from('c=biws,r=x,p=AAAA'));
    expect(server.next(Buffer.from(clientFinal)).kind).toBe('failure');
  });

  test('over once it succeeded: no second use', async () => {
    const server = await serverOf(vector);
    server.next(Buffer.from(clientFirst));
    server.next(Buffer.from(clientFinal));
    expect(server.next(Buffer.from(clientFinal)).kind).toBe('failure');
  });
});

describe('RFC 5802 §5.1, §7: the first message', () => {
  const known = verifier('SCRAM-SHA-256');
  const first = async (message: string | Uint8Array): Promise<ScramOutcome['kind']> => {
    const verifierOf = await known;
    return new ScramServer({ method: 'SCRAM-SHA-256', serverNonce: 'x', verifierOf: () => verifierOf }).next(Buffer.from(message)).kind;
  };

  test.each([
    ['n,,n=user,r=abc', 'challenge', 'no channel binding'],
    ['y,,n=user,r=abc', 'challenge', 'the client could, the server does not'],
    ['p=tls-unique,,n=user,r=abc', 'failure', 'channel binding is not offered'],
    ['n,a=user,n=user,r=abc', 'challenge', 'acts for itself'],
    ['n,a=root,n=user,r=abc', 'failure', 'acts for another'],
    ['n,,n=us=2Cer=3D,r=abc', 'challenge', 'comma and equals sign are escaped'],
    ['n,,n=us=er,r=abc', 'failure', '"=" that escapes nothing'],
    ['n,,m=ext,n=user,r=abc', 'failure', 'a mandatory extension nobody knows'],
    ['n,,n=user,r=abc,x=ext', 'challenge', 'an optional extension is passed over'],
    ['n,,n=,r=abc', 'failure', 'no name'],
    ['n,,n=user,r=', 'failure', 'no nonce'],
    ['n,,n=us\ner,r=abc', 'failure', 'a name SASLprep forbids'],
    ['n,,n=user,r=ab c', 'failure', 'a space in the nonce'],
    ['', 'challenge', 'nothing yet: the server asks for the first word'],
    [`n,,n=${'u'.repeat(5_000)},r=abc`, 'failure', 'longer than any exchange needs'],
  ])('%j: %s (%s)', async (message, kind) => {
    expect(await first(message)).toBe(kind);
  });

  test('asked for the first word, the client may only answer it', async () => {
    const verifierOf = await known;
    const server = new ScramServer({ method: 'SCRAM-SHA-256', serverNonce: 'x', verifierOf: () => verifierOf });
    expect(server.next(undefined)).toEqual({ kind: 'challenge', data: undefined });
    expect(server.next(Buffer.from('n,,n=user,r=abc')).kind).toBe('challenge');
  });
});

describe.each(['SCRAM-SHA-1', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const)('%s with a client of another hand', (method) => {
  const run = async (stored: string, typed: string, username = 'ada'): Promise<readonly [ScramOutcome, ScramClient]> => {
    const known = await verifier(method, stored, 'AAECAwQFBgcICQoLDA0ODw==', 1_000);
    const server = new ScramServer({ method, serverNonce: 'server', verifierOf: () => known });
    const client = new ScramClient(method, { username, password: typed });
    const challenge = server.next(client.first());
    return [server.next(client.final(challenge.kind === 'challenge' ? challenge.data : undefined)), client];
  };

  test('the right password, and the server proves it knows it', async () => {
    const [outcome, client] = await run('pencil', 'pencil');
    expect(outcome).toMatchObject({ kind: 'success', username: 'ada' });
    expect(text(outcome)).toBe(client.expectedServerFinal);
  });

  test('a wrong one', async () => {
    expect((await run('pencil', 'pencils'))[0].kind).toBe('failure');
  });

  test('a name with comma and equals sign comes back as it was', async () => {
    expect((await run('pencil', 'pencil', 'a,b=c'))[0]).toMatchObject({ kind: 'success', username: 'a,b=c' });
  });
});

test('RFC 4013: a password is stored as SASLprep has it', async () => {
  expect(await verifier('SCRAM-SHA-256', 'I\u00adX')).toEqual(await verifier('SCRAM-SHA-256', 'IX'));
  expect(await scramVerifier('SCRAM-SHA-256', 'a\u0007', { salt: Buffer.alloc(8), iterations: 1_000 })).toBeUndefined();
});
