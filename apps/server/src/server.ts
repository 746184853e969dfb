import { RunOnce } from '@querator/core';
import { type Composition, compose } from './compose.ts';
import type { Config } from './config/schema.ts';
import { adminTlsOf } from './config/tls-rules.ts';
import { withDrivers } from './config/with-drivers.ts';
import { logProcessLimits } from './observability/process-limits.ts';
import { ResourceWatch, USAGE } from './observability/resource-watch.ts';
import type { ServerDeps } from './server-deps.ts';
import { Listener, type ListenerOptions } from './startup/listener.ts';
import { logStorages } from './startup/storage-notices.ts';

/** A process that cannot have this many connections logs a warning. */
const FEW_CONNECTIONS = 1_000;

/** How long a process that stops still answers: clients may be about to send a request. */
const LINGER_MS = 500;

/** A server that accepts requests. */
export interface RunningServer {
  /** `http://host:port` or `https://host:port` of the listener, with the port that it got. */
  readonly url: string;
  /** The same of the operators' port. Undefined: there is none. */
  readonly adminUrl?: string;
  /** Applies the settings that may change while it runs: certificates, and passwords of databases. Never rejects. */
  reload(config: Config): Promise<void>;
  /**
   * Refuses new work, answers waiting requests, finishes running ones, closes
   * the listener, and closes the storages. A second call returns the promise
   * of the first.
   */
  stop(): Promise<void>;
}

/**
 * Starts a server with checked settings.
 *
 * @throws ConfigError if a storage has no driver, or options that its driver refuses.
 * @throws Error if it cannot listen on the address, or a queue of the
 *   configuration breaks a rule. Nothing runs then.
 */
export async function startServer(given: Config, deps: ServerDeps): Promise<RunningServer> {
  const { logger } = deps;
  const config = withDrivers(given, deps.drivers);
  const composition = compose(config, deps);
  logStorages(config, logger);
  const resources = watchResources(config, deps, composition);
  const common = {
    isShared: deps.worker !== undefined,
    clock: deps.clock,
    logger,
  };
  const listeners: Listener[] = [];
  const addListener = async (options: Pick<ListenerOptions, 'address' | 'tls' | 'http'>) => {
    const listener = await Listener.create({ ...common, ...options });
    listeners.push(listener);
    return listener;
  };
  const { address, tls, 'admin-address': adminAddress } = config;
  let main: Listener;
  let admin: Listener | undefined;
  try {
    main = await addListener({ address, tls, http: composition.http });
    if (adminAddress !== undefined) {
      admin = await addListener({
        address: adminAddress,
        tls: adminTlsOf(config),
        http: composition.operatorsHttp,
      });
    }
    await composition.start();
    await composition.configuredQueues.create();
    for (const listener of listeners) await listener.start();
    composition.outboxes.start();
  } catch (error) {
    resources.stop();
    for (const listener of listeners) listener.abandon();
    await composition.stop();
    await deps.tracing?.stop();
    throw error;
  }
  logger.info('HTTP server started', { address: main.url, ...(admin && { adminAddress: admin.url }) });

  const stopping = new RunOnce(async () => {
    resources.stop();
    for (const listener of listeners) listener.beginStop();
    // The service comes first: running requests end with its answers.
    await composition.stop();
    const lingerMs = deps.ofProcess === true ? LINGER_MS : 0;
    await Promise.all(listeners.map((listener) => listener.endStop(lingerMs)));
    await deps.tracing?.stop();
    logger.info('HTTP server shut down');
  });
  const reload = async (changed: Config) => {
    composition.renewPasswords(changed);
    await main.reload(changed.tls);
    await admin?.reload(adminTlsOf(changed));
  };
  return { url: main.url, ...(admin && { adminUrl: admin.url }), reload, stop: () => stopping.run() };
}

/** Watches the limits of the process, if it has only one server. */
function watchResources(
  config: Config,
  { clock, logger, processLimits: limits }: ServerDeps,
  { pools, http }: Composition,
) {
  if (limits === undefined) return { stop: () => {} };
  const connections = config['max-connections'] ?? Math.max(http.connections.counts().limit, FEW_CONNECTIONS);
  logProcessLimits(logger, limits, { connections, pools: pools() });
  const watch = new ResourceWatch({ clock, logger, limits, usage: USAGE });
  watch.start();
  return { stop: () => watch.stop() };
}
