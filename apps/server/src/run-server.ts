import cluster from 'node:cluster';
import { SystemClock, SystemRandom } from '@querator/core';
import { findDriver } from './backends.ts';
import { ConfigError } from './config/config-error.ts';
import { ConfigSource, type ReloadedConfig } from './config/config-source.ts';
import { defaultConfig } from './config/load.ts';
import { storagesOf } from './config/queue-storage.ts';
import { type Config, LOG_LEVELS } from './config/schema.ts';
import { systemMonotonicClock } from './monotonic-clock.ts';
import { createLogger, type LogLevel } from './observability/logger.ts';
import { readProcessLimits } from './observability/process-limits.ts';
import { RepeatLimiter } from './observability/repeat-limiter.ts';
import { startServer } from './server.ts';
import type { ServerDeps } from './server-deps.ts';
import { checkNode } from './startup/check-node.ts';
import { ConfigReload } from './startup/config-reload.ts';
import { tryAddress } from './startup/listen-address.ts';
import { ReloadSignals } from './startup/reload-signals.ts';
import { createTracing } from './tracing/create-tracing.ts';
import { readTraceSettings } from './tracing/trace-settings.ts';
import { VERSION } from './version.ts';
import { send } from './workers/messages.ts';
import { runWorkers } from './workers/run-workers.ts';

/** The options of the command `querator server`. */
export interface ServerOptions {
  readonly configFile?: string | undefined;
  /** Takes precedence over the file. */
  readonly address?: string | undefined;
  /** Takes precedence over the file. */
  readonly adminAddress?: string | undefined;
  /** Takes precedence over the file. */
  readonly logLevel?: string | undefined;
  /** How many processes share the port. */
  readonly workers: number;
}

/** Signals that came before the server could handle them. */
export interface EarlySignals {
  /** Whether there was a SIGHUP. */
  readonly hungUp: boolean;
}

/**
 * Runs a server until SIGINT or SIGTERM.
 *
 * @returns the exit code of the process.
 * @throws Error with a text for people if the server cannot start.
 */
export async function runServer(options: ServerOptions, early: EarlySignals): Promise<number> {
  const reloads = new ReloadSignals(early.hungUp);
  checkNode(process.versions.node);
  const { source, config: loaded } = await openConfig(options);
  const config = override(loaded, options);
  const clock = new SystemClock();
  const target = createLogger(config.logging.handler, config.logging.level);
  const logger = new RepeatLimiter({ target, clock });
  /** Reloads at each signal from now on, and at once if there was one already. */
  const reloadAtSignal = (apply: (config: Config) => Promise<void>) => {
    const reload = new ConfigReload({
      current: config,
      load: source && (() => reloadConfig(source, options)),
      setLogLevel: (level) => target.setLevel(level),
      apply,
      logger,
    });
    reloads.handle(() => void reload.run());
  };
  try {
    return await runLogged(config, options, { clock, logger, requestLogger: target, reloadAtSignal });
  } finally {
    logger.flush();
  }
}

async function runLogged(
  config: Config,
  { configFile, workers }: ServerOptions,
  {
    clock,
    logger,
    requestLogger,
    reloadAtSignal,
  }: Pick<ServerDeps, 'clock' | 'logger' | 'requestLogger'> & {
    readonly reloadAtSignal: (apply: (config: Config) => Promise<void>) => void;
  },
): Promise<number> {
  if (configFile !== undefined) logger.info('loaded config from file', { file: configFile });
  logger.info(`Querator ${VERSION} (${process.arch}/${process.platform})`);
  const monotonicClock = systemMonotonicClock;
  const traces = readTraceSettings(process.env);

  const worker = process.env['QUERATOR_WORKER'];
  if (workers > 1 && cluster.isPrimary) {
    checkShareable(config);
    await tryAddress(config.address);
    if (config['admin-address'] !== undefined) await tryAddress(config['admin-address']);
    return await runWorkers({ count: workers, clock, monotonicClock, logger, reloadAtSignal });
  }

  const stopSignal = nextSignal();
  const server = await startServer(config, {
    clock,
    monotonicClock,
    random: new SystemRandom(),
    logger,
    ...(requestLogger && { requestLogger }),
    ofProcess: true,
    processLimits: readProcessLimits(),
    ...(traces && { tracing: await createTracing(traces, { clock, logger }) }),
    ...(cluster.isWorker && worker !== undefined ? { worker } : {}),
  });
  reloadAtSignal((changed) => server.reload(changed));
  if (cluster.isWorker) send({ type: 'querator:listening' });
  logger.info('stopping', { signal: await stopSignal });
  try {
    await server.stop();
    return 0;
  } catch (error) {
    logger.error('stopping failed', { err: error });
    return 1;
  } finally {
    // The channel to the parent would keep this process alive.
    if (cluster.isWorker) process.disconnect();
  }
}

async function openConfig({
  configFile,
}: ServerOptions): Promise<{ readonly source?: ConfigSource; readonly config: Config }> {
  return configFile === undefined ? { config: defaultConfig() } : await ConfigSource.open(configFile);
}

async function reloadConfig(source: ConfigSource, options: ServerOptions): Promise<ReloadedConfig> {
  const { config, faulty } = await source.reload();
  return { config: override(config, options), faulty };
}

function override(config: Config, { address, adminAddress, logLevel }: ServerOptions): Config {
  if (logLevel !== undefined && !LOG_LEVELS.some((level) => level === logLevel)) {
    throw new ConfigError(`invalid log level '${logLevel}'; expected one of ${LOG_LEVELS.join(', ')}`);
  }
  return {
    ...config,
    address: address ?? config.address,
    'admin-address': adminAddress ?? config['admin-address'],
    logging: { ...config.logging, level: (logLevel as LogLevel | undefined) ?? config.logging.level },
  };
}

/** The first signal stops the server in order. The handlers stay, so a second signal does not cut that short. */
function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, resolve);
  });
}

/** Workers share nothing but storage. @throws ConfigError for a storage that they cannot share. */
function checkShareable(config: Config): void {
  const alone = storagesOf(config).find(
    (storage) => findDriver(config, storage)?.capabilities.shared === false,
  );
  if (alone === undefined) return;
  throw new ConfigError(
    `several workers need storages that processes can share; '${alone.name}' has driver '${alone.driver}': ` +
      'use a driver whose storages processes can share, such as postgres, or one worker',
  );
}
