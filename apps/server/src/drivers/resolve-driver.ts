import { existsSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { resolve as resolveModule } from 'import-meta-resolve';

/** The text of a fault, which follows the name of the driver. */
export class DriverFault extends Error {
  override readonly name = 'DriverFault';
}

/**
 * Finds the module of a driver, without loading it.
 *
 * @param name a package, or a path that begins with `./`, `../` or `/`.
 * @param folder of the configuration file: paths start there, and packages are looked for
 *   there first, then where the server is.
 * @returns a URL of the scheme `file`.
 * @throws DriverFault if there is none.
 */
export function resolveDriver(name: string, folder: string): string {
  return isPath(name) ? resolveFile(resolve(folder, name)) : resolvePackage(name, folder);
}

/** Whether a name of a driver is a path. */
function isPath(name: string): boolean {
  return /^\.\.?[/\\]/.test(name) || isAbsolute(name);
}

function resolveFile(path: string): string {
  if (!existsSync(path)) throw new DriverFault(`was not found: there is no file ${path}`);
  return statSync(path).isDirectory() ? resolveFolder(path) : pathToFileURL(path).href;
}

/** A folder is a package that was not installed: its package.json names the module. */
function resolveFolder(folder: string): string {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest))
    throw new DriverFault(`was not found: ${folder} is a folder without package.json`);
  try {
    const {
      name,
      exports,
      main = 'index.js',
    } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      readonly name?: string;
      readonly exports?: unknown;
      readonly main?: string;
    };
    // Within a package its own name leads to its exports.
    const specifier = exports === undefined || name === undefined ? `./${main}` : name;
    return resolveModule(specifier, pathToFileURL(manifest).href);
  } catch (error) {
    throw new DriverFault(`was not found: ${firstLine(error)}`);
  }
}

function resolvePackage(name: string, folder: string): string {
  const places = [pathToFileURL(join(resolve(folder), 'querator.yaml')).href, import.meta.url];
  for (const place of places) {
    try {
      const url = resolveModule(name, place);
      if (url.startsWith('file:') && existsSync(new URL(url))) return url;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ERR_MODULE_NOT_FOUND') {
        throw new DriverFault(`cannot be loaded: ${firstLine(error)}`);
      }
    }
  }
  throw new DriverFault(
    `was not found: no such package is installed for the folder ${resolve(folder)} or for the server`,
  );
}

export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? '';
}
