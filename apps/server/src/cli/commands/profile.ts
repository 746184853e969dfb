import { resolve } from 'node:path';
import { createClient } from '@querator/client';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { attempt, describeError, usageError } from '../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../confirm.ts';
import {
  addProfile as add,
  type Profile,
  profileOf,
  profilesFile,
  readProfiles,
  removeProfile,
  useProfile,
} from '../profiles.ts';
import { readSecret } from '../read-secret.ts';
import { textTable } from '../text-table.ts';

/** `querator profile list|add|use|remove` */
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
    .command('add')
    .description('add a profile with the --endpoint, --api-key-file and files for TLS of this line')
    .argument('<name>', 'its name')
    .option('--with-key', 'ask for its API key, or read it from standard input', false)
    .action(async (name: string, { withKey }: { readonly withKey: boolean }) => {
      const file = fileOf(cli);
      const profile = profileOfFlags(cli);
      const key = withKey ? await readSecret(cli, `API key of '${name}': `) : undefined;
      if (key === '') throw usageError('the API key is empty');
      await attempt('failed to add profile', () =>
        add(file, name, { ...profile, ...(key !== undefined && { 'api-key': key }) }),
      );
      cli.output.say(`Added profile '${name}' to ${file}`);
    });
  group
    .command('use')
    .description('make a profile the one that is used if none is chosen')
    .argument('<name>', 'its name')
    .action(async (name: string) => {
      const file = fileOf(cli);
      await attempt('failed to choose profile', () => useProfile(file, name));
      cli.output.say(`Profile '${name}' is now the default`);
    });
  withYesFlag(
    group.command('remove').description('remove a profile, with its key').argument('<name>', 'its name'),
  ).action(async (name: string, flags: YesFlag) => {
    const file = fileOf(cli);
    const prefix = 'failed to remove profile';
    await attempt(prefix, () => profileOf(readProfiles(file), name, file));
    await confirmDeletion(cli, flags, { prefix, question: `Remove profile '${name}' from ${file}?` });
    await attempt(prefix, () => removeProfile(file, name));
    cli.output.say(`Removed profile '${name}' from ${file}`);
  });
}

function fileOf(cli: Cli): string {
  const file = profilesFile(cli.io.env);
  if (file === undefined) throw usageError('there is no profiles file: HOME is not set');
  return file;
}

/** The settings of the line, for a profile. Relative paths of the line start at the working folder. */
function profileOfFlags(cli: Cli): Profile {
  const { endpoint, apiKey, apiKeyFile, caFile, certFile, keyFile } = cli.flags;
  if (apiKey !== undefined) {
    throw usageError('a key in the line is seen by others; use --with-key, or --api-key-file');
  }
  if (endpoint) checkEndpoint(endpoint);
  const path = (file: string) => resolve(file);
  return {
    ...(endpoint && { endpoint }),
    ...(apiKeyFile && { 'api-key-file': path(apiKeyFile) }),
    ...(caFile && { 'ca-file': path(caFile) }),
    ...(certFile && { 'cert-file': path(certFile) }),
    ...(keyFile && { 'key-file': path(keyFile) }),
  };
}

/** A file for TLS may be missing for now, but an endpoint is right or wrong. */
function checkEndpoint(endpoint: string): void {
  try {
    createClient({ endpoint });
  } catch (error) {
    throw usageError(`failed to add profile: ${describeError(error)}`, error);
  }
}
