import { formatAddress } from '../../address/address-text.ts';
import { getQuota, type LimitName, type Quota } from '../../api/access.ts';
import { CallError } from '../../api/call-error.ts';
import { useCall } from '../../api/use-call.ts';
import { Plain } from '../../parts/plain.tsx';
import { formatCount } from '../../text/number.ts';

/** The limits of what a namespace holds. The others are limits of rates: a caller beyond one has only to wait. */
const STOCKS: readonly (readonly [LimitName, string])[] = [
  ['items_waiting', 'items'],
  ['bytes_waiting', 'bytes'],
];
/** The share of a limit from which on the page speaks of it. */
const NEARLY = 0.9;

const LIMITED_MS = 10_000;
const UNLIMITED_MS = 60_000;

/** The quota; empty, and so without a note, if the viewer may not see it or the server has no quotas. */
async function quotaOrNone(namespace: string, signal: AbortSignal): Promise<Quota> {
  try {
    return await getQuota({ namespace }, signal);
  } catch (error) {
    const isRefused = error instanceof CallError && (error.kind === 'forbidden' || error.status === 453);
    if (isRefused) return {};
    throw error;
  }
}

/** Says when the namespace of a queue is full, or nearly: then producers are refused, whatever this queue holds. */
export function QuotaNote({ namespace }: { readonly namespace: string }) {
  const { data } = useCall(`quota ${namespace}`, (signal) => quotaOrNone(namespace, signal), {
    every: ({ limits }) => (limits === undefined ? UNLIMITED_MS : LIMITED_MS),
  });
  const reached = data === undefined ? [] : reachedLimits(data);
  if (reached.length === 0) return null;
  return (
    <div class="note notice" role="status">
      {reached.map(({ words, used, limit }) => (
        <p key={words}>
          The queues of the namespace <Plain text={namespace} /> hold {formatCount(used)} of at most{' '}
          {formatCount(limit)} {words}, leased items and dead letters included. Beyond, producers are refused.{' '}
          <a href={formatAddress(['queues'], { namespace, sort: '-waiting' })}>Its queues by size</a>
        </p>
      ))}
    </div>
  );
}

/** The limits of stocks of which at most a tenth is left. */
function reachedLimits({ limits, usage }: Quota) {
  return STOCKS.flatMap(([name, words]) => {
    const [limit = 0, used = 0] = [limits?.[name], usage?.[name]];
    return limit > 0 && used >= NEARLY * limit ? [{ words, used, limit }] : [];
  });
}
