// A gateway with one bridge, as a process of its own on a free port.
import { PosternProcess } from './postern-process.ts';

export interface BridgingGateway {
  readonly process: PosternProcess;
  readonly port: number;
}

/** Killed when the test ends. @param bridge - as an item of `bridges` in a configuration. */
export async function bridgingGateway(data: string, bridge: string): Promise<BridgingGateway> {
  const settings = ['mqtt.tcp.bind=127.0.0.1:0', 'mqttSn.udp.enabled=false', `bridges=[${bridge}]`].flatMap((setting) => ['--set', setting]);
  const process = new PosternProcess(['start', '--data', data, ...settings]);
  const [, port = ''] = await process.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  return { process, port: Number(port) };
}
