import { useMemo } from 'preact/hooks';
import { address, withParams } from '../../address/address.ts';
import type { QueueRates } from '../../api/queue-rates.ts';
import { type Handling, type QueueDescription, queueRates, queueStats } from '../../api/queues.ts';
import { type Loaded, useCall } from '../../api/use-call.ts';
import { Chart } from '../../charts/chart.tsx';
import { Age } from '../../parts/age.tsx';
import { Facts } from '../../parts/facts.tsx';
import { SpanOf } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { countOf, formatCount, formatRate } from '../../text/number.ts';
import { formatSpan, parseSpan } from '../../text/span.ts';
import { addSample } from './depth-history.ts';
import { ageLine, depthHistory, depthLines, handlingLines } from './depth-lines.ts';
import { type ChartSpan, rateLines, SPANS } from './minutes.ts';

/** The longest span that servers tell. */
const LONGEST_MIN = 1_440;

const perSecond = (value: number) => `${formatRate(value)}/s`;
const seconds = (value: number) => formatSpan(value * 1000);

/** What a queue holds and does. */
export function OverviewTab({
  queue,
  loaded,
}: {
  readonly queue: string;
  readonly loaded: Loaded<QueueDescription>;
}) {
  const span = SPANS.find(({ name }) => name === address.value.params['span']) ?? (SPANS[0] as ChartSpan);
  const rates = useCall(
    `rates ${queue} ${span.name}`,
    (signal) => queueRates(queue, `${Math.min(span.minutes + span.step, LONGEST_MIN)}m`, signal),
    { every: 15_000 },
  );
  return (
    <>
      <Panel loaded={loaded}>{(data) => <Counts queue={queue} data={data} readAt={loaded.readAt} />}</Panel>
      <Panel title="History" loaded={loaded} actions={<SpanChoice chosen={span} />}>
        {(data) => (
          <History queue={queue} data={data} readAt={loaded.readAt ?? 0} rates={rates.data} span={span} />
        )}
      </Panel>
      <Rates rates={rates} span={span} />
    </>
  );
}

function Counts({
  queue,
  data,
  readAt,
}: {
  readonly queue: string;
  readonly data: QueueDescription;
  readonly readAt: number | undefined;
}) {
  const stats = useCall(`stats ${queue}`, (signal) => queueStats(queue, signal), { every: 5_000 });
  const [process] = stats.data?.logicalQueues ?? [];
  const { waiting = 0, leased = 0, scheduled = 0, head_age, count_age, uncounted = 0, dedup_keys = 0 } = data;
  return (
    <>
      <Facts
        facts={[
          ['Waiting', <strong>{formatCount(waiting)}</strong>],
          ['Leased', formatCount(leased)],
          ['Scheduled', formatCount(scheduled)],
          ['Oldest waiting item', <SpanOf span={head_age} />],
          ['Consumers that wait here', process === undefined ? '…' : formatCount(process.lease_waiting ?? 0)],
          ['Dedup keys', formatCount(dedup_keys)],
        ]}
      />
      <p class="below">
        <Age age={count_age} readAt={readAt} />
        {uncounted > 0 && (
          <span class="quiet">; {formatCount(uncounted)} partitions were not counted yet</span>
        )}
        <span class="quiet">. Consumers that wait: those of the server that answered, not of others.</span>
      </p>
    </>
  );
}

/** What servers noted once a minute while items came or went, and what this page saw since it was opened. */
function History({
  queue,
  data,
  readAt,
  rates,
  span,
}: {
  readonly queue: string;
  readonly data: QueueDescription;
  readonly readAt: number;
  /** Undefined: not read yet, or none are kept. */
  readonly rates: QueueRates | undefined;
  readonly span: ChartSpan;
}) {
  const samples = useMemo(() => addSample(queue, data, readAt), [queue, data, readAt]);
  const history = useMemo(() => {
    const known = rates ?? { now: new Date(readAt).toISOString() };
    return depthHistory(known, span.minutes, samples);
  }, [rates, readAt, span, samples]);
  const depth = useMemo(() => depthLines(history), [history]);
  const age = useMemo(() => ageLine(history), [history]);
  const handling = useMemo(() => handlingLines(samples), [samples]);
  return (
    <div class="charts">
      <Chart title="Items" note={NOTED} data={depth} format={formatCount} whole />
      <Chart title="Oldest waiting item" note={NOTED} data={age} format={seconds} />
      <Chart title="Handling time" note={handlingNote(data.handling)} data={handling} format={seconds} />
    </div>
  );
}

const NOTED = 'noted once a minute while items come or go; more often while this page is open';

/** Says of which items the handling times are: the server measures only while somebody looks. */
function handlingNote(handling: Handling | undefined): string {
  const { count = 0, watched } = handling ?? {};
  const measured = parseSpan(watched);
  if (measured === undefined) return 'this server begins to measure now, as somebody looks';
  const span = `the last ${formatSpan(measured)}`;
  if (count === 0) return `this server has leased and completed no item in ${span}`;
  const ofItems = countOf(count, 'item', 'items');
  return `from lease to completion, of ${ofItems} that this server leased and completed in ${span}`;
}

function Rates({ rates, span }: { readonly rates: Loaded<QueueRates>; readonly span: ChartSpan }) {
  const { data } = rates;
  const lines = useMemo(
    () => (data === undefined ? undefined : rateLines(data, Math.min(span.minutes, 1_425), span.step)),
    [data, span],
  );
  return (
    <Panel title={`Rates, ${span.label}`} loaded={rates}>
      {() =>
        lines && (
          <div class="charts one">
            <Chart title="Items a second" note="of all servers" data={lines} format={perSecond} />
          </div>
        )
      }
    </Panel>
  );
}

function SpanChoice({ chosen }: { readonly chosen: ChartSpan }) {
  return (
    <nav class="links" aria-label="How far back">
      {SPANS.map(({ name, label }, at) => (
        <a
          key={name}
          href={withParams({ span: at === 0 ? undefined : name })}
          aria-current={name === chosen.name ? 'true' : undefined}
        >
          {label}
        </a>
      ))}
    </nav>
  );
}
