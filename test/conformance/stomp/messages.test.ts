import { describe, expect, test } from 'vitest';
import { StompBench } from '../../support/stomp.ts';

const subscribe = (id: string, destination: string, more = ''): string => `SUBSCRIBE\nid:${id}\ndestination:${destination}\n${more}\n^@`;
const send = (destination: string, body: string, more = ''): string => `SEND\ndestination:${destination}\n${more}\n${body}^@`;
const message = (lines: string, body: string): string => `MESSAGE\n${lines}content-length:${body.length}\n\n${body}^@`;

describe('STOMP 1.2 SEND and MESSAGE', () => {
  test.each([
    ['a plain topic', 'a/b', 'a/b', 'destination:a/b\n'],
    ['a topic by its prefix', '/topic/a/b', '/topic/a/b', 'destination:/topic/a/b\n'],
    ['both forms are the same topic; each subscriber reads its own', '/topic/a/b', 'a/b', 'destination:/topic/a/b\n'],
    ['a wildcard', '/topic/a/+', 'a/b', 'destination:/topic/a/b\n'],
    ['all below', 'a/#', '/topic/a/b/c', 'destination:a/b/c\n'],
  ])('%s', async (_, filter, destination, line) => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', filter), send(destination, 'hello'));
    await peer.expects(message(`subscription:s\nmessage-id:1\n${line}qos:1\n`, 'hello'));
  });

  test('headers of the sender come back in their order, behind those of the gateway', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a'), send('a', 'x', 'b:2\ncontent-type:text/plain\na:1\nb:3\nmessage-id:mine\n'));
    await peer.expects(message('subscription:s\nmessage-id:1\ndestination:a\nqos:1\ncontent-type:text/plain\nb:2\na:1\nb:3\n', 'x'));
  });

  test('they are the properties of an MQTT message, and the other way round', async () => {
    const bench = await StompBench.start();
    const application = await bench.application();
    application.subscribe('a');
    const peer = await bench.connected();
    const seen: unknown[] = [];
    application.deliver = ({ message: { properties, qos }, expirySeconds }) => void seen.push({ properties, qos, expirySeconds });
    peer.sends(send('a', 'x', 'k:v\ncontent-type:text/plain\nreply-to:/topic/answers\ncorrelation-id:7\nexpiry:60\nqos:2\n'));
    await peer.expectsNothing();
    const properties = { contentType: 'text/plain', responseTopic: 'answers', correlationData: Buffer.from('7'), userProperties: [['k', 'v']] };
    expect(seen).toEqual([{ properties, qos: 2, expirySeconds: 60 }]);
  });

  test('a retained message', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(send('a', 'x', 'retain:true\n'), subscribe('s', 'a'));
    await peer.expects(message('subscription:s\nmessage-id:1\ndestination:a\nretain:true\nqos:1\n', 'x'));
  });

  test('two subscriptions that overlap get a MESSAGE each', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('1', 'a/+'), subscribe('2', 'a/b'), subscribe('3', 'a/b'), send('a/b', 'x'));
    const text = await peer.receives();
    expect([...text.matchAll(/^subscription:(.*)$/gmu)].map(([, id]) => id).sort()).toEqual(['1', '2', '3']);
    expect(new Set([...text.matchAll(/^message-id:(.*)$/gmu)].map(([, id]) => id)).size).toBe(3);
  });

  test.each(['1.0', '1.1', '1.2'])('header values are escaped as %s does', async (version) => {
    const bench = await StompBench.start();
    const application = await bench.application();
    const peer = await bench.connected('', version);
    peer.sends(subscribe('s', 'a'));
    await peer.expectsNothing();
    const topic = bench.core.context('mqtt').topics.intern('a' as never);
    application.session.publish({ topic, payload: Buffer.from('x'), qos: 0, isRetain: false, properties: { userProperties: [['k:', '\r\n\\']] } }, 0);
    const escapes = { '1.0': 'k::\r \\', '1.1': 'k\\c:\r\\n\\\\', '1.2': 'k\\c:\\r\\n\\\\' }[version];
    expect(await peer.receives()).toContain(`\n${escapes}\n`);
  });

  test('dots stand for slashes where it is configured', async () => {
    const bench = await StompBench.start({ settings: { areDotsSlashes: true } });
    const application = await bench.application();
    application.subscribe('a/b');
    const peer = await bench.connected();
    peer.sends(subscribe('s', '/topic/a.+'), send('/topic/a.b', 'x'));
    await peer.expects(message('subscription:s\nmessage-id:1\ndestination:/topic/a.b\nqos:1\n', 'x'));
    expect(application.payloads).toEqual(['x']);
  });

  test.each([
    ['no destination', 'SEND\n\nx^@', 'needs the header destination'],
    ['an empty one', send('/topic/', 'x'), 'without a name'],
    ['a wildcard', send('a/+', 'x'), ''],
    ['a queue with a wildcard', send('/queue/#', 'x'), ''],
    ['a place for replies', send('/temp-queue/a', 'x'), '/temp-queue/'],
    ['an odd qos', send('a', 'x', 'qos:3\n'), 'qos is 0, 1 or 2'],
    ['an odd expiry', send('a', 'x', 'expiry:soon\n'), 'expiry is a number'],
  ])('%s: ERROR', async (_, frame, about) => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await peer.sends(frame).expectsError(about);
  });

  test('what may not be sent is an ERROR that names the receipt', async () => {
    const bench = await StompBench.start();
    bench.core.access.forbids = ({ kind }) => kind === 'publish';
    const peer = await bench.connected();
    expect(await peer.sends(send('a', 'x', 'receipt:9\n')).expectsError('not allowed to send to /topic/a')).toContain('\nreceipt-id:9\n');
  });
});

