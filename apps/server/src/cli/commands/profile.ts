import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, usageError } from '../command-error.ts';
import { profilesFile, readProfiles, useProfile } from '../profiles.ts';
import { textTable } from '../text-table.ts';

/** `querator profile list|use` */
export function addProfile(program: Command, cli: Cli): void {
  const group = program.command('profile').description('choose among the servers of the profiles file');
  group
    .command('list')
    .description('print the profiles, without their keys')
    .option('--json', 'print JSON instead of a table', false)
    .action(async ({ json }: { readonly json: boolean }) => {
      const file = profilesFile(cli.io.env);
      const { default: chosen, profiles } = await attempt('failed to list profiles', () =>
        readProfiles(file),
      );
      const all = Object.entries(profiles).map(([name, profile]) => ({
        ...{ name, default: name === chosen, endpoint: profile.endpoint ?? '' },
        key: profile['api-key'] !== undefined || profile['api-key-file'] !== undefined,
      }));
      if (json) await cli.output.value({ profiles: all });
      else {
        const rows = all.map((each) => [
          ...[each.name, each.default ? 'yes' : '', each.endpoint, each.key ? 'yes' : ''],
        ]);
        await cli.output.data(textTable(['NAME', 'DEFAULT', 'ENDPOINT', 'KEY'], rows));
      }
      cli.output.say(`Found ${all.length} profile(s)${file === undefined ? '' : ` in ${file}`}`);
    });
  group
    .command('use')
    .description('make a profile the one that is used if none is chosen')
    .argument('<name>', 'its name')
    .action(async (name: string) => {
      const file = profilesFile(cli.io.env);
      if (file === undefined) throw usageError('there is no profiles file: HOME is not set');
      await attempt('failed to choose profile', () => useProfile(file, name));
      cli.output.say(`Profile '${name}' is now the default`);
    });
}
