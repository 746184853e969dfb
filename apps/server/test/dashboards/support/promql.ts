import { parser } from '@prometheus-io/lezer-promql';

/** A condition on the value of a label. */
export interface Matcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** The series that an expression reads. */
export interface Selector {
  readonly series: string;
  readonly matchers: readonly Matcher[];
}

/** What an expression of PromQL names. */
export interface Expression {
  readonly selectors: readonly Selector[];
  /** Labels by which it groups or joins. */
  readonly grouping: readonly string[];
}

/** Parses an expression. @throws Error if it is none. */
export function parseExpression(text: string): Expression {
  const selectors: { series: string; matchers: Matcher[] }[] = [];
  const grouping: string[] = [];
  let inGrouping = false;
  let matcher: { label: string; operator: string } = { label: '', operator: '' };
  parser.parse(text).iterate({
    enter: ({ name, type, from, to }) => {
      const part = text.slice(from, to);
      if (type.isError) throw new Error(`not PromQL at ${from}: ${text}`);
      if (name === 'VectorSelector') selectors.push({ series: '', matchers: [] });
      const selector = selectors.at(-1);
      if (name === 'Identifier' && selector?.series === '') selector.series = part;
      if (name === 'GroupingLabels') inGrouping = true;
      if (name === 'LabelName' && inGrouping) grouping.push(part);
      if (name === 'LabelName' && !inGrouping) matcher = { ...matcher, label: part };
      if (name === 'MatchOp') matcher = { ...matcher, operator: part };
      if (name === 'StringLiteral' && matcher.label !== '') {
        selector?.matchers.push({ ...matcher, value: part.slice(1, -1) });
        matcher = { label: '', operator: '' };
      }
    },
    leave: ({ name }) => {
      if (name === 'GroupingLabels') inGrouping = false;
    },
  });
  return { selectors, grouping };
}
