// What a client, or a publisher of another protocol, must not be able to do to a STOMP connection.
import { describe, expect, test } from 'vitest';
import type { UserProperties } from '../../../src/model/message.ts';
import { topicName } from '../../../src/model/topic.ts';
import { StompBench } from '../../support/stomp.ts';

const subscribe = (id: string, destination: string, more = ''): string => `SUBSCRIBE\nid:${id}\ndestination:${destination}\n${more}\n^@`;
const send = (destination: string, body: string, more = ''): string => `SEND\ndestination:${destination}\n${more}\n${body}^@`;
const begin = 'BEGIN\ntransaction:t\n\n^@';
const commit = 'COMMIT\ntransaction:t\n\n^@';

describe('MESSAGE of what MQTT published', () => {
  test.each<[string, { readonly userProperties?: UserProperties; readonly correlationData?: Buffer }, string, string]>([
    ['a property by the name of a header of ours', { userProperties: [['content-length', '1']] }, '1.2', 'qos:1\n'],
    ['a property without a name', { userProperties: [['', 'x']] }, '1.2', 'qos:1\n'],
    ['a name that 1.0 reads as a header of ours', { userProperties: [['content-length:1', 'x']] }, '1.0', 'qos:1\n'],
    ['Correlation Data with a NUL', { correlationData: Buffer.from('a\0b') }, '1.2', 'qos:1\ncorrelation-id:YQBi\n'],
  ])('%s does not break the frame', async (_, properties, version, lines) => {
    const bench = await StompBench.start();
    const application = await bench.application();
    const peer = await bench.connected('', version);
    await peer.sends(subscribe('s', 'a')).expectsNothing();
    const topic = bench.core.context('mqtt').topics.intern(topicName('a'));
    application.session.publish({ topic, payload: Buffer.from('xy'), qos: 1, isRetain: false, properties }, 1);
    await peer.expects(`MESSAGE\nsubscription:s\nmessage-id:1\ndestination:a\n${lines}content-length:2\n\nxy^@`);
  });
});

describe('STOMP 1.2 COMMIT is all or nothing', () => {
  test.each([
    ['a message nobody was given', ['99']],
    ['one message twice', ['1', '1']],
    ['in client mode, one that the ACK before it covers', ['2', '1']],
  ])('ACK of %s: nothing is done', async (_, ids) => {
    const bench = await StompBench.start();
    const application = await bench.application();
    application.subscribe('b');
    const peer = await bench.connected();
    peer.sends(subscribe('s', '/queue/q', 'ack:client\n'), send('/queue/q', 'x'), send('/queue/q', 'y'));
    await peer.receives();
    peer.sends(begin, send('b', 'done', 'transaction:t\n'), ...ids.map((id) => `ACK\nid:${id}\ntransaction:t\n\n^@`));
    await peer.sends(commit).expectsError('waits to be acknowledged');
    expect(application.payloads).toEqual([]);
    const next = await bench.connected();
    const text = await next.sends(subscribe('s', '/queue/q')).receives();
    expect(text).toContain('\n\nx^@');
    expect(text).toContain('\n\ny^@');
  });

  test('one without the header it needs is told before COMMIT', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await peer.sends(begin, 'ACK\ntransaction:t\n\n^@').expectsError('needs the header id');
  });
});

describe('STOMP 1.2 CONNECT', () => {
  test.each([
    ['too long', 'c'.repeat(1_025)],
    ['as long as may be', 'c'.repeat(1_024)],
  ])('a client-id %s', async (about, name) => {
    const bench = await StompBench.start();
    const peer = bench.peer();
    peer.sends(`CONNECT\naccept-version:1.2\nclient-id:${name}\n\n^@`);
    if (about === 'too long') await peer.expectsError('client-id of more than 1024 bytes');
    else expect(await peer.receives()).toMatch(/^CONNECTED\n/u);
  });
});

describe('reply-to of /temp-queue/', () => {
  test('works whatever the client is called', async () => {
    const bench = await StompBench.start();
    const application = await bench.application();
    application.subscribe('a');
    const topics: (string | undefined)[] = [];
    application.deliver = ({ message }) => void topics.push(message.properties?.responseTopic);
    const peer = await bench.connected('client-id:$a/+/#\n');
    await peer.sends(send('a', 'x', 'reply-to:/temp-queue/r\n')).expectsNothing();
    expect(topics).toEqual([expect.stringMatching(/^stomp\/reply\/[0-9a-f-]{36}\/r$/u)]);
    application.publish(topics[0] ?? '', 'answer');
    expect(await peer.receives()).toContain('\n\nanswer^@');
  });

  test('a name no topic can be made of is an ERROR of the client', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await peer.sends(send('a', 'x', 'reply-to:/temp-queue/#\n')).expectsError('');
    expect(bench.metric('stomp.internal-errors')).toBe(0);
  });

  test('counts as a subscription', async () => {
    const bench = await StompBench.start({ settings: { subscriptionsMax: 1 } });
    const peer = await bench.connected();
    await peer.sends(send('a', 'x', 'reply-to:/temp-queue/1\n'), send('a', 'x', 'reply-to:/temp-queue/2\n')).expectsError('subscriptionsMax');
  });
});

