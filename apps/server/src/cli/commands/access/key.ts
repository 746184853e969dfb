import { accessEndpoints, endpointsV2 } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt } from '../../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../../confirm.ts';
import { duration, timeOf } from '../../flags.ts';
import { type PageFlags, upToLimit, withPageFlags } from '../../page-flags.ts';

interface KeyFlags {
  readonly name: string;
  readonly scope: string;
  readonly expiresAt?: string;
  readonly tag: string;
}

/** `querator key create|list|rotate|delete` */
export function addKey(program: Command, cli: Cli): void {
  const group = program.command('key').description('manage API keys');
  const options = () => ({ signal: cli.interrupted() });

  group
    .command('create')
    .description('create an API key, and print it as JSON. No other command shows it again')
    .argument('<user-id>', 'the owner')
    .option('--name <text>', 'a label', '')
    .option('--scope <namespace>', 'the only namespace in which the key is valid', '')
    .option('--expires-at <time>', 'when it expires, in RFC 3339 (default: never)')
    .option('--tag <tag>', 'part of the key, 0-9a-z (default: the tag of its namespace, or live)', '')
    .action(async (userId: string, { name, scope, expiresAt, tag }: KeyFlags) => {
      const { access } = cli.client();
      const request = {
        userId,
        name,
        namespaceScope: scope,
        keyTag: tag,
        expiresAt: timeOf('expires-at', expiresAt),
      };
      const created = await attempt('failed to create key', () => access.apiKeysCreate(request, options()));
      await cli.output.json(accessEndpoints.apiKeysCreate.response, created);
      cli.output.say(`Successfully created key '${created.prefix}'`);
    });
  withPageFlags(group.command('list').description('print the API keys, without secrets, as JSON'), 'id')
    .option('--user <user-id>', 'only keys of this user', '')
    .action(async ({ user: userId, ...flags }: PageFlags & { readonly user: string }) => {
      const { access } = cli.client();
      const page = await attempt('failed to list keys', () =>
        upToLimit(
          flags,
          (page) => access.apiKeysList({ userId, ...page }, options()),
          ({ id }) => id,
        ),
      );
      await cli.output.json(accessEndpoints.apiKeysList.response, page);
      cli.output.say(`Found ${page.items.length} key(s)`);
    });
  addRotate(group, cli);
  withYesFlag(
    group
      .command('delete')
      .description('delete an API key; it is refused from then on')
      .argument('<key-id>', 'the id, as list prints it'),
  ).action(async (id: string, flags: YesFlag) => {
    const { access } = cli.client();
    const question = `Delete API key '${id}'?`;
    await confirmDeletion(cli, flags, { prefix: 'failed to delete key', question });
    await attempt('failed to delete key', () => access.apiKeysDelete({ id }, options()));
    cli.output.say(`Successfully deleted key '${id}'`);
  });
}

function addRotate(group: Command, cli: Cli): void {
  withYesFlag(
    group
      .command('rotate')
      .description('give an API key a new secret, and print it as JSON. No other command shows it again')
      .argument('<key-id>', 'the id, as list prints it')
      .requiredOption('--grace <duration>', 'how long the present secret stays valid, 0s to 720h'),
  ).action(async (id: string, { grace, yes }: YesFlag & { readonly grace: string }) => {
    const prefix = 'failed to rotate key';
    if (duration('grace', grace) === 0n) {
      const question = `Refuse the present secret of API key '${id}' from now on?`;
      await confirmDeletion(cli, { yes }, { prefix, question });
    }
    const { v2 } = cli.client();
    const rotated = await attempt(prefix, () =>
      v2.apiKeys.rotate({ id, grace }, { signal: cli.interrupted() }),
    );
    await cli.output.json(endpointsV2.apiKeys.rotate.response, rotated);
    cli.output.say(`Successfully rotated key '${rotated.prefix}'`);
  });
}
