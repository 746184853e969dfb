import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAlive, onFreePort, scratchFolder, start } from './harness.ts';

describe('npm start on memory', () => {
  it('prints the address, the place of the data, and commands to try', async () => {
    const address = await onFreePort();
    const started = start({ memory: true, address });
    await started.listening();
    const text = started.said.join('\n');
    expect(text).toContain(`listens on http://${address}`);
    expect(text).toContain('in memory');
    expect(text.match(/curl -s \S+\/v1\/\S+/g)).toHaveLength(3);
    expect(started.server()).toMatchObject({ address });
    expect(started.server()).not.toHaveProperty('config');
  });

  it('lets the server drain on SIGTERM, and exits with 0', async () => {
    const started = start({ memory: true, address: await onFreePort() });
    await started.listening();
    started.stop();
    expect(await started.code).toBe(0);
    expect(started.notes().slice(1)).toEqual(['draining', 'drained']);
  });

  it('kills the server at a second signal', async () => {
    const started = start({ memory: true, address: await onFreePort() }, scratchFolder(), { mode: 'hangs' });
    await started.listening();
    started.stop();
    await expect.poll(() => started.notes()).toContain('draining');
    started.kill();
    expect(await started.code).toBe(0);
    expect(isAlive(started.server().pid)).toBe(false);
  });

  it('exits with the code of a failed server', async () => {
    const started = start({ memory: true, address: await onFreePort() }, scratchFolder(), { mode: 'fails' });
    expect(await started.code).toBe(3);
    expect(started.said.join('\n')).toContain('ended by itself (exit code 3)');
  });

  it('reports that the port is in use, and starts nothing', async () => {
    const blocker = createServer().listen(0, 'localhost');
    onTestFinished(() => void blocker.close());
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { port } = blocker.address() as { port: number };
    const started = start({ memory: true, address: `localhost:${port}` });
    await expect(started.code).rejects.toThrow(`Port ${port} is already in use`);
    expect(started.notes()).toEqual([]);
  });

  it.each(['localhost', 'localhost:', 'localhost:x', 'localhost:70000'])(
    'refuses the address %s',
    async (address) => {
      await expect(start({ memory: true, address }).code).rejects.toThrow('is not an address');
    },
  );
});

describe('npm start with a config file', () => {
  it('passes the file on and uses its address', async () => {
    const address = await onFreePort();
    const config = join(scratchFolder(), 'own.yaml');
    writeFileSync(config, `address: ${address}\n`);
    const started = start({ config });
    await expect.poll(() => started.notes()).toHaveLength(1);
    expect(started.server()).toMatchObject({ config });
    expect(started.server()).not.toHaveProperty('address');
  });
});
