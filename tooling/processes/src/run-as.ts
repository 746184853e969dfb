import { spawnSync } from 'node:child_process';
import process from 'node:process';

/**
 * A way to run PostgreSQL's programs: what to put before the program, and whom
 * its files must belong to. PostgreSQL refuses to run as root, so root needs
 * another account, which must be able to reach the programs and the data.
 */
export interface RunAs {
  /** Said in error messages. */
  readonly name: string;
  /** Command and arguments that come before the program. */
  readonly prefix: readonly string[];
  /** The account that the child starts with, where no prefix changes it. */
  readonly account?: { readonly uid: number; readonly gid: number };
  /** Owner of the data folder; unset means it stays with the caller. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The caller's environment stays out, since it can change how programs work. */
const CLEAN_ENVIRONMENT: NodeJS.ProcessEnv = {
  PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

function numberFrom(command: string, args: readonly string[]): number | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  const value = Number.parseInt(stdout ?? '', 10);
  return status === 0 && Number.isInteger(value) ? value : undefined;
}

function unprivilegedAccounts(): Account[] {
  const accounts: Account[] = [];
  for (const name of ['postgres', 'nobody']) {
    const uid = numberFrom('id', ['-u', name]);
    const gid = numberFrom('id', ['-g', name]);
    if (uid !== undefined && gid !== undefined && uid !== 0) accounts.push({ name, uid, gid });
  }
  return accounts;
}

const succeeds = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** `setpriv --pdeathsig` makes the kernel send SIGINT to the program when this process is killed. */
function deathSignal(): string[] {
  return succeeds('setpriv', '--pdeathsig', 'INT', '--', 'true')
    ? ['setpriv', '--pdeathsig', 'INT', '--']
    : [];
}

/** Everything that may work for root on this machine, the least privilege first. */
function candidates(): RunAs[] {
  const prefix = deathSignal();
  const all: RunAs[] = [];
  const accounts = unprivilegedAccounts();
  for (const { name, uid, gid } of accounts) {
    all.push({ name: `account ${name}`, prefix, account: { uid, gid }, owner: { uid, gid } });
  }
  for (const { name, uid, gid } of accounts) {
    // For a clone under a folder that is closed to others, as /root is: these let the
    // account pass through it. Containers often lack the first, which is the weaker.
    for (const capability of ['dac_read_search', 'dac_override']) {
      const ids = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
      // access(2), with which PostgreSQL looks for its own programs, counts no capability otherwise.
      const bits = ['--securebits=+no_setuid_fixup'];
      const caps = [`--inh-caps=+${capability}`, `--ambient-caps=+${capability}`];
      all.push({
        name: `account ${name} with ${capability}`,
        prefix: ['setpriv', ...ids, ...bits, ...caps, '--pdeathsig', 'INT', '--'],
        owner: { uid, gid },
      });
    }
  }
  // In a user namespace root's files stay root's, under another name.
  const [uid, gid] = [accounts[0]?.uid ?? 65534, accounts[0]?.gid ?? 65534];
  all.push({
    name: 'user namespace',
    prefix: [...prefix, 'unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'],
    owner: { uid: 0, gid: 0 },
  });
  return all;
}

/** How to start a program under `as`: command, arguments and spawn options. */
export function command(as: RunAs, program: string, args: readonly string[]) {
  const [file = program, ...rest] = [...as.prefix, program, ...args];
  // The caller's working directory may be closed to the account.
  return { file, args: rest, options: { ...as.account, cwd: '/', env: CLEAN_ENVIRONMENT } };
}

/** Whether a program that does nothing ends with success. */
export function canRun(as: RunAs, program: string, args: readonly string[]): boolean {
  const probe = command(as, program, args);
  return spawnSync(probe.file, probe.args, { ...probe.options, stdio: 'ignore' }).status === 0;
}

/**
 * Chooses how to run a program that refuses to run as root, such as PostgreSQL.
 *
 * @param canUse prepares and tries a candidate; the first that works is chosen.
 */
export function chooseRunAs(canUse: (as: RunAs) => boolean): RunAs {
  if (process.getuid?.() !== 0) return { name: 'this account', prefix: deathSignal() };
  const tried: string[] = [];
  for (const candidate of candidates()) {
    if (canUse(candidate)) return candidate;
    tried.push(candidate.name);
  }
  throw new Error(
    `PostgreSQL does not run as root, and no other way was found to run it here (tried: ${tried.join(', ')}). ` +
      'Run this as another user, or move the clone to a folder that the account "nobody" can reach, or install ' +
      'util-linux (setpriv, unshare).',
  );
}
