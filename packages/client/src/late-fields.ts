/** The fields that calls did not have from the beginning. */
interface LateFields {
  readonly filter?: { readonly sourceQueue?: string; readonly withoutError?: boolean };
  readonly dryRuns?: string;
  readonly move?: boolean;
}

const selects = ({ filter }: LateFields): boolean => !!filter?.sourceQueue || filter?.withoutError === true;

/** By the path of a call, whether a request uses fields that the call did not have from the beginning. */
const LATE: ReadonlyMap<string, (request: LateFields) => boolean> = new Map([
  ...['/v2/items.find', '/v2/items.summarize', '/v2/tasks.create'].map((path) => [path, selects] as const),
  ['/v2/tasks.list', ({ dryRuns }) => !!dryRuns],
  ['/v2/queues.resize', ({ move }) => move === true],
]);

/**
 * Whether a request has to go as JSON, which a server refuses if it does not know a
 * field. In protobuf it ignores the field, and an earlier server would delete items
 * that the request spares, or wait for consumers that the request does not count on.
 */
export function hasLateFields(path: string, request: object): boolean {
  return LATE.get(path)?.(request) ?? false;
}
