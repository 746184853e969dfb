import { type Outbox, SystemClock, SystemRandom } from '@querator/core';
import { createOutbox } from '../backends.ts';
import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import { commandDeps } from './queue-storage.ts';

/** The outbox that an operator chose. */
export interface OutboxChoice {
  /** The configuration of the servers. */
  readonly configFile: string;
  /** A part of its name. Undefined: all. */
  readonly outbox?: string | undefined;
}

/**
 * Opens the outboxes of a configuration, without a server, runs `work`, and closes them.
 *
 * @throws ConfigError if the file is wrong, or has no such outbox.
 */
export async function withOutboxes<T>(
  { configFile, outbox: chosen }: OutboxChoice,
  work: (outboxes: readonly Outbox[]) => Promise<T>,
): Promise<T> {
  const config = await loadConfig(configFile);
  const deps = commandDeps({ clock: new SystemClock(), random: new SystemRandom() });
  const all = config.outbox.map((settings) => createOutbox(settings, deps));
  try {
    if (all.length === 0) throw new ConfigError('the config file has no outbox');
    const found = all.filter(({ name }) => chosen === undefined || name.includes(chosen));
    if (found.length > 0) return await work(found);
    const names = all.map(({ name }) => `'${name}'`).join(', ');
    throw new ConfigError(`no outbox has '${chosen}' in its name; the config file has ${names}`);
  } finally {
    await Promise.all(all.map((outbox) => outbox.close()));
  }
}
