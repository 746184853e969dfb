import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { canRun, chooseRunAs, command, type RunAs } from '@querator/tooling-processes';
import type { PostgresBinaries } from './binaries.ts';

/** The files of one cluster, all in one folder. */
export interface DataFolder {
  readonly home: string;
  /** PostgreSQL's data folder, owned by its account. */
  readonly pgdata: string;
  readonly log: string;
  readonly user: string;
  readonly password: string;
  /** Temporary data do not have to survive a power cut between initdb and the first start. */
  readonly temporary: boolean;
}

export type DataFolderOptions = Pick<DataFolder, 'home' | 'user' | 'temporary'>;

/** Creates the folder. PostgreSQL's account must be able to pass through it. */
export function makeHome(home: string): string {
  mkdirSync(home, { recursive: true });
  try {
    chmodSync(home, 0o711);
    return realpathSync(home);
  } catch (cause) {
    throw new Error(`The database folder ${home} belongs to another user.`, { cause });
  }
}

function password(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new Error(`The password file ${file} belongs to another user.`, { cause: error });
    }
  }
  const value = randomBytes(24).toString('hex');
  writeFileSync(file, `${value}\n`, { mode: 0o600, flush: true });
  return value;
}

function chownTree(path: string, uid: number, gid: number): void {
  lchownSync(path, uid, gid);
  for (const entry of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    lchownSync(join(path, entry), uid, gid);
  }
}

/** Gives `pgdata` to the account if it belongs to another one, as after a move of the clone. */
function giveTo(as: RunAs, pgdata: string): void {
  if (as.owner === undefined || statSync(pgdata).uid === as.owner.uid) return;
  chownTree(pgdata, as.owner.uid, as.owner.gid);
}

/** Whether the account can run the server and write to the data. */
function canUse(as: RunAs, binaries: PostgresBinaries, pgdata: string): boolean {
  giveTo(as, pgdata);
  // `--show` only looks for the other programs, which needs more access than starting one.
  const script = '"$1" --show --pgdata="$2" && test -w "$2" && test -x "$2"';
  return canRun(as, '/bin/sh', ['-c', script, 'sh', binaries.initdb, pgdata]);
}

/**
 * The builtin provider, the same on all systems, exists since version 17. Before,
 * only "C" exists everywhere.
 */
function localeOptions(version: number): string[] {
  return version >= 17 ? ['--locale-provider=builtin', '--locale=C.UTF-8'] : ['--locale=C'];
}

function runInitdb(folder: DataFolder, binaries: PostgresBinaries, target: string, runAs: RunAs): void {
  const passwordFile = join(folder.home, `initial-password.${process.pid}`);
  writeFileSync(passwordFile, `${folder.password}\n`, { mode: 0o600 });
  try {
    if (runAs.owner) chownSync(passwordFile, runAs.owner.uid, runAs.owner.gid);
    const initdb = command(runAs, binaries.initdb, [
      `--pgdata=${target}`,
      `--username=${folder.user}`,
      `--pwfile=${passwordFile}`,
      // A password, since other users of this machine can reach the port.
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      ...localeOptions(binaries.version),
      ...(folder.temporary ? ['--no-sync'] : []),
    ]);
    const result = spawnSync(initdb.file, initdb.args, { ...initdb.options, encoding: 'utf8' });
    if (result.status !== 0) {
      throw new Error(`initdb failed:\n${result.stdout}${result.stderr}`, { cause: result.error });
    }
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

function removeUnfinished(home: string): void {
  for (const name of readdirSync(home)) {
    if (name.startsWith('pgdata.new') || name.startsWith('initial-password')) {
      rmSync(join(home, name), { recursive: true, force: true });
    }
  }
}

/** Reads the folder and creates its password. The caller owns the folder. */
export function openDataFolder(options: DataFolderOptions): DataFolder {
  const { home } = options;
  return {
    ...options,
    pgdata: join(home, 'pgdata'),
    log: join(home, 'postgres.log'),
    password: password(join(home, 'password')),
  };
}

/**
 * Creates the cluster if there is none, and chooses its account. PostgreSQL must
 * not run there, since the owner of the data may change.
 */
export function prepareCluster(folder: DataFolder, binaries: PostgresBinaries): RunAs {
  const { home, pgdata } = folder;
  if (existsSync(pgdata)) {
    if (process.getuid?.() !== 0 && statSync(pgdata).uid !== process.getuid?.()) {
      throw new Error(`The database in ${home} belongs to another user (was it made by root?).`);
    }
    return chooseRunAs((as) => canUse(as, binaries, pgdata));
  }
  removeUnfinished(home);
  // initdb works in another folder, so that an incomplete cluster is never used.
  const target = join(home, `pgdata.new.${process.pid}`);
  mkdirSync(target, { mode: 0o700 });
  const runAs = chooseRunAs((as) => canUse(as, binaries, target));
  runInitdb(folder, binaries, target, runAs);
  renameSync(target, pgdata);
  return runAs;
}
