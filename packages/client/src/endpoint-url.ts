/**
 * Checks the address of a server, and strips what follows from it by adding a
 * path: `https://host/prefix/` becomes `https://host/prefix`.
 *
 * @throws TypeError when it is no http(s) URL, or holds credentials, which
 *   would end up in messages and logs. The message never shows them.
 */
export function parseEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url?.username || url?.password) {
    throw new TypeError('endpoint is invalid; it cannot hold credentials, pass an API key instead');
  }
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError(`endpoint is invalid; '${endpoint}' is not a URL like http://localhost:2319`);
  }
  if (url.search !== '' || url.hash !== '') {
    throw new TypeError(`endpoint is invalid; '${endpoint}' cannot have a query or a fragment`);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
