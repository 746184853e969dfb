/** The settings of the driver `sqlite` in the server's configuration. */
export interface SqliteConfig {
  /** The file, on a local disk, or a folder for it, which must exist. The file is made if it is missing. */
  readonly path: string;
  /**
   * `full`: a call is answered once the disk has its changes. `normal`: a crash of the machine loses the
   * changes of the last moments; a crash of the process loses nothing. Default: `full`.
   */
  readonly durability?: 'full' | 'normal';
}

const KEYS = new Set(['path', 'durability']);

/**
 * Reads the `config` of a storage with the driver `sqlite`.
 *
 * @throws Error that begins with the key that is wrong.
 */
export function parseSqliteConfig(config: Readonly<Record<string, unknown>>): SqliteConfig {
  const unknown = Object.keys(config).find((key) => !KEYS.has(key));
  if (unknown !== undefined) throw new Error(`${unknown}: unknown key; use path and durability`);
  const { path, durability } = config;
  if (typeof path !== 'string' || path === '') {
    throw new Error('path: required, a file or an existing folder, such as /var/lib/querator/queues.db');
  }
  if (path === ':memory:' || path.startsWith('file:')) {
    throw new Error('path: must be the path of a file or folder; the driver memory keeps nothing on disk');
  }
  if (path.includes('\0')) throw new Error('path: must not contain U+0000');
  if (durability === undefined) return { path };
  if (durability !== 'full' && durability !== 'normal') throw new Error('durability: must be full or normal');
  return { path, durability };
}
