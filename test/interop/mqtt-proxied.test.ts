// An MQTT listener behind a proxy, as a whole gateway: whom it takes a client for.
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { PosternProcess, temporaryDirectory } from '../support/postern-process.ts';

/** MQTT 3.1.1, client id `test`. */
const CONNECT = Buffer.from('101000044d5154540402003c000474657374', 'hex');
const ACCEPTED = '20020000';
const NOT_AUTHORIZED = '20020005'; // MQTT 3.1.1 §3.2.2.3
const FROM_LOOPBACK = Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 49152 1883\r\n');
/** The proxy's own connection. */
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
/** For 192.0.2.7, with a verified certificate of valve1. */
const WITH_CERTIFICATE = Buffer.from('0d0a0d0a000d0a515549540a2111001d' + 'c0000207c6336401c000075b' + '20000e070000000022000676616c766531', 'hex');

async function answer(port: number, header: Buffer): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  onTestFinished(() => void socket.destroy());
  socket.write(Buffer.concat([header, CONNECT]));
  return new Promise((resolve, reject) => {
    socket.once('data', (bytes) => resolve(bytes.toString('hex')));
    socket.once('error', reject);
  });
}

test('loopback proves nothing behind a proxy, a certificate the proxy verified does', async () => {
  const set = (assignment: string) => ['--set', assignment];
  const gateway = new PosternProcess([
    ...['start', '--data', temporaryDirectory()],
    ...set('mqttSn.udp.enabled=false'),
    ...set('mqtt.tcp.bind=127.0.0.1:0'),
    ...set('mqtt.tcp.proxyProtocol=both'),
    ...set('mqtt.tcp.proxyTrusted=[127.0.0.1]'),
  ]);
  const [, text = ''] = await gateway.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  const port = Number(text);
  expect(await answer(port, FROM_LOOPBACK)).toBe(NOT_AUTHORIZED);
  expect(await answer(port, LOCAL)).toBe(NOT_AUTHORIZED);
  expect(await answer(port, WITH_CERTIFICATE)).toBe(ACCEPTED);
});
