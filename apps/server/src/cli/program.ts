import { Command } from 'commander';
import { visibleText } from '../observability/visible-text.ts';
import { VERSION } from '../version.ts';
import type { Cli } from './cli.ts';
import { addAdmin } from './commands/access/admin.ts';
import { addAudit } from './commands/access/audit.ts';
import { addBinding } from './commands/access/binding.ts';
import { addKey } from './commands/access/key.ts';
import { addNamespace } from './commands/access/namespace.ts';
import { addQuota } from './commands/access/quota.ts';
import { addRole } from './commands/access/role.ts';
import { addUser } from './commands/access/user.ts';
import { addBackup } from './commands/backup.ts';
import { addClear } from './commands/clear.ts';
import { addComplete } from './commands/complete.ts';
import { addCompletion } from './commands/completion.ts';
import { addCreate } from './commands/create.ts';
import { addDelete } from './commands/delete.ts';
import { addDescribe } from './commands/describe.ts';
import { addExport } from './commands/export.ts';
import { addFind } from './commands/find.ts';
import { addHeldLeases } from './commands/held-leases.ts';
import { addImport } from './commands/import.ts';
import { addInfo } from './commands/info.ts';
import { addInstances } from './commands/instances.ts';
import { addItems } from './commands/items.ts';
import { addLease } from './commands/lease.ts';
import { addList } from './commands/list.ts';
import { addMigrate } from './commands/migrate.ts';
import { addOutbox } from './commands/outbox.ts';
import { addPause } from './commands/pause.ts';
import { addPeek } from './commands/peek.ts';
import { addProduce } from './commands/produce.ts';
import { addProfile } from './commands/profile.ts';
import { addQueues } from './commands/queues.ts';
import { addRates } from './commands/rates.ts';
import { addReload } from './commands/reload.ts';
import { addRetry } from './commands/retry.ts';
import { addSchedule } from './commands/schedule.ts';
import { addServer } from './commands/server.ts';
import { addServerInfo } from './commands/server-info.ts';
import { addStats } from './commands/stats.ts';
import { addStorage } from './commands/storage.ts';
import { addStorages } from './commands/storages.ts';
import { addTail } from './commands/tail.ts';
import { addTask } from './commands/task.ts';
import { addTop } from './commands/top.ts';
import { addUpdate } from './commands/update.ts';
import { addVersion } from './commands/version.ts';
import { addTableFlags } from './table-flag.ts';

/** The width of help in columns, the same on every terminal. */
const HELP_WIDTH = 100;

const COMMANDS = [
  addServer,
  addCreate,
  addList,
  addInfo,
  addDescribe,
  addUpdate,
  addDelete,
  addClear,
  addPause,
  addReload,
  addProduce,
  addLease,
  addComplete,
  addHeldLeases,
  addSchedule,
  addStats,
  addTop,
  addTail,
  addPeek,
  addQueues,
  addRates,
  addFind,
  addRetry,
  addItems,
  addExport,
  addImport,
  addMigrate,
  addStorage,
  addStorages,
  addBackup,
  addTask,
  addOutbox,
  addNamespace,
  addUser,
  addKey,
  addRole,
  addBinding,
  addAudit,
  addInstances,
  addServerInfo,
  addQuota,
  addAdmin,
  addProfile,
  addCompletion,
  addVersion,
];

/** The command line: its commands, their flags and their help. */
export function createProgram(connect: (program: Command) => Cli): { program: Command; cli: Cli } {
  const program = new Command('querator');
  const cli = connect(program);
  const { stdout, stderr } = cli.io;
  program
    .description('Querator, a queue with leases: the server, and commands that talk to one')
    .version(`querator ${VERSION}`, '--version', 'print the version')
    .option('--endpoint <url>', 'where the server is (QUERATOR_ENDPOINT; default http://localhost:2319)')
    .option('--api-key <key>', 'the key of the caller (QUERATOR_API_KEY)')
    .option('--api-key-file <file>', 'a file with that key (QUERATOR_API_KEY_FILE)')
    .option('--ca-file <file>', "PEM certificates that sign the server's (QUERATOR_CA_FILE)")
    .option('--cert-file <file>', "the caller's own PEM certificate (QUERATOR_CERT_FILE)")
    .option('--key-file <file>', 'the key of that certificate (QUERATOR_KEY_FILE)')
    .option('--profile <name>', 'the server and key of this profile (QUERATOR_PROFILE)')
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(visibleText(text.replace(/^error: /, 'Error: '))),
      getOutHelpWidth: () => HELP_WIDTH,
      getErrHelpWidth: () => HELP_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('Add --help for usage.')
    .exitOverride()
    .hook('preAction', (_, command) => cli.io.begins?.(command.name()));
  for (const add of COMMANDS) add(program, cli);
  addTableFlags(program, cli);
  return { program, cli };
}
