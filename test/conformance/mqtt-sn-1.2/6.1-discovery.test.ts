import { describe, test } from 'vitest';
import { MqttSnBench } from '../../support/mqtt-sn.ts';

describe('MQTT-SN 1.2 §6.1 Gateway Advertisement and Discovery', () => {
  test.each([0, 1, 255])('SEARCHGW with radius %i is answered by GWINFO with the gateway id alone, to who asked', async (radius) => {
    const bench = await MqttSnBench.start({ settings: { gatewayId: 7 } });
    const sensor = bench.sensor();
    await sensor.sends({ type: 'SEARCHGW', radius }).expects({ type: 'GWINFO', gwId: 7, gwAdd: Buffer.alloc(0) });
  });

  test.each<[string, string]>([
    ['ADVERTISE', '05 00 02 03 84'],
    ['GWINFO', '03 02 02'],
  ])('%s of another gateway is left alone', async (_, hex) => {
    const bench = await MqttSnBench.start();
    const sensor = bench.sensor();
    await sensor.sends(hex).expects();
  });
});
