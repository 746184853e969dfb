import { useMemo, useState } from 'preact/hooks';
import { download } from '../parts/download.ts';
import { Plain } from '../parts/plain.tsx';
import { formatBytes } from '../text/number.ts';
import { Payload, type PayloadView, SHOWN_BYTES } from './payload-views.ts';
import type { ProtobufField } from './protobuf-fields.ts';

const VIEWS: readonly (readonly [view: PayloadView, label: string])[] = [
  ['text', 'Text'],
  ['json', 'JSON'],
  ['fields', 'Protobuf'],
  ['hex', 'Hex'],
];

/**
 * Shows a payload as text, JSON, protobuf fields or hex, and saves it. It is only ever text on the
 * page, whatever it contains.
 *
 * @param props `base64`: as replies have it. `encoding`: as produced. `name`: of the file it is saved as.
 */
export function PayloadViewer({
  base64,
  encoding = '',
  name,
}: {
  readonly base64: string;
  readonly encoding?: string | undefined;
  readonly name: string;
}) {
  const payload = useMemo(() => new Payload(base64, encoding), [base64, encoding]);
  const [chosen, choose] = useState<PayloadView>();
  const view = chosen ?? payload.best;
  const { length } = payload.bytes;
  return (
    <section class="payload" aria-label="Payload">
      <div class="payload-head">
        <fieldset class="choices">
          <legend class="unseen">Show the payload as</legend>
          {VIEWS.map(([each, label]) => (
            <label key={each}>
              <input
                type="radio"
                name={`view-of-${name}`}
                checked={view === each}
                onChange={() => choose(each)}
              />
              <span>{label}</span>
            </label>
          ))}
        </fieldset>
        <span class="quiet numbers">{formatBytes(length)}</span>
        <button type="button" onClick={() => download(payload.bytes, `${name}.bin`)}>
          Download
        </button>
      </div>
      {length === 0 ? <p class="empty">The payload is empty.</p> : <View payload={payload} view={view} />}
    </section>
  );
}

function View({ payload, view }: { readonly payload: Payload; readonly view: PayloadView }) {
  const content = useMemo(() => contentOf(payload, view), [payload, view]);
  if (content === undefined) return <p class="empty">{WHY_NOT[view]}</p>;
  if (typeof content !== 'string') return <Fields fields={content} />;
  const isCut = content.length > SHOWN_BYTES || (view === 'hex' && payload.bytes.length > SHOWN_BYTES / 4);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre class="payload-text" tabIndex={0}>
        <Plain text={content} lines limit={SHOWN_BYTES} />
      </pre>
      {isCut && <p class="quiet">This is the beginning. The download has all of it.</p>}
    </>
  );
}

const WHY_NOT: Readonly<Record<PayloadView, string>> = {
  text: 'The payload is not text: it is not valid UTF-8.',
  json: 'The payload is not JSON.',
  fields: 'The payload cannot be read as a protobuf message.',
  hex: '',
};

function contentOf(payload: Payload, view: PayloadView): string | readonly ProtobufField[] | undefined {
  return payload[view];
}

function Fields({ fields }: { readonly fields: readonly ProtobufField[] }) {
  return (
    <ul class="protobuf-fields">
      {fields.map(({ number, type, value, fields: inner }, at) => (
        <li key={at}>
          <span class="numbers">{number}</span> <span class="quiet">{type}</span>{' '}
          <Plain text={value} limit={1_000} />
          {inner !== undefined && <Fields fields={inner} />}
        </li>
      ))}
    </ul>
  );
}
