import { GatewayError } from '../model/errors.ts';
import { type ConfigOptions, loadConfig, problemText } from './config-options.ts';
import { prepareDataDirectory } from './data-directory.ts';
import { EXIT, EXIT_OF } from './exit-codes.ts';
import { GatewayProcess } from './gateway-process.ts';
import type { Surroundings } from './surroundings.ts';

/** Runs a gateway until it is told to stop. With a wrong configuration nothing is started at all. */
export async function start(options: ConfigOptions, surroundings: Surroundings): Promise<number> {
  const loadAgain = () => loadConfig(options, surroundings, 'required');
  const loaded = loadAgain();
  if (loaded.kind === 'invalid') {
    const count = loaded.problems.length === 1 ? '1 problem' : `${loaded.problems.length} problems`;
    surroundings.complain(`${problemText(loaded.problems)}postern: ${count} in the configuration; nothing was started\n`);
    return EXIT.config;
  }
  try {
    const caution = prepareDataDirectory(loaded.config.data.directory);
    const gatewayProcess = new GatewayProcess({ config: loaded.config, loadAgain, file: options.config, surroundings });
    for (const { where, message } of loaded.warnings) gatewayProcess.log.warn('dangerous configuration', { where, message });
    if (caution !== undefined) gatewayProcess.log.warn('data directory not private', { message: caution });
    return await gatewayProcess.run();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    surroundings.complain(`postern: ${error.message}\n`);
    return EXIT_OF[error.code];
  }
}
