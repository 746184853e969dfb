import { accessEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt } from '../../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../../confirm.ts';
import { type PageFlags, upToLimit, withPageFlags } from '../../page-flags.ts';

/** `querator role create|list|update|delete` */
export function addRole(program: Command, cli: Cli): void {
  const group = program.command('role').description('manage roles');
  const options = () => ({ signal: cli.interrupted() });
  const named = (command: Command) =>
    command.argument('<namespace>', 'its namespace').argument('<role>', 'its name');

  named(group.command('create').description('create a role'))
    .argument('[permissions...]', 'such as queue.produce')
    .action(async (namespace: string, name: string, permissions: string[]) => {
      const { access } = cli.client();
      const created = await attempt('failed to create role', () =>
        access.rolesCreate({ namespace, name, permissions }, options()),
      );
      await cli.output.json(accessEndpoints.rolesCreate.response, created);
      cli.output.say(`Successfully created role '${name}'`);
    });
  named(group.command('update').description('replace the permissions of a role'))
    .argument('[permissions...]', 'all that it has from then on')
    .action(async (namespace: string, name: string, permissions: string[]) => {
      const { access } = cli.client();
      await attempt('failed to update role', () =>
        access.rolesUpdate({ namespace, name, permissions }, options()),
      );
      cli.output.say(`Successfully updated role '${name}'`);
    });
  withPageFlags(group.command('list').description('print the roles of a namespace as JSON'), 'id')
    .option('--namespace <namespace>', 'the namespace (default: _system)', '')
    .action(async (flags: PageFlags & { readonly namespace: string }) => {
      const { access } = cli.client();
      const page = await attempt('failed to list roles', () =>
        upToLimit(
          flags,
          (page) => access.rolesList({ ...flags, ...page }, options()),
          ({ id }) => id,
        ),
      );
      await cli.output.json(accessEndpoints.rolesList.response, page);
      cli.output.say(`Found ${page.items.length} role(s)`);
    });
  withYesFlag(named(group.command('delete').description('delete a role without bindings'))).action(
    async (namespace: string, name: string, flags: YesFlag) => {
      const { access } = cli.client();
      const question = `Delete role '${name}' of namespace '${namespace}'?`;
      await confirmDeletion(cli, flags, { prefix: 'failed to delete role', question });
      await attempt('failed to delete role', () => access.rolesDelete({ namespace, name }, options()));
      cli.output.say(`Successfully deleted role '${name}'`);
    },
  );
}
