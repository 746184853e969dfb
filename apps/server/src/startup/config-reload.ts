import { type Logger, SharedRun } from '@querator/core';
import type { Config, TlsSettings } from '../config/schema.ts';

/** The dependencies of a reload. */
export interface ConfigReloadDeps {
  /** The settings that this process runs with. */
  readonly current: Config;
  /** Reads the settings again. Undefined: there is no file. */
  readonly load: (() => Promise<Config>) | undefined;
  /** Applies the settings that may change while the process runs. Never rejects. */
  readonly apply: (config: Config) => Promise<void>;
  readonly logger: Logger;
}

/** Reads the configuration again and applies what can change without a restart. */
export class ConfigReload {
  readonly #deps: ConfigReloadDeps;
  readonly #runs = new SharedRun(() => this.#once());

  constructor(deps: ConfigReloadDeps) {
    this.#deps = deps;
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
    let config: Config;
    try {
      config = await load();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn('the configuration cannot be reloaded; all settings stay as they are', { reason });
      return;
    }
    await apply(config);
    const later = changedKeys(fixed(current), fixed(config));
    if (later.length > 0)
      logger.warn('changed settings that take effect at the next start only', { keys: later });
    logger.info('reloaded the configuration');
  }
}

/** The settings that stay as they are until the next start. */
function fixed({ logging, tls, 'admin-tls': adminTls, ...rest }: Config): Readonly<Record<string, unknown>> {
  return {
    ...rest,
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
