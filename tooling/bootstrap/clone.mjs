import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Root folder of the clone. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Folder of the package manager and of the record of the installation. git ignores it. */
export const tools = join(root, '.tools');

export const bin = join(root, 'node_modules', '.bin');
export const toolsBin = join(tools, 'node_modules', '.bin');

/** The `name@version` that the root package.json pins. */
export function packageManager() {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const [name, version] = manifest.packageManager.split('+')[0].split('@');
  return { name, version };
}

/** Folders of the workspace's packages, as pnpm-workspace.yaml lists them. */
export function workspaceFolders() {
  const groups = ['packages', 'apps', 'examples', 'tooling']
    .map((group) => join(root, group))
    .filter(existsSync);
  const folders = groups.flatMap((group) => readdirSync(group).map((name) => join(group, name)));
  return folders.filter((folder) => existsSync(join(folder, 'package.json'))).sort();
}

/** Changes whenever the result of an installation could differ. */
export function installationHash() {
  const hash = createHash('sha256');
  const manifests = [root, ...workspaceFolders()].map((folder) => join(folder, 'package.json'));
  for (const file of [join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml'), ...manifests]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

/** An environment whose PATH has the clone's own tools first. */
export function cloneEnvironment() {
  const env = { ...process.env };
  // Remove npm's variables for scripts: the npm and pnpm that we run would read them as settings.
  for (const name of Object.keys(env)) {
    if (/^npm_(package|lifecycle|command|execpath|node_execpath)|^npm_config_local_prefix$/i.test(name)) {
      delete env[name];
    }
  }
  const rest = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== bin && folder !== toolsBin);
  env.PATH = [bin, toolsBin, ...rest].join(delimiter);
  return env;
}
