/**
 * The path of a request target as the client sent it, without the query. Paths
 * match exactly, so nothing is decoded and no dot segment is resolved, as the
 * `URL` class does.
 */
export function pathOf(target: string): string {
  const start = target.startsWith('/') ? 0 : target.indexOf('/', target.indexOf('://') + 3);
  if (start < 0) return '/';
  const query = target.indexOf('?', start);
  return query < 0 ? target.slice(start) : target.slice(start, query);
}
