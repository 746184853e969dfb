import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Overlay shares the common layers of images; vfs copies them, and works on every file system. */
export type StorageDriver = 'overlay' | 'vfs';

/**
 * Writes the settings of an engine in one folder, which shares nothing with an
 * engine of this machine.
 *
 * @returns the environment that makes podman read them.
 */
export function writeSettings(folder: string, driver: StorageDriver): Readonly<Record<string, string>> {
  const place = (name: string) => {
    const path = join(folder, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const file = (name: string, lines: readonly string[]) => {
    const path = join(place('settings'), name);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  };
  // A sandbox may forbid raising limits, as podman's defaults do.
  const limits = '"nofile=1024:1024", "nproc=1024:1024"';
  return {
    CONTAINERS_CONF: file('containers.conf', [
      '[containers]',
      `default_ulimits = [${limits}]`,
      '[engine]',
      'runtime = "runc"',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      // The default is in shared memory, for all engines of the machine.
      'lock_type = "file"',
      `tmp_dir = "${place('tmp')}"`,
      `static_dir = "${place(`${driver}/libpod`)}"`,
      `volume_path = "${place('volumes')}"`,
      '[network]',
      'network_backend = "netavark"',
      `network_config_dir = "${place('networks')}"`,
    ]),
    CONTAINERS_STORAGE_CONF: file('storage.conf', [
      '[storage]',
      `driver = "${driver}"`,
      `graphroot = "${place(driver)}"`,
      `runroot = "${place('run')}"`,
    ]),
    CONTAINERS_REGISTRIES_CONF: file('registries.conf', [
      'unqualified-search-registries = ["docker.io"]',
      'short-name-mode = "permissive"',
    ]),
  };
}
