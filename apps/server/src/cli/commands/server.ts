import type { Command } from 'commander';
import type { Cli } from '../cli.ts';

interface ServerFlags {
  readonly config?: string;
  readonly address?: string;
  readonly logLevel?: string;
}

/** `querator server`: runs a server until SIGINT or SIGTERM. */
export function addServer(program: Command, cli: Cli): void {
  program
    .command('server')
    .description('run a server until Ctrl-C or SIGTERM')
    .option('--config <file>', 'YAML configuration (QUERATOR_CONFIG; default: everything in memory)')
    .option('--address <host:port>', 'where to listen (QUERATOR_ADDRESS; default localhost:2319)')
    .option('--log-level <level>', 'debug, info, warn or error (QUERATOR_LOG_LEVEL; default info)')
    .action(async ({ config, address, logLevel }: ServerFlags) => {
      cli.exitCode = await cli.io.runServer({
        configFile: cli.setting(config, 'QUERATOR_CONFIG'),
        address: cli.setting(address, 'QUERATOR_ADDRESS'),
        logLevel: cli.setting(logLevel, 'QUERATOR_LOG_LEVEL'),
      });
    });
}
