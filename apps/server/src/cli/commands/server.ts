import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { usageError } from '../command-error.ts';

interface ServerFlags {
  readonly config?: string;
  readonly address?: string;
  readonly adminAddress?: string;
  readonly logLevel?: string;
  readonly workers?: string;
}

/** The largest number of workers. */
const MOST_WORKERS = 256;

function parseWorkers(text: string | undefined): number {
  const count = text === undefined ? 1 : Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_WORKERS) return count;
  throw usageError(`invalid number of workers '${text}'; expected a whole number from 1 to ${MOST_WORKERS}`);
}

/** `querator server`: runs a server until SIGINT or SIGTERM. */
export function addServer(program: Command, cli: Cli): void {
  program
    .command('server')
    .description('run a server until Ctrl-C or SIGTERM')
    .option('--config <file>', 'YAML configuration (QUERATOR_CONFIG; default: everything in memory)')
    .option('--address <host:port>', 'where to listen (QUERATOR_ADDRESS; default localhost:2319)')
    .option('--admin-address <host:port>', 'the port for operators (QUERATOR_ADMIN_ADDRESS; default none)')
    .option('--log-level <level>', 'debug, info, warn or error (QUERATOR_LOG_LEVEL; default info)')
    .option('--workers <n>', 'processes that share the port (QUERATOR_WORKERS; default 1)')
    .action(async ({ config, address, adminAddress, logLevel, workers }: ServerFlags) => {
      cli.exitCode = await cli.io.runServer({
        configFile: cli.setting(config, 'QUERATOR_CONFIG'),
        address: cli.setting(address, 'QUERATOR_ADDRESS'),
        adminAddress: cli.setting(adminAddress, 'QUERATOR_ADMIN_ADDRESS'),
        logLevel: cli.setting(logLevel, 'QUERATOR_LOG_LEVEL'),
        workers: parseWorkers(cli.setting(workers, 'QUERATOR_WORKERS')),
      });
    });
}
