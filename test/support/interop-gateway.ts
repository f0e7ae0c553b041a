// The gateway as other people's tests expect it, as a process of its own on a free port.
import { PosternProcess, temporaryDirectory } from './postern-process.ts';

export interface InteropGateway {
  readonly process: PosternProcess;
  readonly port: number;
}

/** Killed when the test ends. @param over - settings of the configuration, `key=value`. */
export async function interopGateway(data = temporaryDirectory(), over: readonly string[] = []): Promise<InteropGateway> {
  const settings = ['--set', 'mqtt.tcp.bind=127.0.0.1:0', '--set', 'mqttSn.udp.enabled=false', ...over.flatMap((setting) => ['--set', setting])];
  const process = new PosternProcess(['start', '--config', 'config/examples/interop.yaml', '--data', data, ...settings]);
  const [, port = ''] = await process.prints(/mqtt\.tcp +127\.0\.0\.1:(\d+)\n/);
  return { process, port: Number(port) };
}
