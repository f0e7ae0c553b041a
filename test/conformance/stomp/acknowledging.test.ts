import { describe, expect, test } from 'vitest';
import { StompBench, type StompPeer } from '../../support/stomp.ts';

const subscribe = (id: string, destination: string, more = ''): string => `SUBSCRIBE\nid:${id}\ndestination:${destination}\n${more}\n^@`;
const send = (destination: string, body: string, more = ''): string => `SEND\ndestination:${destination}\n${more}\n${body}^@`;

interface Seen {
  readonly id: string;
  readonly ack: string | undefined;
  readonly body: string;
  readonly isRedelivered: boolean;
}

async function messages(peer: StompPeer): Promise<Seen[]> {
  const text = await peer.receives();
  const frames = text.split('^@').filter((frame) => frame.startsWith('MESSAGE'));
  return frames.map((frame) => ({
    id: /^message-id:(.*)$/mu.exec(frame)?.[1] ?? '',
    ack: /^ack:(.*)$/mu.exec(frame)?.[1],
    body: frame.slice(frame.indexOf('\n\n') + 2),
    isRedelivered: frame.includes('\nredelivered:true\n'),
  }));
}

const bodies = async (peer: StompPeer): Promise<string[]> => (await messages(peer)).map(({ body }) => body);

describe('STOMP 1.2 ACK', () => {
  test('client: everything up to it', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a', 'ack:client\nprefetch-count:2\n'), ...['1', '2', '3', '4'].map((body) => send('a', body)));
    const [, second] = await messages(peer);
    peer.sends(`ACK\nid:${second?.ack}\n\n^@`);
    expect(await bodies(peer)).toEqual(['3', '4']);
  });

  test('client-individual: it alone', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a', 'ack:client-individual\nprefetch-count:2\n'), ...['1', '2', '3', '4'].map((body) => send('a', body)));
    const [, second] = await messages(peer);
    peer.sends(`ACK\nid:${second?.ack}\n\n^@`);
    expect(await bodies(peer)).toEqual(['3']);
  });

  test('auto: nothing waits, and there is nothing to acknowledge with', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a', 'qos:1\nprefetch-count:1\n'), send('a', '1'), send('a', '2'));
    const seen = await messages(peer);
    expect(seen.map(({ ack, body }) => [ack, body])).toEqual([
      [undefined, '1'],
      [undefined, '2'],
    ]);
  });

  test.each([
    ['1.0', (id: string) => `ACK\nmessage-id:${id}\n\n^@`],
    ['1.1', (id: string) => `ACK\nmessage-id:${id}\nsubscription:s\n\n^@`],
  ])('%s names the message', async (version, ack) => {
    const bench = await StompBench.start();
    const peer = await bench.connected('', version);
    peer.sends(subscribe('s', 'a', 'ack:client\nprefetch-count:1\n'), send('a', '1'), send('a', '2'));
    const [first] = await messages(peer);
    expect(first?.ack).toBeUndefined();
    peer.sends(ack(first?.id ?? ''));
    expect(await bodies(peer)).toEqual(['2']);
  });

  test.each([
    ['1.2', 'an id nobody gave', 'ACK\nid:99\n\n^@', 'no message 99 waits'],
    ['1.2', 'no id', 'ACK\nmessage-id:1\n\n^@', 'needs the header id'],
    ['1.1', 'no subscription', 'ACK\nmessage-id:1\n\n^@', 'needs the header subscription'],
    ['1.1', 'another subscription', 'ACK\nmessage-id:1\nsubscription:t\n\n^@', 'no message 1 waits'],
    ['1.0', 'NACK, which came with 1.1', 'NACK\nmessage-id:1\n\n^@', 'NACK came with STOMP 1.1'],
  ])('%s, %s: ERROR', async (version, _, frame, about) => {
    const bench = await StompBench.start();
    const peer = await bench.connected('', version);
    peer.sends(subscribe('s', 'a', 'ack:client\n'), send('a', '1'));
    await messages(peer);
    await peer.sends(frame).expectsError(about);
  });

  test('messages of QoS 0 count against the window as well', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a', 'ack:client\nprefetch-count:1\n'), send('a', '1', 'qos:0\n'), send('a', '2', 'qos:0\n'));
    const [first, ...others] = await messages(peer);
    expect(others).toEqual([]);
    peer.sends(`ACK\nid:${first?.ack}\n\n^@`);
    expect(await bodies(peer)).toEqual(['2']);
  });

  test('a subscription that acknowledges nothing holds up no other', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('slow', 'a', 'ack:client\nprefetch-count:1\n'), subscribe('quick', 'b', 'ack:client\n'), subscribe('auto', 'c'));
    peer.sends(...['1', '2', '3'].flatMap((body) => [send('a', body), send('b', body), send('c', body)]));
    expect((await bodies(peer)).sort()).toEqual(['1', '1', '1', '2', '2', '3', '3']);
  });
});

