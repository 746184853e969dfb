import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigSource } from '../../src/config/config-source.ts';
import { parseConfig } from '../../src/index.ts';
import { DriverFolder, driverModule } from './support/driver-folder.ts';

const NAMED = /^while applying config file: line 3: partition-storage\[0\]\.driver: invalid driver; /;

describe('a driver that the configuration names', () => {
  test('may be a package that is installed beside the configuration file', async () => {
    const folder = new DriverFolder();
    folder.install('@acme/storage', driverModule());
    const config = await folder.load("'@acme/storage'", ['place: { host: h, ports: [1, 2] }']);
    expect(config['partition-storage'][0]).toMatchObject({
      driver: '@acme/storage',
      config: { place: { host: 'h', ports: [1, 2] } },
    });
    expect(config.drivers.get('@acme/storage')?.name).toBe('acme');
    // A durable storage of another driver keeps the queues, like one of the server's own.
    expect(config['queue-storage']).toEqual({ partitionStorage: 'main' });
  });

  test('may be a subpath of a package', async () => {
    const folder = new DriverFolder();
    folder.install('acme', '', { './driver': './lib/driver.js' });
    folder.write('node_modules/acme/lib/driver.js', driverModule());
    expect((await folder.load('acme/driver')).drivers.has('acme/driver')).toBe(true);
  });

  test('may be a file, an absolute path, a folder with a package, or a CommonJS module', async () => {
    const folder = new DriverFolder();
    const file = folder.write('Own/Driver.mjs', driverModule());
    folder.write('package/package.json', JSON.stringify({ name: 'p', type: 'module', exports: './d.js' }));
    folder.write('package/d.js', driverModule());
    folder.write('old/package.json', JSON.stringify({ main: 'd.js' }));
    folder.write(
      'old/d.js',
      `${driverModule().replace('export const driver', 'const all = {}; all.driver')}module.exports = all;`,
    );
    for (const name of ['./Own/Driver.mjs', file, './package', './old', `${folder.path}/old/d.js`]) {
      expect((await folder.load(name)).drivers.get(name)?.name, name).toBe('acme');
    }
  });

  test('is loaded, and no other package is', async () => {
    const folder = new DriverFolder();
    const marked = (file: string) =>
      `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(join(folder.path, file))}, '');\n`;
    folder.install('acme', marked('acme') + driverModule());
    folder.install('other', marked('other') + driverModule());
    folder.install('memory', marked('memory') + driverModule());
    await folder.load('acme');
    expect(['acme', 'other'].map((file) => existsSync(join(folder.path, file)))).toEqual([true, false]);
    // Names of the server's own drivers never lead to a package.
    expect((await folder.load('Memory')).drivers.size).toBe(0);
    // A file with another fault is refused before anything is loaded.
    await expect(folder.faultOf('other', ['a: 1', 'a: 2'])).resolves.toContain('Map keys must be unique');
    expect(['memory', 'other'].map((file) => existsSync(join(folder.path, file)))).toEqual([false, false]);
  });

  test('is not loaded from a text alone', () => {
    expect(() => parseConfig('partition-storage:\n  - name: a\n    driver: acme\n')).toThrow(
      "line 3: partition-storage[0].driver: invalid driver; 'acme' is not one of (memory, postgres, sqlite)",
    );
  });

  test('is loaded at a reload too, and a fault in it leaves the setting as it was', async () => {
    const folder = new DriverFolder();
    folder.write('a.mjs', driverModule());
    const { source, config } = await ConfigSource.open(folder.configFile('./a.mjs'));
    folder.write('b.mjs', driverModule({ name: "'b'" }));
    folder.configFile('./b.mjs');
    const changed = await source.reload();
    expect(changed.faulty.size).toBe(0);
    expect([...changed.config.drivers.keys()]).toEqual(['./a.mjs', './b.mjs']);
    folder.configFile('./missing.mjs');
    const faulty = await source.reload();
    expect(faulty.faulty.get('partition-storage')).toMatch(/line 3: .*'\.\/missing\.mjs' was not found/);
    expect(faulty.config['partition-storage'][0]?.driver).toBe('./b.mjs');
    expect(config.drivers.has('./a.mjs')).toBe(true);
  });
});

describe('a driver that cannot be used is refused with the line and the reason', () => {
  test.each([
    [
      'acme',
      undefined,
      /'acme' was not found: no such package is installed for the folder \/.* or for the server$/,
    ],
    ['./acme.mjs', undefined, /'\.\/acme\.mjs' was not found: there is no file \/.*\/acme\.mjs$/],
    ['./folder', undefined, /'\.\/folder' was not found: .* is a folder without package\.json$/],
    [
      'acme',
      'export const storage = {};',
      /'acme' is no storage driver: it has no export of the name 'driver'$/,
    ],
    ['acme', 'export const driver = 7;', /'acme' is no storage driver: expected an object$/],
    [
      'acme',
      driverModule({ portVersion: '2' }),
      /'acme' was made for version 2 of the storage ports, and version 1 is/,
    ],
    ['acme', driverModule({ create: '7' }), /'acme' is no storage driver: create must be a function$/],
    ['acme', "throw new Error('boom\\nat secret place');", /'acme' cannot be loaded: boom$/],
    ['acme', "import 'left-pad';", /'acme' cannot be loaded: .*left-pad/],
    ['acme', 'export const = ;', /'acme' cannot be loaded: /],
    ['acme/inner', driverModule(), /'acme\/inner' cannot be loaded: .*is not defined by "exports"/],
    ['node:fs', undefined, /'node:fs' was not found/],
  ])('%s: %s', async (name, module, fault) => {
    const folder = new DriverFolder();
    folder.write('folder/readme', '');
    if (module !== undefined) folder.install('acme', module);
    const message = await folder.faultOf(name);
    expect(message).toMatch(NAMED);
    expect(message).toMatch(fault);
  });
});
