import { getQuota, type Quota } from '../../api/access.ts';
import { useCall } from '../../api/use-call.ts';
import { None } from '../../parts/moment.tsx';
import { formatLimit, LIMIT_LABELS } from './limit-labels.ts';

const EVERY_MS = 30_000;
/** The share of a limit from which on it stands out. */
const NEARLY = 0.9;
/** More would make the row too high. */
const MOST_SHOWN = 3;

/** How much of its limits a namespace uses, in a row of a list: those first of which the least is left. */
export function QuotaUse({ namespace }: { readonly namespace: string }) {
  const { data, error } = useCall(`quota use ${namespace}`, (signal) => getQuota({ namespace }, signal), {
    every: EVERY_MS,
  });
  if (error !== undefined) return <None why={error.message} />;
  if (data === undefined) return <span class="quiet">…</span>;
  const uses = usesOf(data);
  if (uses.length === 0) return <span class="quiet">no limits</span>;
  return (
    <ul>
      {uses.slice(0, MOST_SHOWN).map(({ name, label, used, limit }) => (
        <li key={name} class={used >= NEARLY * limit ? 'bad' : undefined}>
          <span class="quiet">{label}</span> {formatLimit(name, used)} of {formatLimit(name, limit)}
          {used >= limit ? ', full' : used >= NEARLY * limit && ', nearly full'}
        </li>
      ))}
    </ul>
  );
}

function usesOf({ limits = {}, usage = {} }: Quota) {
  return LIMIT_LABELS.map(([name, label]) => ({
    name,
    label,
    limit: limits[name] ?? 0,
    used: usage[name] ?? 0,
  }))
    .filter(({ limit }) => limit > 0)
    .sort((a, b) => b.used / b.limit - a.used / a.limit);
}
