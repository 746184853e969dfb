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
/** The image of the Debian that all others are made from. */
export const DEBIAN = 'docker.io/library/debian:bookworm-slim';

/**
 * A podman whose images, containers, networks, volumes and settings lie in one
 * temporary folder, and go when this process ends.
 */
export class Engine {
  readonly folder: string;
  readonly driver: StorageDriver;
  /** Makes podman use this engine, and Docker's clients too once the service runs. */
  readonly env: Readonly<Record<string, string>>;
  #service: ChildProcess | undefined;
  readonly #forget: () => void;

  private constructor(driver: StorageDriver) {
    this.driver = driver;
    // The process's id tells a later run whether the folder is still in use.
    this.folder = makeScratchFolder(`${PREFIX}${process.pid}-`);
    this.env = {
      ...writeSettings(this.folder, driver),
      DOCKER_HOST: `unix://${join(this.folder, 'engine.sock')}`,
    };
    this.#forget = atExit(() => this.#remove());
  }

  /**
   * Starts an engine and runs a first container on it.
   *
   * @param debian an archive of a Debian's files.
   * @throws CannotRunHere with the engine's own words, where no container can be run.
   */
  static async start(debian: string): Promise<Engine> {
    removeLeftovers();
    let reason = '';
    for (const driver of ['overlay', 'vfs'] as const) {
      const engine = new Engine(driver);
      try {
        await engine.podman('import', '--quiet', debian, DEBIAN);
        // With a network of its own and a published port: those ask most of the kernel.
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
   * Runs podman, and returns what it says.
   *
   * @throws Error with all it printed, when it fails.
   */
  podman(...args: readonly string[]): Promise<string> {
    return mustRun('podman', args, { env: { ...process.env, ...this.env } });
  }

  /**
   * Lets Docker's clients in, at DOCKER_HOST of `env`.
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

  /** Ends all containers, and removes all there is. Twice is once. */
  stop(): void {
    this.#forget();
    this.#remove();
  }

  #remove(): void {
    this.#service?.kill('SIGKILL');
    remove(this.folder, this.env);
  }
}

/** Synchronous, as the process may be about to end. */
function remove(folder: string, env: Readonly<Record<string, string>>): void {
  const podman = (...args: readonly string[]) =>
    spawnSync('podman', args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  podman('rm', '--all', '--force', '--time', '0');
  podman('network', 'prune', '--force');
  // Podman's monitors, which outlive a container by minutes, and would make the folder anew.
  for (const pid of processesOf(folder)) kill(pid, 'SIGKILL');
  removeScratchFolder(folder);
}

/** Engines of processes that were killed outright. */
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

/** The processes that have a folder in their command line. */
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

/** Sends a signal; 0 only asks. @returns whether there is such a process. */
function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
