import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadConfig } from '../../../src/index.ts';

/** The text of a module that exports a driver, which creates no storage. */
export function driverModule(members: Readonly<Record<string, string>> = {}): string {
  const all = {
    portVersion: '1',
    name: "'acme'",
    capabilities: '{ durable: true, shared: false }',
    options: '(given) => ({ value: given })',
    create: '() => { throw new Error("not in this test"); }',
    ...members,
  };
  const lines = Object.entries(all).map(([key, value]) => `  ${key}: ${value},`);
  return `export const driver = {\n${lines.join('\n')}\n};\n`;
}

/** A folder with a configuration file and drivers of others. It lasts for one test. */
export class DriverFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'querator-drivers-'));

  constructor() {
    onTestFinished(() => rmSync(this.path, { recursive: true, force: true }));
  }

  write(name: string, text: string): string {
    const file = join(this.path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Installs a package of one module. */
  install(name: string, text: string, exports: unknown = { '.': { import: './lib/main.js' } }): void {
    const manifest = { name, version: '1.0.0', type: 'module', exports };
    this.write(`node_modules/${name}/package.json`, JSON.stringify(manifest));
    this.write(`node_modules/${name}/lib/main.js`, text);
  }

  /** Writes a configuration with one storage. @returns its path. */
  configFile(driver: string, options: readonly string[] = []): string {
    const config = options.length === 0 ? [] : ['    config:', ...options.map((line) => `      ${line}`)];
    const lines = ['partition-storage:', '  - name: main', `    driver: ${driver}`, ...config];
    return this.write('querator.yaml', `${lines.join('\n')}\n`);
  }

  load(driver: string, options: readonly string[] = []): ReturnType<typeof loadConfig> {
    return loadConfig(this.configFile(driver, options));
  }

  /** Why a configuration is refused. Fails if it is not. */
  async faultOf(driver: string, options: readonly string[] = []): Promise<string> {
    try {
      await this.load(driver, options);
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error('the configuration was not refused');
  }
}
