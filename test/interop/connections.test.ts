// mqtt.connectionsMax over the real listener: the next one is told and closed, the others stay.
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

/** Connects and says CONNECT. @returns the answer; undefined when the connection was closed instead, by FIN or by RST. */
function knock(port: number): { readonly socket: Socket; readonly answer: Promise<Buffer | undefined> } {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  const answer = new Promise<Buffer | undefined>((resolve) => {
    socket.once('data', resolve);
    socket.once('close', () => resolve(undefined));
  });
  socket.write(Buffer.from('100d00044d5154540402003c000161', 'hex')); // 3.1.1, clean, client id "a"
  return { socket, answer };
}

test('more connections than allowed: the next one is told return code 3, and a place that is free is given again', async () => {
  const set = (key: string, value: string) => ['--set', `${key}=${value}`];
  const gateway = new PosternProcess([
    ...['start', '--data', temporaryDirectory()],
    ...set('mqtt.tcp.bind', '127.0.0.1:0'),
    ...set('mqttSn.udp.enabled', 'false'),
    ...set('mqtt.connectionsMax', '1'),
  ]);
  const [, port = ''] = await gateway.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  const first = knock(Number(port));
  expect((await first.answer)?.toString('hex')).toBe('20020000');
  expect((await knock(Number(port)).answer)?.toString('hex')).toBe('20020003');
  await gateway.prints(/"busy".*connection refused/);
  first.socket.destroy();
  let isGivenAgain = false;
  while (!isGivenAgain) {
    const next = knock(Number(port));
    isGivenAgain = (await next.answer)?.toString('hex') === '20020000';
    next.socket.destroy();
  }
});
