import { spawnSync } from 'node:child_process';
import process from 'node:process';

/**
 * A way to run programs that refuse to run as root: a prefix, an account, and the
 * owner of their files. The account must be able to reach the programs and the
 * data.
 */
export interface RunAs {
  /** The name in error messages. */
  readonly name: string;
  /** Command and arguments that come before the program. */
  readonly prefix: readonly string[];
  /** The account of the child, unless the prefix changes it. */
  readonly account?: { readonly uid: number; readonly gid: number };
  /** The owner of the data folder; the caller by default. */
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

/** The candidates for root on this machine, the least privilege first. */
function candidates(): RunAs[] {
  const prefix = deathSignal();
  const all: RunAs[] = [];
  const accounts = unprivilegedAccounts();
  for (const { name, uid, gid } of accounts) {
    all.push({ name: `account ${name}`, prefix, account: { uid, gid }, owner: { uid, gid } });
  }
  for (const { name, uid, gid } of accounts) {
    // For a clone in a closed folder such as /root, which the account can then pass through. Containers often
    // lack the first capability, which is the weaker one.
    for (const capability of ['dac_read_search', 'dac_override']) {
      const ids = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
      // access(2), which PostgreSQL uses to find its programs, ignores capabilities otherwise.
      const bits = ['--securebits=+no_setuid_fixup'];
      const caps = [`--inh-caps=+${capability}`, `--ambient-caps=+${capability}`];
      all.push({
        name: `account ${name} with ${capability}`,
        prefix: ['setpriv', ...ids, ...bits, ...caps, '--pdeathsig', 'INT', '--'],
        owner: { uid, gid },
      });
    }
  }
  // In a user namespace root's files keep their owner under another name.
  const [uid, gid] = [accounts[0]?.uid ?? 65534, accounts[0]?.gid ?? 65534];
  all.push({
    name: 'user namespace',
    prefix: [...prefix, 'unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'],
    owner: { uid: 0, gid: 0 },
  });
  return all;
}

/** The command, arguments and spawn options that start a program as `as`. */
export function command(as: RunAs, program: string, args: readonly string[]) {
  const [file = program, ...rest] = [...as.prefix, program, ...args];
  // The account may have no access to the caller's working directory.
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
