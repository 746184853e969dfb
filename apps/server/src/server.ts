import cluster from 'node:cluster';
import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SystemClock, SystemRandom } from '@querator/core';
import { DRIVERS } from './backends.ts';
import { type Composition, compose, type World } from './compose.ts';
import { ConfigError } from './config/config-error.ts';
import { defaultConfig, loadConfig } from './config/load.ts';
import { storagesOf } from './config/queue-storage.ts';
import { type Config, LOG_LEVELS } from './config/schema.ts';
import { Drain } from './http/node/drain.ts';
import { createHttpServer } from './http/node/http-server.ts';
import { limitConnections } from './http/node/limit-connections.ts';
import { createLogger, type LogLevel } from './observability/logger.ts';
import { logProcessLimits, mostOpenConnections, readProcessLimits } from './observability/process-limits.ts';
import { RepeatLimiter } from './observability/repeat-limiter.ts';
import { ResourceWatch, USAGE } from './observability/resource-watch.ts';
import { checkNode } from './startup/check-node.ts';
import { tellStorages } from './startup/storage-notices.ts';
import { VERSION } from './version.ts';
import { send } from './workers/messages.ts';
import { runWorkers } from './workers/run-workers.ts';

/**
 * Where several processes may listen on one port, the kernel shares connections
 * out among them. Otherwise Node's parent process hands them over one by one,
 * and those on their way to a worker that is killed would never be answered.
 */
const CAN_REUSE_PORT = process.platform === 'linux' || process.platform === 'freebsd';
/** Idle connections stay open this long: closing one races with the client's next request on it. */
const KEEP_ALIVE_MS = 300_000;

/** More connections than this wait until one closes; the reference's figure. */
const MAX_CONNECTIONS = 1_000;
/** From the connection to the end of the request, the wait for a place among the served ones included. */
const REQUEST_TIMEOUT_MS = 300_000;

/** At its end, a process still answers for so long: clients may be about to send. */
const LINGER_MS = 500;

/** A server that takes requests. */
export interface RunningServer {
  /** `http://host:port` of the listener, with the port it really got. */
  readonly url: string;
  /**
   * Refuses new work, answers those who wait, finishes what runs, closes the
   * listener, and lets go of the storages. Twice is once.
   */
  stop(): Promise<void>;
}

/**
 * Starts a server with checked settings.
 *
 * @throws Error when the address cannot be listened on, or a queue of the
 *   configuration breaks a rule; then nothing is left running.
 */