describe('STOMP 1.2 RECEIPT', () => {
  test('of a SEND comes once the message is on disk', async () => {
    const bench = await StompBench.start({ autoCommit: false });
    const application = await (async () => {
      const connecting = bench.application();
      await Promise.resolve();
      bench.core.store.commit();
      return connecting;
    })();
    application.subscribe('a');
    bench.core.store.commit();
    const peer = await bench.connected();
    await peer.sends(send('a', 'x', 'receipt:1\n')).expectsNothing();
    bench.core.store.commit();
    await peer.expects('RECEIPT\nreceipt-id:1\n\n^@');
  });

  test('every frame but CONNECT may ask for one', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    const frames = ['BEGIN\ntransaction:t\n', 'ABORT\ntransaction:t\n', 'BEGIN\ntransaction:t\n', 'COMMIT\ntransaction:t\n', 'SEND\ndestination:a\n'];
    const subscribing = ['SUBSCRIBE\nid:1\ndestination:b\n', 'UNSUBSCRIBE\nid:1\n', 'DISCONNECT\n'];
    peer.sends(...[...frames, ...subscribing].map((frame, index) => `${frame}receipt:${index}\n\n^@`));
    await peer.expects(...Array.from({ length: 8 }, (_, index) => `RECEIPT\nreceipt-id:${index}\n\n^@`));
  });
});

describe('STOMP 1.2 SUBSCRIBE and UNSUBSCRIBE', () => {
  test.each([
    ['no destination', 'SUBSCRIBE\nid:1\n\n^@', 'needs the header destination'],
    ['no id', 'SUBSCRIBE\ndestination:a\n\n^@', 'needs the header id'],
    ['an id that is in use', subscribe('1', 'a') + subscribe('1', 'b'), 'there is a subscription 1 already'],
    ['a selector', subscribe('1', 'a', 'selector:x > 1\n'), 'selectors are not supported'],
    ['an odd ack', subscribe('1', 'a', 'ack:never\n'), 'ack is auto, client or client-individual'],
    ['durable without a name of the client', subscribe('1', 'a', 'durable:true\n'), 'client-id'],
    ['UNSUBSCRIBE of nothing', 'UNSUBSCRIBE\nid:1\n\n^@', 'there is no subscription 1'],
    ['UNSUBSCRIBE without id', 'UNSUBSCRIBE\n\n^@', 'needs the header id'],
  ])('%s: ERROR', async (_, frame, about) => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await peer.sends(frame).expectsError(about);
  });

  test('more than may be', async () => {
    const bench = await StompBench.start({ settings: { subscriptionsMax: 1 } });
    const peer = await bench.connected();
    await peer.sends(subscribe('1', 'a'), subscribe('2', 'b')).expectsError('subscriptionsMax');
  });

  test('what may not be subscribed to', async () => {
    const bench = await StompBench.start();
    bench.core.access.forbids = ({ kind }) => kind === 'subscribe';
    const peer = await bench.connected();
    await peer.sends(subscribe('1', '/topic/a', 'ack:client\n')).expectsError('not allowed to subscribe to /topic/a');
  });

  test.each(['', 'ack:client\n'])('nothing comes after UNSUBSCRIBE (%j)', async (mode) => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('1', 'a', mode), 'UNSUBSCRIBE\nid:1\n\n^@', send('a', 'x'));
    await peer.expectsNothing();
  });

  test('1.0: the id may be left out', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected('', '1.0');
    peer.sends('SUBSCRIBE\ndestination: a\n\n^@', send('a', 'x'), 'UNSUBSCRIBE\ndestination: a\n\n^@', send('a', 'y'));
    await peer.expects(message('message-id:1\ndestination:a\nqos:1\n', 'x'));
  });
});

describe('replies', () => {
  test('reply-to:/temp-queue/NAME brings the answer to the connection that asked', async () => {
    const bench = await StompBench.start();
    const server = await bench.connected();
    const client = await bench.connected();
    server.sends(subscribe('1', '/queue/rpc'));
    client.sends(send('/queue/rpc', 'question', 'reply-to:/temp-queue/mine\ncorrelation-id:1\n'));
    const question = await server.receives();
    const replyTo = /^reply-to:(.*)$/mu.exec(question)?.[1] ?? '';
    server.sends(send(replyTo, 'answer', 'correlation-id:1\n'));
    await server.expectsNothing();
    expect(await client.receives()).toContain('subscription:/temp-queue/mine\nmessage-id:1\ndestination:/temp-queue/mine\n');
  });
});
