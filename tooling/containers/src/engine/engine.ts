import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { atExit, mustRun, runProgram } from '@querator/tooling-processes';
import { CannotRunHere, lastLine } from '../cannot-run-here.ts';
import { makeScratchFolder, removeScratchFolder } from '../scratch-folder.ts';
import { type StorageDriver, writeSettings } from './settings.ts';

const PREFIX = 'querator-containers-';
/** The Debian image, from which all others are built. */
export const DEBIAN = 'docker.io/library/debian:bookworm-slim';

/**
 * A podman with all its images, containers, networks, volumes and settings in one
 * temporary folder, which is removed when this process ends.
 */
export class Engine {
  readonly folder: string;
  readonly driver: StorageDriver;
  /** Makes podman use this engine, and Docker's clients too after `startService`. */
  readonly env: Readonly<Record<string, string>>;
  #service: ChildProcess | undefined;
  readonly #forget: () => void;

  private constructor(driver: StorageDriver) {
    this.driver = driver;
    // From the process's id a later run knows whether the folder is in use.
    this.folder = makeScratchFolder(`${PREFIX}${process.pid}-`);
    this.env = {
      ...writeSettings(this.folder, driver),
      DOCKER_HOST: `unix://${join(this.folder, 'engine.sock')}`,
    };
    this.#forget = atExit(() => this.#remove());
  }

  /**
   * Starts an engine and runs a first container.
   *
   * @param debian an archive of Debian's files.
   * @throws CannotRunHere with the engine's error when it cannot run containers.
   */
  static async start(debian: string): Promise<Engine> {
    removeLeftovers();
    let reason = '';
    for (const driver of ['overlay', 'vfs'] as const) {
      const engine = new Engine(driver);
      try {
        await engine.podman('import', '--quiet', debian, DEBIAN);
        // With its own network and a published port, which need the most from the kernel.
        await engine.podman('network', 'create', 'probe');
        await engine.podman('run', '--rm', '--network=probe', '--publish=127.0.0.1::2319', DEBIAN, 'true');
        await engine.podman('network', 'rm', 'probe');
        return engine;
      } catch (error) {
        reason = lastLine(String(error));
        engine.stop();
      }
    }
    throw new CannotRunHere(`podman cannot run a container: ${reason}`);
  }

  /**
   * Runs podman.
   *
   * @returns its output.
   * @throws Error with its output when it fails.
   */
  podman(...args: readonly string[]): Promise<string> {
    return mustRun('podman', args, { env: { ...process.env, ...this.env } });
  }

  /**
   * Serves Docker's clients at DOCKER_HOST of `env`.
   *
   * @throws CannotRunHere when podman does not serve them.
   */
  async startService(): Promise<void> {
    this.#service = spawn('podman', ['system', 'service', '--time=0', this.env['DOCKER_HOST'] ?? ''], {
      env: { ...process.env, ...this.env },
      stdio: 'ignore',
    });
    const ended = once(this.#service, 'exit').then(() => true);
    while (
      (await runProgram('podman', ['--remote', '--url', this.env['DOCKER_HOST'] ?? '', 'version'])).code
    ) {
      if (await Promise.race([ended, false])) throw new CannotRunHere('podman system service ended at once');
    }
  }

  /** Ends all containers and removes everything. It may be called twice. */
  stop(): void {
    this.#forget();
    this.#remove();
  }

  #remove(): void {
    this.#service?.kill('SIGKILL');
    remove(this.folder, this.env);
  }
}

/** Synchronous, since the process may be ending. */
function remove(folder: string, env: Readonly<Record<string, string>>): void {
  const podman = (...args: readonly string[]) =>
    spawnSync('podman', args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  podman('rm', '--all', '--force', '--time', '0');
  podman('network', 'prune', '--force');
  // Podman's monitors outlive a container by minutes, and would create the folder again.
  for (const pid of processesOf(folder)) kill(pid, 'SIGKILL');
  removeScratchFolder(folder);
}

/** Removes the engines of killed processes. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || kill(Number(pid), 0)) continue;
    const settings = join(tmpdir(), name, 'settings');
    remove(join(tmpdir(), name), {
      CONTAINERS_CONF: join(settings, 'containers.conf'),
      CONTAINERS_STORAGE_CONF: join(settings, 'storage.conf'),
      CONTAINERS_REGISTRIES_CONF: join(settings, 'registries.conf'),
    });
  }
}

/** The processes whose command line contains the folder. */
function processesOf(folder: string): number[] {
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid);
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`);
    } catch {
      return false;
    }
  });
}

/** Sends a signal; 0 only checks. @returns whether the process exists. */
function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
