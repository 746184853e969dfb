import { accessEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt } from '../../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../../confirm.ts';
import { type PageFlags, upToLimit, withPageFlags } from '../../page-flags.ts';

interface NamespaceFlags {
  readonly description: string;
  readonly keyTag: string;
}

/** `querator namespace create|list|update|delete` */
export function addNamespace(program: Command, cli: Cli): void {
  const group = program.command('namespace').description('manage namespaces');
  const withSettings = (command: Command) =>
    command
      .argument('<namespace>', 'its name')
      .option('--description <text>', 'free text', '')
      .option('--key-tag <tag>', 'tag of API keys that are scoped to it', '');
  const options = () => ({ signal: cli.interrupted() });

  withSettings(group.command('create').description('create a namespace')).action(
    async (name: string, { description, keyTag: apiKeyTag }: NamespaceFlags) => {
      const { access } = cli.client();
      await attempt('failed to create namespace', () =>
        access.namespacesCreate({ name, description, apiKeyTag }, options()),
      );
      cli.output.say(`Successfully created namespace '${name}'`);
    },
  );
  withSettings(group.command('update').description('replace description and tag of a namespace')).action(
    async (name: string, { description, keyTag: apiKeyTag }: NamespaceFlags) => {
      const { access } = cli.client();
      await attempt('failed to update namespace', () =>
        access.namespacesUpdate({ name, description, apiKeyTag }, options()),
      );
      cli.output.say(`Successfully updated namespace '${name}'`);
    },
  );
  withPageFlags(group.command('list').description('print the namespaces as JSON'), 'name').action(
    async (flags: PageFlags) => {
      const { access } = cli.client();
      const page = await attempt('failed to list namespaces', () =>
        upToLimit(
          flags,
          (page) => access.namespacesList({ ...flags, ...page }, options()),
          ({ name }) => name,
        ),
      );
      await cli.output.json(accessEndpoints.namespacesList.response, page);
      cli.output.say(`Found ${page.items.length} namespace(s)`);
    },
  );
  withYesFlag(
    group
      .command('delete')
      .description(
        'delete a namespace without queues, roles and bindings, and the API keys that are scoped to it',
      )
      .argument('<namespace>', 'its name'),
  ).action(async (name: string, flags: YesFlag) => {
    const { access } = cli.client();
    const question = `Delete namespace '${name}' and the API keys that are scoped to it?`;
    await confirmDeletion(cli, flags, { prefix: 'failed to delete namespace', question });
    await attempt('failed to delete namespace', () => access.namespacesDelete({ name }, options()));
    cli.output.say(`Successfully deleted namespace '${name}'`);
  });
}
