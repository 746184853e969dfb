import { address } from '../../address/address.ts';
import { type AuditEvent, listAudit } from '../../api/audit.ts';
import { session } from '../../api/session.ts';
import type { Page } from '../../api/types.ts';
import { type Loaded, useCall } from '../../api/use-call.ts';
import { Badge, type Tone } from '../../parts/badge.tsx';
import { FilterBar } from '../../parts/filter-bar.tsx';
import { ExactTime } from '../../parts/moment.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Plain } from '../../parts/plain.tsx';
import { ScreenHead } from '../../parts/screen-head.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import type { Screen } from '../screen.ts';

const PAGE = 100;
const TONES: Readonly<Record<AuditEvent['outcome'], Tone>> = { begun: 'quiet', ok: 'good', failed: 'bad' };

const COLUMNS: readonly Column<AuditEvent>[] = [
  { title: 'When', cell: ({ at }) => <ExactTime at={at} /> },
  {
    title: 'Who',
    cell: ({ username = '', user_id: id, key_id: key }) => (
      <span title={[id && `user ${id}`, key && `key ${key}`].filter(Boolean).join(', ')}>
        <Plain text={username} limit={60} />
      </span>
    ),
  },
  { title: 'What', names: true, cell: ({ action }) => <Plain text={action} /> },
  { title: 'Outcome', cell: (event) => <Outcome event={event} /> },
  { title: 'Of what', cell: (event) => <Details event={event} /> },
  { title: 'From', wide: true, cell: ({ peer = '' }) => <Plain text={peer} /> },
];

function Outcome({ event: { outcome, code = 0, reason } }: { readonly event: AuditEvent }) {
  return (
    <>
      <Badge tone={TONES[outcome]}>{outcome}</Badge>
      {code !== 0 && <span class="quiet"> {code}</span>}
      {reason && (
        <p class="task-error">
          <Plain text={reason} limit={300} />
        </p>
      )}
    </>
  );
}

function Details({ event: { namespace, details = {}, changes = [] } }: { readonly event: AuditEvent }) {
  const named = Object.entries({ ...(namespace ? { namespace } : {}), ...details });
  return (
    <div class="details">
      {named.map(([name, value]) => (
        <span key={name}>
          <span class="quiet">{name}</span> <Plain text={value} limit={100} />
        </span>
      ))}
      {changes.map(({ field, before = '', after = '' }) => (
        <span key={field}>
          <span class="quiet">{field}</span>{' '}
          {before !== '' && (
            <del>
              <Plain text={before} limit={100} />
            </del>
          )}{' '}
          <span aria-hidden="true">→</span>{' '}
          <ins>{after === '' ? 'none' : <Plain text={after} limit={100} />}</ins>
        </span>
      ))}
    </div>
  );
}

/** A time of a field, which has no zone, as the API takes it. */
function timeOf(local: string | undefined): string | undefined {
  const at = Date.parse(local ?? '');
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

function AuditScreen() {
  const { params } = address.value;
  const { namespace = session.value.scope, actor, action, cursor } = params;
  const request = {
    namespace,
    actor,
    action,
    cursor,
    from: timeOf(params['from']),
    to: timeOf(params['to']),
    limit: PAGE,
  };
  const page = useCall(`audit ${JSON.stringify(request)}`, (signal) => listAudit(request, signal), {
    every: 10_000,
  });
  return (
    <>
      <ScreenHead title="Audit">Who changed settings, access and items, the newest first.</ScreenHead>
      <FilterBar
        label="Filter the events"
        fields={[
          { name: 'actor', label: 'User', placeholder: 'name or id' },
          { name: 'action', label: 'Call', placeholder: 'queues.delete' },
          { name: 'namespace', label: 'Namespace', placeholder: 'the whole server' },
          { name: 'from', label: 'From', type: 'datetime-local' },
          { name: 'to', label: 'To', type: 'datetime-local' },
        ]}
      />
      {page.error?.kind === 'off' ? <NotKept /> : <Events page={page} />}
    </>
  );
}

function NotKept() {
  return (
    <div class="note info" role="status">
      <p>
        <strong>This server keeps no events.</strong>
      </p>
      <p>
        They are kept once the configuration says <code>audit: {'{ table: true }'}</code> and the server is
        restarted. Its log may have them already.
      </p>
    </div>
  );
}

function Events({ page }: { readonly page: Loaded<Page<AuditEvent>> }) {
  return (
    <Panel loaded={page}>
      {({ items = [], cursor: next }) => (
        <>
          <Table
            caption="Audit events"
            columns={COLUMNS}
            rows={items}
            keyOf={({ id, outcome }) => `${id} ${outcome}`}
            empty={next ? 'None on this page; more may follow.' : 'No events.'}
          />
          <Pager next={next} label="Pages of events" />
        </>
      )}
    </Panel>
  );
}

/** Who did what. */
export const auditScreen: Screen = {
  path: ['audit'],
  title: () => 'Audit',
  component: AuditScreen,
  navigation: { label: 'Audit', group: 'People' },
};
