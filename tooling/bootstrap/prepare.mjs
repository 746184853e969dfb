import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import {
  bin,
  cloneEnvironment,
  installationHash,
  packageManager,
  root,
  tools,
  toolsBin,
  workspaceFolders,
} from './clone.mjs';
import { withInstallationLock } from './installation-lock.mjs';
import { runStep, StepFailed, say } from './step.mjs';

/** Records the inputs of the last successful installation, and its extent. */
const stampFile = join(tools, 'installed.json');

/**
 * Extents of an installation, as options of pnpm: `all` packages of the clone, or those that `npm start` builds and
 * runs. The dependencies of their tests stay out, such as the programs of PostgreSQL.
 */
const EXTENTS = {
  all: [],
  server: [
    '--filter=.',
    '--filter-prod=@querator/server...',
    // turbo builds what the tests of a package import too.
    '--filter-prod=@querator/storage-conformance',
    '--filter-prod=@querator/tooling-start',
  ],
};

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

function writeStamp(stamp) {
  const draft = `${stampFile}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(stamp));
  renameSync(draft, stampFile);
}

const hasPackageManager = (stamp) =>
  stamp.packageManager === packageManager().version && existsSync(join(toolsBin, 'pnpm'));

/** Whether the recorded installation suffices and still exists: users remove node_modules by hand. */
const hasDependencies = (stamp, extent) =>
  [extent, 'all'].includes(stamp.extent) &&
  stamp.installation === installationHash() &&
  existsSync(join(bin, 'node')) &&
  stamp.folders.every((folder) => existsSync(join(root, folder, 'node_modules')));

const installedFolders = () =>
  workspaceFolders()
    .filter((folder) => needsModules(folder) && existsSync(join(folder, 'node_modules')))
    .map((folder) => relative(root, folder));

function needsModules(folder) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return Object.keys({ ...dependencies, ...devDependencies }).length > 0;
}

async function installPackageManager(env) {
  const { name, version } = packageManager();
  say(`Installing ${name} ${version}.`);
  // npm would treat an incomplete installation as complete.
  rmSync(join(tools, 'node_modules'), { recursive: true, force: true });
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, 'package.json'), '{ "private": true }\n');
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--no-package-lock', '--loglevel=error'];
  await runStep('npm', ['install', '--prefix', tools, '--no-save', ...quiet, `${name}@${version}`], {
    env,
    cwd: tools,
    advice: `npm could not install ${name} ${version}: is the package registry reachable?`,
  });
}

async function installDependencies(env, extent) {
  say('Installing dependencies.');
  await runStep(join(toolsBin, 'pnpm'), ['install', '--frozen-lockfile', ...EXTENTS[extent]], {
    // As in CI: no prompts, even if node_modules has to be created again.
    env: { ...env, CI: 'true' },
    cwd: root,
    advice:
      'pnpm could not install the dependencies. If a package.json or pnpm-workspace.yaml was changed, ' +
      'bring pnpm-lock.yaml up to date with: .tools/node_modules/.bin/pnpm install',
  });
}

/**
 * Installs missing dependencies of an extent, and nothing if nothing changed. @returns
 * the environment for the clone's tools.
 */
export async function prepare(extent) {
  const [major = 0] = process.versions.node.split('.').map(Number);
  if (major < 20) throw new StepFailed(`Node 20 or later is needed; this is ${process.version}.`);
  const env = cloneEnvironment();
  const ready = (stamp) => hasPackageManager(stamp) && hasDependencies(stamp, extent);
  if (ready(readStamp())) return env;
  await withInstallationLock(async () => {
    // Another process may have installed while we waited.
    let stamp = readStamp();
    if (!hasPackageManager(stamp)) {
      await installPackageManager(env);
      stamp = { packageManager: packageManager().version };
      writeStamp(stamp);
    }
    if (!hasDependencies(stamp, extent)) {
      await installDependencies(env, extent);
      if (!existsSync(join(bin, 'node'))) {
        throw new StepFailed(
          'The pinned Node is missing: its install script did not run. Is ignore-scripts set in an .npmrc?',
        );
      }
      writeStamp({ ...stamp, extent, installation: installationHash(), folders: installedFolders() });
    }
  });
  return env;
}
