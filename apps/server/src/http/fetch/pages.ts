import { operatorPages } from '@querator/protocol';
import type { Metrics } from '../../observability/metrics.ts';
import type { AuthorizePage } from '../call/authorize-page.ts';
import type { CallHeaders } from '../call/call-headers.ts';
import type { Health, HealthChecks } from '../health/health.ts';

/** The dependencies of the pages for operators. */
export interface PageDeps {
  readonly health: Pick<HealthChecks, 'check'>;
  readonly metrics: Pick<Metrics, 'exposition'>;
  /** Whether the server can serve. With several workers: whether all of them can. Never rejects. */
  readonly isReady: () => Promise<boolean>;
  readonly authorize: AuthorizePage;
}

/** What a server shows to a GET request. */
export interface Page {
  /** Default: 200. */
  readonly status?: number;
  /** Bytes are sent as they are. */
  readonly text: string | Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request for a page. */
export interface PageRequest {
  readonly query: URLSearchParams;
  readonly headers: CallHeaders;
  /** `If-None-Match`. */
  readonly ifNoneMatch: string | undefined;
  /** `Accept-Encoding`. */
  readonly acceptEncoding: string | undefined;
}

/** Shows a page. May reject with the error that refuses the request. */
export type ShowPage = (request: PageRequest) => Promise<Page>;

/** The pages by path. */
export type Pages = ReadonlyMap<string, ShowPage>;

/**
 * The pages of a table of the protocol, from which the OpenAPI document is made: a page that is missing on either side
 * does not compile.
 */
export function pagesOf<Table extends object>(
  _table: Table,
  shown: Readonly<Record<keyof Table & string, ShowPage>>,
): Pages {
  return new Map(Object.entries<ShowPage>(shown));
}

/** Pages below one path, which pages of other sites may lead to, since they hold no data. */
export interface PagesBelow {
  /** Begins with a slash, and ends without one. */
  readonly path: string;
  /**
   * @param name the path of the request below `path`, as the client sent it. Undefined: it is `path` itself.
   * @returns undefined if there is no such page.
   */
  show(name: string | undefined, request: PageRequest): Promise<Page | undefined>;
}

/** The pages for operators: health, liveness, readiness and metrics. */
export function createPages({ health, metrics, isReady, authorize }: PageDeps): Pages {
  const mayReadHealth = async (headers: CallHeaders) => {
    try {
      await authorize(operatorPages['/health'].permission, headers);
      return true;
    } catch {
      return false;
    }
  };
  return pagesOf(operatorPages, {
    '/health': async ({ query, headers }) => {
      const found = await health.check(query);
      return healthPage((await mayReadHealth(headers)) ? found : { status: found.status });
    },
    '/livez': async () => healthPage({ status: 'pass' }),
    '/readyz': async () => healthPage({ status: (await isReady()) ? 'pass' : 'fail' }),
    '/metrics': async ({ headers }) => {
      await authorize(operatorPages['/metrics'].permission, headers);
      return metrics.exposition(headers.accept);
    },
  });
}

function healthPage(health: Health | Pick<Health, 'status'>): Page {
  return {
    status: health.status === 'pass' ? 200 : 503,
    text: `${JSON.stringify(health)}\n`,
    contentType: operatorPages['/health'].contentType,
  };
}
