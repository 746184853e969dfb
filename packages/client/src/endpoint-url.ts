/**
 * Checks the URL of a server and strips a trailing slash, so that a path can be
 * appended: `https://host/prefix/` becomes `https://host/prefix`.
 *
 * @throws TypeError if it is not an http(s) URL, or contains credentials, which
 *   would appear in messages and logs. The error message never shows them.
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
