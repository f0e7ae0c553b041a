// mqtt.connectionsMax over the real listener: the next one is closed at once, the others stay.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

test('more connections than allowed: the next one is closed at once and counted, and a place that is free is given again', async () => {
  const set = (key: string, value: string) => ['--set', `${key}=${value}`];
  const gateway = new PosternProcess([
    ...['start', '--data', temporaryDirectory()],
    ...set('mqtt.tcp.bind', '127.0.0.1:0'),
    ...set('mqttSn.udp.enabled', 'false'),
    ...set('mqtt.connectionsMax', '1'),
  ]);
  const [, port = ''] = await gateway.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  const clean = Buffer.from('100d00044d5154540402003c000161', 'hex'); // CONNECT, 3.1.1, clean, client id "a"
  const first = connect(Number(port), '127.0.0.1');
  first.write(clean);
  const [connack] = (await once(first, 'data')) as [Buffer];
  expect(connack.toString('hex')).toBe('20020000');
  const second = connect(Number(port), '127.0.0.1').on('error', () => undefined);
  await once(second, 'close');
  await gateway.prints(/connection refused, too many are open/);
  first.destroy();
  for (;;) {
    const third = connect(Number(port), '127.0.0.1').on('error', () => undefined);
    third.write(clean);
    const answer = await Promise.race([once(third, 'data'), once(third, 'close')]);
    third.destroy();
    if (answer[0] instanceof Buffer) break;
  }
});
