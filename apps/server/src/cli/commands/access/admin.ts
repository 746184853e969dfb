import type { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt, usageError } from '../../command-error.ts';

/** `querator admin recover`: works directly on the storage of the queues, for operators. */
export function addAdmin(program: Command, cli: Cli): void {
  program
    .command('admin')
    .description('administer access control without a server')
    .command('recover')
    .description('create an administrator with a new API key, and print the key as JSON')
    .option('--config <file>', "the servers' YAML configuration (QUERATOR_CONFIG)")
    .action(async ({ config }: { readonly config?: string }) => {
      const configFile = cli.setting(config, 'QUERATOR_CONFIG');
      if (configFile === undefined) {
        throw usageError("required: --config or QUERATOR_CONFIG, the servers' configuration file");
      }
      // Loaded on demand, like the server.
      const { recoverByConfig } = await import('../../recover-admin.ts');
      const { username, userId, id, key } = await attempt('failed to create an administrator', () =>
        recoverByConfig(configFile),
      );
      await cli.output.value({ username, user_id: userId, key_id: id, key });
      cli.output.say(`Successfully created administrator '${username}'`);
    });
}
