import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import type { EmptyRouteCommands } from '../empty-route/main.ts';
import type { LoadCommands } from '../load/main.ts';
import { BenchProcess, type Commands } from '../processes/bench-process.ts';
import type { RawCommands } from '../raw/main.ts';
import type { ServiceCommands } from '../service/main.ts';
import { Database, Site, type SiteOptions } from './site.ts';
import { TraceSink } from './trace-sink.ts';

/** The options of a run. */
export interface TestBedOptions {
  /** The checkout whose built server is measured; this one by default. */
  readonly checkout?: string | undefined;
  /** Connections of a server to its database. */
  readonly maxConns: number;
  /** Whether statements are counted, at a small cost for the database. */
  readonly countStatements?: boolean | undefined;
}

/**
 * PostgreSQL's defaults except for checkpoints: the bench makes one before each
 * measurement, and none falls into one.
 */
const SETTINGS = { shared_buffers: '128MB', max_wal_size: '8GB', checkpoint_timeout: '1h' };
const COUNTING = { shared_preload_libraries: 'pg_stat_statements' };

interface Stoppable {
  stop(): Promise<void>;
}

/** All processes of a bench. Each starts when it is first needed. */
export class TestBed {
  readonly cluster: Cluster;
  readonly options: TestBedOptions;
  readonly #started = new Map<string, Promise<Stoppable>>();

  private constructor(cluster: Cluster, options: TestBedOptions) {
    this.cluster = cluster;
    this.options = options;
  }

  static async start(options: TestBedOptions): Promise<TestBed> {
    const settings = options.countStatements ? { ...SETTINGS, ...COUNTING } : SETTINGS;
    return new TestBed(await startTemporaryCluster({ settings }), options);
  }

  /** The measured server. */
  site(): Promise<Site> {
    return this.#site('bench', { checkout: this.options.checkout });
  }

  /** The built server of another checkout. */
  otherSite(checkout: string): Promise<Site> {
    return this.#site('bench_other', { checkout });
  }

  /** A second measured server with its own database. */
  neighbourSite(): Promise<Site> {
    return this.#site('bench_neighbour', { checkout: this.options.checkout });
  }

  /** A second measured server, with access control. */
  guardedSite(): Promise<Site> {
    const adminKey = `qtr-bench-${'a'.repeat(43)}`;
    return this.#site('bench_guarded', { checkout: this.options.checkout, adminKey });
  }

  /** A second measured server, which records one call in a hundred. */
  async tracedSite(): Promise<Site> {
    const sink = await this.other('trace sink', () => TraceSink.start());
    const env = {
      ...{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint },
      ...{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' },
    };
    return this.#site('bench_traced', { checkout: this.options.checkout, env });
  }

  /** A second measured server whose heap can be inspected. */
  inspectedSite(): Promise<Site> {
    return this.#site('bench_inspected', { checkout: this.options.checkout, inspected: true });
  }

  /** The measured server without a database. */
  memorySite(): Promise<Site> {
    return this.#once('memory server', () => Site.start(this.options));
  }

  /** The load generator. */
  load(): Promise<BenchProcess<LoadCommands>> {
    return this.child<LoadCommands>('load generator', '../load/main.ts');
  }

  /** One bare connection to the database. */
  raw(): Promise<BenchProcess<RawCommands>> {
    return this.child<RawCommands>('raw connection', '../raw/main.ts');
  }

  /** The service in a process without HTTP, on the measured server's database. */
  async service(): Promise<BenchProcess<ServiceCommands>> {
    const { maxConns } = this.options;
    const { database } = await this.site();
    const child = await this.child<ServiceCommands>('service', '../service/main.ts');
    await child.call('start', { connectionString: database?.connectionString ?? '', maxConns });
    return child;
  }

  /** The port of a server with one route that does nothing. */
  async emptyRoute(): Promise<number> {
    const child = await this.child<EmptyRouteCommands>('empty route', '../empty-route/main.ts');
    return child.call('port', null);
  }

  /** Deletes all queues, so that a measurement does not affect the next one. */
  async clear(): Promise<void> {
    for (const started of await Promise.allSettled(this.#started.values())) {
      if (started.status === 'fulfilled' && started.value instanceof Site) await started.value.deleteQueues();
    }
  }

  /** Stops all processes, in the reverse order of their start. */
  async stop(): Promise<void> {
    const started = await Promise.allSettled(this.#started.values());
    for (const each of started.reverse()) if (each.status === 'fulfilled') await each.value.stop();
    await this.cluster.stop();
  }

  #site(
    database: string,
    server: Pick<SiteOptions, 'checkout' | 'inspected' | 'adminKey' | 'env'>,
  ): Promise<Site> {
    return this.#once(`server on ${database}`, async () => {
      const admin = await Database.open(this.cluster.connectionString());
      await admin.admin.query(`CREATE DATABASE ${database}`);
      await admin.close();
      const connectionString = this.cluster.connectionString(database);
      const site = await Site.start({ ...this.options, ...server, connectionString });
      if (this.options.countStatements) {
        await site.database?.admin.query('CREATE EXTENSION pg_stat_statements');
      }
      return site;
    });
  }

  /** A child process, started when it is first needed. */
  child<C extends Commands<C>>(name: string, module: string): Promise<BenchProcess<C>> {
    return this.#once(name, () => BenchProcess.start<C>(name, new URL(module, import.meta.url)));
  }

  /** Another program, started when it is first needed. */
  other<T extends Stoppable>(name: string, start: () => Promise<T>): Promise<T> {
    return this.#once(name, start);
  }

  #once<T extends Stoppable>(name: string, start: () => Promise<T>): Promise<T> {
    const started = (this.#started.get(name) as Promise<T> | undefined) ?? start();
    this.#started.set(name, started);
    // Try again the next time after a failed start.
    started.catch(() => this.#started.delete(name));
    return started;
  }
}
