import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, CommandError } from '../command-error.ts';

interface BackupFlags {
  readonly config?: string;
  readonly storage?: string;
}

/** `querator backup`: copies the file of a storage, while its server runs or not. */
export function addBackup(program: Command, cli: Cli): void {
  program
    .command('backup')
    .description('copy the file of a storage on SQLite, while its server runs or not')
    .argument('<file>', 'where the copy goes; nothing may be there')
    .option('--config <file>', "the server's YAML configuration (QUERATOR_CONFIG)")
    .option('--storage <name>', 'one of its storages, if they have several files')
    .action(async (file: string, { config, storage }: BackupFlags) => {
      const configFile = cli.setting(config, 'QUERATOR_CONFIG');
      if (configFile === undefined) {
        throw new CommandError("required: --config or QUERATOR_CONFIG, the server's configuration file");
      }
      // Loaded on demand, like the server.
      const { chooseBackup } = await import('../storage-backups.ts');
      const ending = new AbortController();
      const forget = cli.io.beforeEnd(['SIGINT', 'SIGTERM', 'SIGHUP'], () => ending.abort());
      const { storages, bytes } = await attempt('failed to back up', async () => {
        const chosen = await chooseBackup({ configFile, storage: storage || undefined });
        return { ...chosen, bytes: await chosen.backup.write(file, ending.signal) };
      });
      forget();
      const names = storages.map((name) => `'${name}'`).join(' and ');
      cli.output.say(`Successfully copied storage ${names} to '${file}' (${bytes} bytes)`);
    });
}
