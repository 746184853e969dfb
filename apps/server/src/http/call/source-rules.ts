import { errorText, QueueError } from '@querator/core';
import { REPLY_HEADERS } from '@querator/protocol';
import type { CallHeaders } from './call-headers.ts';
import { HostRule } from './host-rule.ts';
import { REQUEST_ID_HEADER } from './request-ids.ts';

/** The settings of the rules. */
export interface SourceRulesOptions {
  /** The entries of `allowed-hosts`. */
  readonly allowedHosts: readonly string[];
  /** The entries of `cors-origins`. */
  readonly corsOrigins: readonly string[];
}

/** How long a browser may use the answer to a preflight request, in seconds. */
const PREFLIGHT_MAX_AGE_S = 600;

/** Headers of a reply that a page may read besides those that browsers always show. */
const EXPOSED = [...Object.values(REPLY_HEADERS), 'Retry-After', REQUEST_ID_HEADER].join(', ');

const PREFLIGHT_HEADERS = {
  'Access-Control-Allow-Methods': 'POST, GET, HEAD',
  'Access-Control-Allow-Headers': `Accept, Authorization, Content-Type, ${REQUEST_ID_HEADER}, traceparent, tracestate`,
  'Access-Control-Max-Age': String(PREFLIGHT_MAX_AGE_S),
  // Browsers ask for it before a page of the internet may call a server on a private network.
  'Access-Control-Allow-Private-Network': 'true',
};

/** The ports that an origin does not name. */
const DEFAULT_PORT: Readonly<Record<string, string>> = { http: '80', https: '443' };

/**
 * Decides which requests are served by the web page that sent them and by the
 * host that they name. The rules hold on every path, and for every method. Only
 * browsers send `Origin` and `Sec-Fetch-Site`, so programs pass.
 */
export class SourceRules {
  readonly #loopbackHosts: HostRule;
  readonly #hosts: HostRule;
  readonly #corsOrigins: ReadonlySet<string>;

  constructor({ allowedHosts: allowed, corsOrigins }: SourceRulesOptions) {
    this.#loopbackHosts = new HostRule({ allowed, onLoopback: true });
    this.#hosts = new HostRule({ allowed, onLoopback: false });
    this.#corsOrigins = new Set(corsOrigins);
  }

  /**
   * Checks the source of a request.
   *
   * @param onLoopback whether the listener that received it has a loopback address.
   * @throws QueueError `invalid` or `forbidden`, naming the header and the setting.
   */
  check(headers: CallHeaders, onLoopback: boolean): void {
    this.checkHost(headers, onLoopback);
    const { host, origin, fetchSite } = headers;
    if (origin === undefined && fetchSite === undefined) return;
    if (origin !== undefined && this.#corsOrigins.has(origin)) return;
    if (fetchSite === undefined) checkOrigin(origin ?? '', host);
    else checkFetchSite(fetchSite);
  }

  /** Checks the host that a request names, as `check` does, whatever page sent it. */
  checkHost({ host }: CallHeaders, onLoopback: boolean): void {
    // Absent in HTTP/1.0, and in process. No browser leaves it out.
    if (host !== undefined && host !== '') (onLoopback ? this.#loopbackHosts : this.#hosts).check(host);
  }

  /** The headers that let a page of a configured origin read a reply. Undefined: the page may not. */
  corsHeaders(origin: string | undefined): Readonly<Record<string, string>> | undefined {
    if (origin === undefined || !this.#corsOrigins.has(origin)) return undefined;
    return {
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Expose-Headers': EXPOSED,
      Vary: 'Origin',
    };
  }

  /** The headers that allow a call of a configured origin in advance. Undefined: this is no such request. */
  preflightHeaders(method: string, origin: string | undefined): Readonly<Record<string, string>> | undefined {
    const headers = method === 'OPTIONS' ? this.corsHeaders(origin) : undefined;
    return headers && { ...headers, ...PREFLIGHT_HEADERS };
  }
}

/** A browser that sends `Sec-Fetch-Site` has compared the origins itself, also where it sends no `Origin`. */
function checkFetchSite(site: string): void {
  if (site === 'same-origin' || site === 'none') return;
  throw refused('Sec-Fetch-Site', site, "names another site, whose origin is not in 'cors-origins'");
}

function checkOrigin(origin: string, host: string | undefined): void {
  if (isOriginOf(origin, host)) return;
  throw refused('Origin', origin, "is not this server's and not in 'cors-origins'");
}

/** Whether an origin is that of the host that a request names. */
function isOriginOf(origin: string, host: string | undefined): boolean {
  const [, scheme = '', authority] = /^([a-z][a-z0-9+.-]*):\/\/(.+)$/.exec(origin) ?? [];
  const port = DEFAULT_PORT[scheme];
  const plain = (text: string | undefined) =>
    text?.toLowerCase().replace(/:([0-9]+)$/, (all, given) => (given === port ? '' : all));
  return authority !== undefined && plain(authority) === plain(host);
}

/** Whether a browser says that a page of this server itself sent the request. Other programs say nothing. */
export function isFromOwnPage({
  host,
  origin,
  fetchSite,
}: Partial<Pick<CallHeaders, 'host' | 'origin' | 'fetchSite'>>): boolean {
  if (fetchSite !== undefined) return fetchSite === 'same-origin';
  return origin !== undefined && isOriginOf(origin, host);
}

function refused(header: string, value: string, fault: string): QueueError {
  return new QueueError('forbidden', errorText`access denied; ${header} header '${value}' ${fault}`);
}
