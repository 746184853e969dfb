import { fileURLToPath } from 'node:url';
import { ServerProcess, SOURCE_FLAGS } from '@querator/tooling-processes';
import type { CountsReleases } from './release-watch.ts';
import { releasesIn } from './releases-in.ts';

const HOOK = fileURLToPath(new URL('../variants/load-hook.ts', import.meta.url));
const METRICS_TIMEOUT_MS = 1_000;

/** One of the servers of a run. */
export class Instance extends ServerProcess implements CountsReleases {
  /**
   * @param databases the connection strings of the queues' database, and of one with an outbox.
   * @param variant a known-bad variant of the engine to load.
   */
  constructor(
    port: number,
    databases: {
      readonly storage: string;
      readonly outbox: string | undefined;
      /** Further storages of items, by name. */
      readonly further: Readonly<Record<string, string>>;
    },
    variant?: string,
  ) {
    super(port, {
      ...{ ...databases, logLevel: 'error' },
      ...(variant === undefined
        ? {}
        : { flags: [...SOURCE_FLAGS, '--import', HOOK], env: { HISTORIES_VARIANT: variant } }),
    });
  }

  get process(): number {
    return this.starts;
  }

  async released(queue: string): Promise<number | undefined> {
    const metrics = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(METRICS_TIMEOUT_MS) })
      .then((answer) => (answer.ok ? answer.text() : undefined))
      .catch(() => undefined);
    return metrics === undefined ? undefined : releasesIn(metrics, queue);
  }
}
