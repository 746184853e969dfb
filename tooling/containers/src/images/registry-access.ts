import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { mustRun } from '@querator/tooling-processes';
import { registryLines } from './registry-lines.ts';

/**
 * The flags that give a build the npm settings and the trusted certificates of
 * this machine, as secrets. Missing ones are left out.
 *
 * @param folder for the files of the secrets.
 */
export async function registryAccess(folder: string): Promise<readonly string[]> {
  const setting = async (name: string) => (await mustRun('npm', ['config', 'get', name])).trim();
  const files = [await setting('globalconfig'), await setting('userconfig')].filter((file) =>
    existsSync(file),
  );
  const lines = registryLines(
    files.map((file) => readFileSync(file, 'utf8')),
    process.env,
  );
  const secrets: string[] = [];
  if (lines.length > 0) {
    const file = join(folder, 'npmrc');
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
    secrets.push(`--secret=id=npmrc,src=${file}`);
  }
  const certificates = [process.env['NODE_EXTRA_CA_CERTS'] ?? '', await setting('cafile')];
  const bundle = certificates.find((file) => existsSync(file));
  if (bundle !== undefined) secrets.push(`--secret=id=ca-certificates,src=${bundle}`);
  return secrets;
}