export async function startServer(config: Config, world: World): Promise<RunningServer> {
  const { logger } = world;
  const composition = compose(config, world);
  tellStorages(config, logger);
  const http = createHttpServer(composition.http);
  http.keepAliveTimeout = KEEP_ALIVE_MS;
  http.headersTimeout = REQUEST_TIMEOUT_MS;
  http.requestTimeout = REQUEST_TIMEOUT_MS;
  const drain = new Drain(http, world.clock);
  const resources = watchResources(world, composition);
  limitConnections(http, world.maxConnections ?? MAX_CONNECTIONS, { open: resources.connections, logger });
  try {
    await composition.configuredQueues.create();
    await listen(http, config.address, world.worker !== undefined);
  } catch (error) {
    resources.stop();
    await composition.stop();
    throw error;
  }
  const url = urlOf(http, config.address);
  logger.info('HTTP server started', { address: url });

  const stop = async () => {
    resources.stop();
    drain.begin();
    // The service first: its answers are what lets the running requests end.
    await composition.stop();
    await drain.end(world.ofProcess === true ? LINGER_MS : 0);
    logger.info('HTTP server shut down');
  };
  let stopping: Promise<void> | undefined;
  return {
    url,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Looks after the limits of the process, for the one server of a process. */
function watchResources({ clock, logger, processLimits: limits, ...world }: World, { pools }: Composition) {
  if (limits === undefined) return { connections: undefined, stop: () => {} };
  const wanted = { connections: world.maxConnections ?? MAX_CONNECTIONS, pools: pools() };
  logProcessLimits(logger, limits, wanted);
  const watch = new ResourceWatch({ clock, logger, limits, usage: USAGE });
  watch.start();
  return { connections: mostOpenConnections(limits, wanted), stop: () => watch.stop() };
}

/** What the command line says about a server. */
export interface ServerOptions {
  readonly configFile?: string | undefined;
  /** Over the file's. */
  readonly address?: string | undefined;
  /** Over the file's. */
  readonly logLevel?: string | undefined;
  /** How many processes share the port. */
  readonly workers: number;
}

/**
 * Runs a server until SIGINT or SIGTERM.
 *
 * @returns the exit code of the process.
 * @throws Error with a text for people when the server cannot start.
 */
export async function runServer(options: ServerOptions): Promise<number> {
  checkNode(process.versions.node);
  const config = override(
    options.configFile === undefined ? defaultConfig() : await loadConfig(options.configFile),
    options,
  );
  const clock = new SystemClock();
  const target = createLogger(config.logging.handler, config.logging.level);
  const logger = new RepeatLimiter({ target, clock });
  try {
    return await runLogged(config, options, { clock, logger });
  } finally {
    logger.flush();
  }
}

async function runLogged(
  config: Config,
  { configFile, workers }: ServerOptions,
  { clock, logger }: Pick<World, 'clock' | 'logger'>,
): Promise<number> {
  if (configFile !== undefined) logger.info('loaded config from file', { file: configFile });
  logger.info(`Querator ${VERSION} (${process.arch}/${process.platform})`);

  const worker = process.env['QUERATOR_WORKER'];
  if (workers > 1 && cluster.isPrimary) {
    checkShareable(config);
    const listen = listenOptions(config.address);
    return await runWorkers({ count: workers, listen, logger }).catch((error: unknown) => {
      throw listenError(config.address, error);
    });
  }

  const stopSignal = signalled();
  const server = await startServer(config, {
    ...{ clock, random: new SystemRandom(), logger },
    ofProcess: true,
    processLimits: readProcessLimits(),
    ...(cluster.isWorker && worker !== undefined ? { worker } : {}),
  });
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

function override(config: Config, { address, logLevel }: ServerOptions): Config {
  if (logLevel !== undefined && !LOG_LEVELS.some((level) => level === logLevel)) {
    throw new ConfigError(`invalid log level '${logLevel}'; expected one of ${LOG_LEVELS.join(', ')}`);
  }
  return {
    ...config,
    address: address ?? config.address,
    logging: { ...config.logging, level: (logLevel as LogLevel | undefined) ?? config.logging.level },
  };
}

/** The first signal asks for an orderly end; the handlers stay, so that a second one does not cut it short. */
function signalled(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, resolve);
  });
}

async function listen(http: HttpServer, address: string, isShared: boolean): Promise<void> {
  const { host, port } = listenOptions(address);
  http.listen({ port, ...(host === '' ? {} : { host }), reusePort: isShared && CAN_REUSE_PORT });
  try {
    await once(http, 'listening');
  } catch (error) {
    throw listenError(address, error);
  }
}

function listenError(address: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'EADDRINUSE' ? 'the address is already in use' : message;
  return new Error(`while starting HTTP listener: listen tcp ${address}: ${reason}`, { cause: error });
}

/** Where to listen; an empty host is all addresses. */
function listenOptions(address: string): { readonly host: string; readonly port: number } {
  const { host, port } = splitAddress(address);
  // As the reference does: otherwise it depends on the machine which of the two loopback addresses that is.
  return { host: host === 'localhost' ? '127.0.0.1' : host, port };
}

/** Workers share nothing but storage. @throws ConfigError for a storage that they cannot share. */
function checkShareable(config: Config): void {
  const alone = storagesOf(config).find(({ driver }) => DRIVERS.get(driver)?.shared === false);
  if (alone === undefined) return;
  throw new ConfigError(
    `several workers need storages that processes can share; '${alone.name}' has driver '${alone.driver}': ` +
      'use postgres, or one worker',
  );
}

/** Splits `host:port`; the host may be an IPv6 address in brackets, or empty for all addresses. */
function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError(`invalid address '${address}'; expected host:port, such as localhost:2319`);
  }
  return { host, port };
}

function urlOf(http: HttpServer, address: string): string {
  const { port } = http.address() as AddressInfo;
  return `http://${address.slice(0, address.lastIndexOf(':')) || 'localhost'}:${port}`;
}
