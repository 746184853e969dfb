import { metadataUnavailable, type Outcome } from '@querator/core';
import type { PartitionContext } from './partition-table.ts';

/**
 * Refuses the requests that need the column for the details of items, if the table lacks
 * it. Undefined: no request is refused.
 *
 * @returns a function that serves the other requests and returns all outcomes.
 */
export function refuseMetadata<Request>(
  { table }: Pick<PartitionContext, 'table'>,
  requests: readonly Request[],
  needsIt: (request: Request) => boolean,
): (<T>(serve: Serve<Request, T>) => Promise<readonly Outcome<T>[]>) | undefined {
  const { fault } = table.metadata;
  if (fault === undefined || !requests.some(needsIt)) return undefined;
  return async (serve) => {
    const others = requests.filter((request) => !needsIt(request));
    const served = (others.length === 0 ? [] : await serve(others)).values();
    return requests.map((request) =>
      needsIt(request)
        ? { ok: false, error: metadataUnavailable(fault) }
        : (served.next().value as (typeof others)[number] & never),
    );
  };
}

type Serve<Request, T> = (others: readonly Request[]) => Promise<readonly Outcome<T>[]>;
