import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { mustRun } from '@querator/tooling-processes';
import { registryLines } from './registry-lines.ts';

/**
 * The flags that hand on to a build how npm on this machine gets its packages:
 * its settings, and the certificates it trusts. Each is a secret of the build,
 * and left out where the machine has nothing of its own.
 *
 * @param folder where to write what is handed on.
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
