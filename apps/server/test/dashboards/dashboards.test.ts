import { readFileSync } from 'node:fs';
import type { TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestServer } from '../support/test-server.ts';
import { Collector } from '../tracing/support/collector.ts';
import { type Series, scrape, startBusyServer } from './support/busy-server.ts';
import { alertRules, dashboards, kedaQuery } from './support/files.ts';
import { type Matcher, parseExpression } from './support/promql.ts';

const DOCS = new URL('../../../../docs/', import.meta.url);
const page = (name: string) => readFileSync(new URL(name, DOCS), 'utf8');

/** Labels that Prometheus adds itself. */
const OF_PROMETHEUS = ['instance', 'job'];

/** Dashboards choose a queue and the like, and an interval. */
const plain = (expression: string) =>
  expression.replaceAll('$__rate_interval', '5m').replace(/\$(queue|path|storage)\b/g, '.*');

const panelQueries = dashboards().flatMap(({ uid, panels }) =>
  panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ place: `${uid}: ${title}`, expr: plain(expr), legendFormat })),
  ),
);
const alertQueries = alertRules().map(({ alert, expr }) => ({ place: alert, expr, legendFormat: '' }));
const queries = [...panelQueries, ...alertQueries, { place: 'KEDA', expr: kedaQuery(), legendFormat: '' }];

describe('every series and label of', () => {
  let collector: Collector;
  let server: TestServer;
  let database: TestDatabase;
  let series: Series;
  const rows = new Map(
    [...page('monitoring.md').matchAll(/^\| `(\w+)` \|.*$/gm)].map(([row, name = '']) => [name, row]),
  );

  beforeAll(async () => {
    collector = await Collector.start();
    ({ server, database } = await startBusyServer(collector));
    series = await scrape(server, [
      ...['expired', 'deleted', 'dead_lettered'].map((event) => `querator_items_total event ${event}`),
      'querator_items_total event transferred',
      'querator_queue_items queue mail',
      'querator_storage_duration_seconds_count result failed',
      'querator_storage_held_horizon_seconds storage pg',
      'querator_storage_drained storage old',
      'querator_tasks_ended_total state done',
    ]);
  }, 60_000);
  afterAll(async () => {
    await server?.dispose();
    await database?.drop();
    await collector?.stop();
  });

  const documentedLabels = (name: string) => {
    const column = rows.get(name.replace(/_(bucket|count|sum)$/, ''))?.split('|')[3] ?? '';
    const names = [...column.matchAll(/`(\w+)`/g)].map(([, label = '']) => label);
    return new Map<string, ReadonlySet<string>>(names.map((label) => [label, new Set()]));
  };
  const labelsOf = (name: string) => {
    const labels = series.get(name);
    expect(labels, `there is no series ${name}`).toBeDefined();
    // A series without a sample, as that of a schedule that fires in a minute, has the labels of its documentation.
    if (labels === undefined || labels.size === 0) return documentedLabels(name);
    return labels;
  };
  /** Every alternative must be a value of the server, or one of those that its documentation lists. */
  const checkValues = (name: string, { label, operator, value }: Matcher) => {
    const known = [...(labelsOf(name).get(label) ?? [])];
    const family = name.replace(/_(bucket|count|sum)$/, '');
    const isRegex = operator.includes('~');
    for (const alternative of isRegex ? value.split('|') : [value]) {
      const isMet = known.some((each) =>
        isRegex ? new RegExp(`^(?:${alternative})$`).test(each) : each === alternative,
      );
      const isListed =
        rows.get(family)?.includes(`\`${alternative}\``) === true ||
        // Events have a table of their own.
        (label === 'event' && rows.has(alternative));
      const isStatus = label === 'code' && /^[245]\d\d$/.test(alternative);
      expect(isMet || isListed || isStatus, `${name}{${label}="${alternative}"}`).toBe(true);
    }
  };

  test.each(queries)('$place exists at a server', ({ expr, legendFormat }) => {
    const { selectors, grouping } = parseExpression(expr);
    expect(selectors).not.toEqual([]);
    const own = selectors.filter((selector) => selector.series !== 'up');
    const labels = new Set(OF_PROMETHEUS);
    for (const selector of own) {
      const there = labelsOf(selector.series);
      for (const label of there.keys()) labels.add(label);
      for (const matcher of selector.matchers) {
        expect([...there.keys()], `${selector.series}{${matcher.label}}`).toContain(matcher.label);
        checkValues(selector.series, matcher);
      }
    }
    for (const label of grouping) expect([...labels], expr).toContain(label);
    // What a legend shows must be left after the grouping.
    const left = grouping.length > 0 ? grouping : [...labels];
    for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(left, expr).toContain(label);
  });

  test('the variables of dashboards exist at a server', () => {
    const variables = dashboards().flatMap(({ templating }) => templating.list);
    const queried = variables.flatMap(({ definition }) => (definition === undefined ? [] : [definition]));
    expect(queried).toHaveLength(3);
    for (const definition of queried) {
      const [, name = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? [];
      expect([...labelsOf(name).keys()], definition).toContain(label);
    }
  });
});

test('a renamed series, label or value would be found', () => {
  const { selectors, grouping } = parseExpression(
    'sum by (a, b) (rate(one{x="1", y=~"2|3"}[5m])) / on (c) two unless ignoring (d) three',
  );
  expect(selectors).toEqual([
    {
      series: 'one',
      matchers: [
        { label: 'x', operator: '=', value: '1' },
        { label: 'y', operator: '=~', value: '2|3' },
      ],
    },
    { series: 'two', matchers: [] },
    { series: 'three', matchers: [] },
  ]);
  expect(grouping).toEqual(['a', 'b', 'c', 'd']);
  expect(() => parseExpression('sum by (a (b)')).toThrow('not PromQL');
});

describe('the dashboards', () => {
  test.each(dashboards())('$title can be shown by Grafana', ({ uid, panels }) => {
    expect(uid).toMatch(/^[a-z-]{1,40}$/);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, type, description, gridPos, datasource, targets } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      if (type === 'row') continue;
      expect(description, title).toMatch(/\.$/);
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana.
      expect(datasource?.uid, title).toBe('${datasource}');
      expect(targets?.length, title).toBeGreaterThan(0);
    }
    const isOver = ({ gridPos: a }: (typeof panels)[number], { gridPos: b }: (typeof panels)[number]) =>
      a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
    const overlapping = panels.filter((panel, n) =>
      panels.slice(n + 1).some((other) => isOver(panel, other)),
    );
    expect(overlapping).toEqual([]);
  });

  test('have addresses of their own', () => {
    const uids = dashboards().map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(uids.length);
  });
});
