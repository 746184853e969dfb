import { accessEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt } from '../../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../../confirm.ts';
import { type PageFlags, upToLimit, withPageFlags } from '../../page-flags.ts';

/** `querator binding create|list|delete` */
export function addBinding(program: Command, cli: Cli): void {
  const group = program.command('binding').description('give users the permissions of roles');
  const options = () => ({ signal: cli.interrupted() });
  const named = (command: Command) =>
    command
      .argument('<namespace>', 'where the user gets the permissions')
      .argument('<role>', 'a role of the namespace, or a standard role')
      .argument('<user-id>', 'the user');

  named(group.command('create').description('bind a role to a user')).action(
    async (namespace: string, roleName: string, userId: string) => {
      const { access } = cli.client();
      const created = await attempt('failed to create binding', () =>
        access.roleBindingsCreate({ namespace, roleName, userId }, options()),
      );
      await cli.output.json(accessEndpoints.roleBindingsCreate.response, created);
      cli.output.say(`Successfully bound role '${roleName}' to user '${userId}' in namespace '${namespace}'`);
    },
  );
  withPageFlags(group.command('list').description('print the bindings of a namespace as JSON'), 'id')
    .option('--namespace <namespace>', 'the namespace (default: _system)', '')
    .option('--user <user-id>', 'only bindings of this user', '')
    .action(async ({ user: userIdFilter, ...flags }: PageFlags & BindingFilter) => {
      const { access } = cli.client();
      const page = await attempt('failed to list bindings', () =>
        upToLimit(
          flags,
          (page) => access.roleBindingsList({ userIdFilter, ...flags, ...page }, options()),
          ({ id }) => id,
        ),
      );
      await cli.output.json(accessEndpoints.roleBindingsList.response, page);
      cli.output.say(`Found ${page.items.length} binding(s)`);
    });
  withYesFlag(named(group.command('delete').description('take a role from a user'))).action(
    async (namespace: string, roleName: string, userId: string, flags: YesFlag) => {
      const { access } = cli.client();
      const question = `Take role '${roleName}' from user '${userId}' in namespace '${namespace}'?`;
      await confirmDeletion(cli, flags, { prefix: 'failed to delete binding', question });
      await attempt('failed to delete binding', () =>
        access.roleBindingsDelete({ namespace, roleName, userId }, options()),
      );
      cli.output.say(
        `Successfully took role '${roleName}' from user '${userId}' in namespace '${namespace}'`,
      );
    },
  );
}

interface BindingFilter {
  readonly namespace: string;
  readonly user: string;
}
