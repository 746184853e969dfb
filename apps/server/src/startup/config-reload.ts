import { type Logger, SharedRun } from '@querator/core';
import type { ReloadedConfig } from '../config/config-source.ts';
import type { Config, TlsSettings } from '../config/schema.ts';
import { fixedOptions, fixedOutbox } from './storage-passwords.ts';

/** The dependencies of a reload. */
export interface ConfigReloadDeps {
  /** The settings that this process runs with. */
  readonly current: Config;
  /** Reads the settings again. Undefined: there is no file. */
  readonly load: (() => Promise<ReloadedConfig>) | undefined;
  readonly setLogLevel: (level: Config['logging']['level']) => void;
  /** Applies the other settings that may change while the process runs. Never rejects. */
  readonly apply: (config: Config) => Promise<void>;
  readonly logger: Logger;
}

/** Reads the configuration again and applies what can change without a restart, each part by itself. */
export class ConfigReload {
  readonly #deps: ConfigReloadDeps;
  readonly #runs = new SharedRun(() => this.#once());
  #logLevel: Config['logging']['level'];

  constructor(deps: ConfigReloadDeps) {
    this.#deps = deps;
    this.#logLevel = deps.current.logging.level;
  }

  /** Never rejects. All calls during a reload cause one more. */
  run(): Promise<void> {
    return this.#runs.start();
  }

  async #once(): Promise<void> {
    const { current, load, apply, logger } = this.#deps;
    if (load === undefined) {
      logger.info('nothing to reload: there is no configuration file');
      return;
    }
    let reloaded: ReloadedConfig;
    try {
      reloaded = await load();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn('the configuration cannot be reloaded; all settings stay as they are', { reason });
      return;
    }
    const { config, faulty } = reloaded;
    this.#applyLogLevel(config.logging);
    for (const [key, reason] of faulty)
      logger.warn('a setting cannot be reloaded, and stays as it is', { key, reason });
    await apply(config);
    const later = changedKeys(fixed(current), fixed(config));
    if (later.length > 0)
      logger.warn('changed settings that take effect at the next start only', { keys: later });
    logger.info('reloaded the configuration');
  }

  #applyLogLevel({ level }: Config['logging']): void {
    if (level === this.#logLevel) return;
    this.#logLevel = level;
    this.#deps.setLogLevel(level);
    this.#deps.logger.info('reloaded the log level', { logLevel: level });
  }
}

/** The settings that stay as they are until the next start. */
function fixed(config: Config): Readonly<Record<string, unknown>> {
  const { logging, tls, 'admin-tls': adminTls, drivers: _, ...rest } = config;
  const queues = rest['queue-storage'];
  return {
    ...rest,
    'queue-storage': 'driver' in queues ? fixedOptions(config, queues) : queues,
    'partition-storage': rest['partition-storage'].map((storage) => ({
      ...storage,
      config: fixedOptions(config, storage),
    })),
    outbox: rest.outbox.map((outbox) => ({
      ...outbox,
      'connection-string': fixedOutbox(outbox),
    })),
    'logging.handler': logging.handler,
    'logging.request-log': logging['request-log'],
    tls: fixedTls(tls),
    'admin-tls': adminTls === false ? false : fixedTls(adminTls),
  };
}

/** Whether connections are encrypted and clients need certificates. Paths and versions may change. */
function fixedTls(tls: TlsSettings | undefined): unknown {
  return tls && { 'client-ca': 'client-ca' in tls, 'client-certificates': tls['client-certificates'] };
}

function changedKeys(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}