describe('STOMP 1.2 ERROR', () => {
  test('names no receipt of a frame that was not its cause', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected();
    await peer.sends(send('a', 'x', 'receipt:7\n')).expects('RECEIPT\nreceipt-id:7\n\n^@');
    expect(await peer.sends('NONSENSE\n\n^@').expectsError('no command')).not.toContain('receipt-id');
  });
});

describe('SUBSCRIBE to a queue that has messages', () => {
  const texts = Array.from({ length: 100 }, (_, index) => `m${index}`);

  async function filled(): Promise<StompBench> {
    const bench = await StompBench.start();
    const sender = await bench.connected();
    await sender.sends(...texts.map((text) => send('/queue/q', text))).expectsNothing();
    return bench;
  }

  const left = async (bench: StompBench): Promise<string[]> => {
    const next = await bench.connected();
    const text = await next.sends(subscribe('s', '/queue/q')).receives();
    return [...text.matchAll(/\n\n(m\d+)\^@/gu)].map(([, body]) => body ?? '');
  };

  test('takes nothing from it when the link is gone by then', async () => {
    const bench = await filled();
    const peer = await bench.connected();
    peer.sends(subscribe('s', '/queue/q'));
    peer.link.resets();
    expect(await left(bench)).toEqual(texts);
  });

  test('takes nothing when another connection has taken the client over by then', async () => {
    const bench = await filled();
    const peer = await bench.connected('client-id:c\n');
    peer.sends(subscribe('s', '/queue/q'));
    await bench.connected('client-id:c\n');
    expect(await left(bench)).toEqual(texts);
  });

  test('takes no more than what the link bears', async () => {
    const bench = await StompBench.start();
    const sender = await bench.connected();
    const body = 'x'.repeat(10_000);
    for (let count = 0; count < 400; count += 1) await sender.sends(send('/queue/q', body)).expectsNothing();
    const peer = await bench.connected();
    await peer.sends(subscribe('t', 't')).expectsNothing();
    peer.link.stopsReading();
    await sender.sends(send('t', 'y'.repeat(300_000))).expectsNothing();
    peer.sends(subscribe('s', '/queue/q'));
    await sender.expectsNothing();
    expect(bench.core.broker.queues('$share/stomp/queue/q').queues).toMatchObject([{ messages: 400 }]);
  });
});

describe('queues of clients that may not have them', () => {
  test.each([
    ['SEND', (name: string) => send(name, 'x')],
    ['SEND in a transaction', (name: string) => begin + send(name, 'x', 'transaction:t\n')],
    ['SUBSCRIBE', (name: string) => subscribe('s', name)],
  ])('%s makes none', async (_, frame) => {
    const bench = await StompBench.start({ settings: { queuesMax: 1 } });
    bench.core.access.forbids = (_action, { username }) => username === 'mallory';
    const peer = await bench.connected('login:mallory\n');
    await peer.sends(frame('/queue/theirs')).expectsError('not allowed');
    const other = await bench.connected();
    await other.sends(send('/queue/ours', 'x', 'receipt:1\n')).expects('RECEIPT\nreceipt-id:1\n\n^@');
  });

  test('a durable subscription that is denied leaves no session', async () => {
    const bench = await StompBench.start();
    bench.core.access.forbids = ({ kind }) => kind === 'subscribe';
    const peer = await bench.connected('client-id:c\n');
    await peer.sends(subscribe('s', 'a', 'durable:true\n')).expectsError('not allowed');
    expect(bench.core.broker.sessionCount).toBe(0);
  });
});

describe('RECEIPT and ERROR', () => {
  test('of a durable SUBSCRIBE comes though UNSUBSCRIBE follows at once', async () => {
    const bench = await StompBench.start();
    const peer = await bench.connected('client-id:c\n');
    peer.sends(subscribe('s', 'a', 'durable:true\nreceipt:1\n'), 'UNSUBSCRIBE\nid:s\nreceipt:2\n\n^@');
    await peer.expects('RECEIPT\nreceipt-id:1\n\n^@', 'RECEIPT\nreceipt-id:2\n\n^@');
  });

  test.each([
    ['no destination', 'SEND\ntransaction:t\nreceipt:1\n\n^@'],
    ['a queue too many', send('/queue/b', 'x', 'transaction:t\nreceipt:1\n')],
  ])('a frame of a transaction that is wrong (%s) has no RECEIPT', async (_, frame) => {
    const bench = await StompBench.start({ settings: { queuesMax: 1 } });
    const peer = await bench.connected();
    await peer.sends(send('/queue/a', 'x'), begin).expectsNothing();
    const text = await peer.sends(frame).receives();
    expect(text).not.toContain('RECEIPT');
    expect(text).toContain('\nreceipt-id:1\n');
  });

  test('a SEND with a receipt is stored in a transaction as without one', async () => {
    const bench = await StompBench.start({ settings: { sendQos: 0 } });
    const application = await bench.application();
    application.subscribe('a');
    const peer = await bench.connected();
    peer.sends(send('a', '1', 'receipt:1\n'), begin, send('a', '2', 'transaction:t\nreceipt:2\n'), commit);
    await peer.receives();
    expect(application.delivered.map(({ payload, qos }) => [payload, qos])).toEqual([
      ['1', 1],
      ['2', 1],
    ]);
  });
});