describe('STOMP 1.2 NACK', () => {
  test.each([
    ['of the moment', '', ''],
    ['durable', 'client-id:c\n', 'durable:true\n'],
  ])('a subscription %s: it comes again, and after as many deliveries as configured is set aside', async (_, name, durable) => {
    const bench = await StompBench.start({ settings: { deliveriesMax: 3 } });
    const application = await bench.application();
    application.subscribe('dead-letter/#');
    const peer = await bench.connected(name);
    peer.sends(subscribe('s', 'a', `ack:client-individual\n${durable}`), send('a', 'x'));
    for (let turn = 1; turn <= 3; turn += 1) {
      const [seen] = await messages(peer);
      expect(seen).toMatchObject({ body: 'x', isRedelivered: turn > 1 });
      peer.sends(`NACK\nid:${seen?.ack}\n\n^@`);
    }
    await peer.expectsNothing();
    expect(application.delivered).toMatchObject([{ topic: 'dead-letter/a', payload: 'x', qos: 1 }]);
    expect(bench.metric('stomp.messages.set-aside')).toBe(1);
  });

  test('requeue:false sets it aside at once', async () => {
    const bench = await StompBench.start();
    const application = await bench.application();
    application.subscribe('dead-letter/#');
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a', 'ack:client\n'), send('a', 'x'));
    const [seen] = await messages(peer);
    peer.sends(`NACK\nid:${seen?.ack}\nrequeue:false\n\n^@`);
    await peer.expectsNothing();
    expect(application.payloads).toEqual(['x']);
  });

  test('client: everything up to it comes again, in order', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a', 'ack:client\n'), send('a', '1'), send('a', '2'), send('a', '3'));
    const [, second] = await messages(peer);
    peer.sends(`NACK\nid:${second?.ack}\n\n^@`);
    expect(await bodies(peer)).toEqual(['1', '2']);
  });
});

describe('durable subscriptions', () => {
  test('collect while the client is away, over kill -9, and give what was not acknowledged again', async () => {
    const bench = await StompBench.start();
    const before = await bench.connected('client-id:c\n');
    before.sends(subscribe('s', 'a', 'ack:client\ndurable:true\n'), send('a', '1'));
    expect(await bodies(before)).toEqual(['1']);
    await before.breaks();
    const sender = await bench.connected();
    sender.sends(send('a', '2'));
    await bench.kill();
    const after = await bench.connected('client-id:c\n');
    after.sends(subscribe('s', 'a', 'ack:client\ndurable:true\n'));
    expect(await bodies(after)).toEqual(['1', '2']);
  });

  test('end by UNSUBSCRIBE with durable:true', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected('client-id:c\n');
    peer.sends(subscribe('s', 'a', 'durable:true\n'), 'UNSUBSCRIBE\nid:s\ndurable:true\n\n^@', send('a', '1'), subscribe('s', 'a', 'durable:true\n'));
    await peer.expectsNothing();
  });

  test('follow another destination', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected('client-id:c\n');
    peer.sends(
      subscribe('s', 'a', 'durable:true\n'),
      'UNSUBSCRIBE\nid:s\n\n^@',
      send('a', '1'),
      subscribe('s', 'b', 'durable:true\n'),
      send('a', '2'),
      send('b', '3'),
    );
    expect(await bodies(peer)).toEqual(['1', '3']);
  });
});

