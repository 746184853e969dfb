/** The first version of the API. Actions of later ones name them: `v2/queues.delete`. */
const FIRST = 'v1/';
const LATER = ['v2/'];
const WITH_VERSION = /^\/?v\d+\//;

/** The name of a call in events, by its path: `queues.delete`, or `v2/queues.delete` of a later version. */
export function actionOf(path: string): string {
  const call = path.startsWith('/') ? path.slice(1) : path;
  return call.startsWith(FIRST) ? call.slice(FIRST.length) : call;
}

/**
 * The actions that the filter of a list means. A name without a version is that of the call in every version, and
 * `v1/queues.delete` is only the first one.
 */
export function actionsOf(call: string): readonly string[] {
  const action = actionOf(call);
  return WITH_VERSION.test(call) ? [action] : [action, ...LATER.map((version) => `${version}${action}`)];
}
