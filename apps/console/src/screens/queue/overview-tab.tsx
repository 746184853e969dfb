import { useMemo } from 'preact/hooks';
import { address, withParams } from '../../address/address.ts';
import { type Handling, type QueueDescription, queueRates, queueStats } from '../../api/queues.ts';
import { type Loaded, useCall } from '../../api/use-call.ts';
import { Chart } from '../../charts/chart.tsx';
import { Age } from '../../parts/age.tsx';
import { Facts } from '../../parts/facts.tsx';
import { SpanOf } from '../../parts/moment.tsx';
import { Panel } from '../../parts/panel.tsx';
import { formatCount, formatRate } from '../../text/number.ts';
import { formatSpan, parseSpan } from '../../text/span.ts';
import { addSample, ageLine, depthLines, handlingLines } from './depth-history.ts';
import { type ChartSpan, rateLines, SPANS } from './minutes.ts';

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
  return (
    <>
      <Panel loaded={loaded}>
        {(data) => (
          <>
            <Counts queue={queue} data={data} readAt={loaded.readAt} />
            <Depth queue={queue} data={data} readAt={loaded.readAt ?? 0} />
          </>
        )}
      </Panel>
      <Rates queue={queue} />
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
        <span class="quiet">. Consumers that wait are those of the server that answers.</span>
      </p>
    </>
  );
}

function Depth({
  queue,
  data,
  readAt,
}: {
  readonly queue: string;
  readonly data: QueueDescription;
  readonly readAt: number;
}) {
  const samples = useMemo(() => addSample(queue, data, readAt), [queue, data, readAt]);
  const depth = useMemo(() => depthLines(samples), [samples]);
  const age = useMemo(() => ageLine(samples), [samples]);
  const handling = useMemo(() => handlingLines(samples), [samples]);
  return (
    <div class="charts">
      <Chart title="Items" note="since this page was opened" data={depth} format={formatCount} />
      <Chart title="Age of the head" note="since this page was opened" data={age} format={seconds} />
      <Chart title="Handling time" note={handlingNote(data.handling)} data={handling} format={seconds} />
    </div>
  );
}

/** Says of which items the handling times are: the server measures only while somebody looks. */
function handlingNote(handling: Handling | undefined): string {
  const { count = 0, watched } = handling ?? {};
  const measured = parseSpan(watched);
  const since = measured === undefined ? 'measuring begins now' : `of the last ${formatSpan(measured)}`;
  return `${formatCount(count)} items that this server leased and completed, ${since}`;
}

function Rates({ queue }: { readonly queue: string }) {
  const chosen = SPANS.find(({ name }) => name === address.value.params['span']) ?? (SPANS[0] as ChartSpan);
  const rates = useCall(
    `rates ${queue} ${chosen.name}`,
    (signal) => queueRates(queue, `${chosen.minutes + chosen.step}m`, signal),
    { every: 15_000 },
  );
  const { data } = rates;
  const lines = useMemo(
    () => (data === undefined ? undefined : rateLines(data, Math.min(chosen.minutes, 1_425), chosen.step)),
    [data, chosen],
  );
  return (
    <Panel title="Rates" loaded={rates} actions={<SpanChoice chosen={chosen} />}>
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