describe('queues', () => {
  test('keep what is sent while nobody consumes, over kill -9', async () => {
    const bench = await StompBench.start();
    const sender = await bench.connected();
    await sender.sends(send('/queue/work', '1', 'receipt:1\n')).expects('RECEIPT\nreceipt-id:1\n\n^@');
    await bench.kill();
    const consumer = await bench.connected();
    consumer.sends(subscribe('s', '/queue/work'));
    const text = await consumer.receives();
    expect(text).toContain('\ndestination:/queue/work\n');
    expect(text).toContain('\n\n1^@');
  });

  test('give each message to one consumer', async () => {
    const bench = await StompBench.start();
    const consumers = [await bench.connected(), await bench.connected()];
    for (const consumer of consumers) await consumer.sends(subscribe('s', '/queue/work')).expectsNothing();
    const sender = await bench.connected();
    sender.sends(...['1', '2', '3', '4'].map((body) => send('/queue/work', body)));
    await sender.expectsNothing();
    const seen = await Promise.all(consumers.map(bodies));
    expect(seen.flat().sort()).toEqual(['1', '2', '3', '4']);
    expect(seen.map(({ length }) => length)).toEqual([2, 2]);
  });

  test('take back what a consumer that goes had not acknowledged', async () => {
    const bench = await StompBench.start();
    const first = await bench.connected();
    await first.sends(subscribe('s', '/queue/work', 'ack:client\n')).expectsNothing();
    const second = await bench.connected();
    second.sends(send('/queue/work', '1'), send('/queue/work', '2'));
    await second.expectsNothing();
    expect(await bodies(first)).toEqual(['1', '2']);
    await first.breaks();
    second.sends(subscribe('s', '/queue/work', 'ack:client\n'));
    expect(await bodies(second)).toEqual(['1', '2']);
  });

  test('count rejections across consumers and restarts', async () => {
    const bench = await StompBench.start({ settings: { deliveriesMax: 2 } });
    const consumer = await bench.connected();
    consumer.sends(subscribe('s', '/queue/work', 'ack:client\n'), send('/queue/work', 'x'));
    const [first] = await messages(consumer);
    consumer.sends(`NACK\nid:${first?.ack}\n\n^@`);
    expect(await bodies(consumer)).toEqual(['x']);
    await bench.kill();
    const application = await bench.application();
    application.subscribe('dead-letter/#');
    const next = await bench.connected();
    next.sends(subscribe('s', '/queue/work', 'ack:client\n'));
    const [again] = await messages(next);
    next.sends(`NACK\nid:${again?.ack}\n\n^@`);
    await next.expectsNothing();
    expect(application.delivered).toMatchObject([{ topic: 'dead-letter/queue/work', payload: 'x' }]);
  });

  test('are as many as may be', async () => {
    const bench = await StompBench.start({ settings: { queuesMax: 1 } });
    const peer = await bench.connected();
    await peer.sends(send('/queue/1', 'x'), send('/queue/2', 'x')).expectsError('queuesMax');
  });
});

describe('STOMP 1.2 BEGIN, COMMIT, ABORT', () => {
  test('COMMIT does it all, in order', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a'), 'BEGIN\ntransaction:t\n\n^@', send('a', '1', 'transaction:t\n'), send('a', '2', 'transaction:t\n'));
    await peer.expectsNothing();
    peer.sends('COMMIT\ntransaction:t\n\n^@');
    expect(await bodies(peer)).toEqual(['1', '2']);
  });

  test.each(['ABORT\ntransaction:t\n\n^@', undefined])('%j: nothing of it is done', async (end) => {
    const bench = await StompBench.start();
    const application = await bench.application();
    application.subscribe('a');
    const peer = await bench.connected();
    peer.sends('BEGIN\ntransaction:t\n\n^@', send('a', '1', 'transaction:t\n'));
    if (end === undefined) await peer.breaks();
    else peer.sends(end);
    await peer.receives();
    expect(application.payloads).toEqual([]);
  });

  test('ACK and NACK may be part of one', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    peer.sends(subscribe('s', 'a', 'ack:client\nprefetch-count:1\n'), send('a', '1'), send('a', '2'));
    const [first] = await messages(peer);
    peer.sends('BEGIN\ntransaction:t\n\n^@', `ACK\nid:${first?.ack}\ntransaction:t\n\n^@`);
    await peer.expectsNothing();
    peer.sends('COMMIT\ntransaction:t\n\n^@');
    expect(await bodies(peer)).toEqual(['2']);
  });

  test.each([
    ['BEGIN of an open one', 'BEGIN\ntransaction:t\n\n^@BEGIN\ntransaction:t\n\n^@', 'open already'],
    ['COMMIT of none', 'COMMIT\ntransaction:t\n\n^@', 'no transaction t'],
    ['ABORT of none', 'ABORT\ntransaction:t\n\n^@', 'no transaction t'],
    ['SEND into none', send('a', 'x', 'transaction:t\n'), 'no transaction t'],
    ['no name', 'BEGIN\n\n^@', 'needs the header transaction'],
    ['too many', ['1', '2', '3'].map((name) => `BEGIN\ntransaction:${name}\n\n^@`).join(''), 'transactionsMax'],
    ['too many frames', `BEGIN\ntransaction:t\n\n^@${send('a', '', 'transaction:t\n').repeat(3)}`, 'transactionFramesMax'],
    ['too large', `BEGIN\ntransaction:t\n\n^@${send('a', 'x'.repeat(500), 'transaction:t\n')}`, 'transactionBytesMax'],
  ])('%s: ERROR', async (_, frames, about) => {
    const bench = await StompBench.start({ settings: { transactionsMax: 2, transactionFramesMax: 2, transactionBytesMax: 500 } });
    const peer = await bench.connected();
    await peer.sends(frames).expectsError(about);
  });

  test('one that is never ended', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await peer.sends('BEGIN\ntransaction:t\n\n^@').expectsNothing();
    await bench.clock.advanceSeconds(60);
    await peer.expectsError('transaction t was open for too long');
    expect(bench.metric('stomp.transactions.timed-out')).toBe(1);
  });
});
