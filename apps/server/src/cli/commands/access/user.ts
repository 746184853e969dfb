import { accessEndpoints } from '@querator/protocol';
import type { Command } from 'commander';
import type { Cli } from '../../cli.ts';
import { attempt } from '../../command-error.ts';
import { confirmDeletion, withYesFlag, type YesFlag } from '../../confirm.ts';
import { type PageFlags, upToLimit, withPageFlags } from '../../page-flags.ts';

interface UserFlags {
  readonly email: string;
  readonly externalId: string;
}

/** `querator user create|list|delete` */
export function addUser(program: Command, cli: Cli): void {
  const group = program.command('user').description('manage users');
  const options = () => ({ signal: cli.interrupted() });

  group
    .command('create')
    .description('create a user, and print its id as JSON')
    .argument('<username>', 'its unique name')
    .option('--email <address>', 'e-mail address', '')
    .option('--external-id <id>', 'id in another system', '')
    .action(async (username: string, flags: UserFlags) => {
      const { access } = cli.client();
      const created = await attempt('failed to create user', () =>
        access.usersCreate({ username, ...flags }, options()),
      );
      await cli.output.json(accessEndpoints.usersCreate.response, created);
      cli.output.say(`Successfully created user '${username}'`);
    });
  withPageFlags(group.command('list').description('print the users as JSON'), 'id').action(
    async (flags: PageFlags) => {
      const { access } = cli.client();
      const page = await attempt('failed to list users', () =>
        upToLimit(
          flags,
          (page) => access.usersList({ ...flags, ...page }, options()),
          ({ id }) => id,
        ),
      );
      await cli.output.json(accessEndpoints.usersList.response, page);
      cli.output.say(`Found ${page.items.length} user(s)`);
    },
  );
  withYesFlag(
    group
      .command('delete')
      .description('delete a user with its API keys and role bindings')
      .argument('<user-id>', 'the id, as list prints it'),
  ).action(async (id: string, flags: YesFlag) => {
    const { access } = cli.client();
    const question = `Delete user '${id}' with its API keys and role bindings?`;
    await confirmDeletion(cli, flags, { prefix: 'failed to delete user', question });
    await attempt('failed to delete user', () => access.usersDelete({ id }, options()));
    cli.output.say(`Successfully deleted user '${id}'`);
  });
}
