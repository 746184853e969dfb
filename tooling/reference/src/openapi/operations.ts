import type { AnyEndpoint } from '@querator/protocol';
import { REPLY_HEADERS } from '@querator/protocol';
import { CALLS, checksOf } from '../checks/all-checks.ts';
import type { CallExample } from '../examples/call-examples.ts';
import { formatNumber } from '../tables/markdown-table.ts';
import { describeCall } from './call-description.ts';
import { type ErrorExamples, plainText } from './error-examples.ts';
import type { Json } from './field-schema.ts';
import type { MessageSchemas } from './message-schemas.ts';
import { contentOf, errorResponses, headerRefs } from './responses.ts';

/** Lists whose replies say in a header whether more follows. */
const PAGED = /^\/v1\/.*(\.list|items\.import)$/;

/** What the operations of a document share. */
export interface OperationParts {
  readonly messages: MessageSchemas;
  readonly errors: ErrorExamples;
  /** The examples of all calls, by path. */
  readonly examples: ReadonlyMap<string, readonly CallExample[]>;
}

/** A call as an operation of OpenAPI. */
export function operationOf(endpoint: AnyEndpoint, tag: string, parts: OperationParts): Json {
  const { path, permission, audited, bodyLimit } = endpoint;
  const { messages, errors, examples } = parts;
  const text = describeCall(path);
  const own = CALLS.find((call) => call.path === path)?.steps.flatMap(checksOf) ?? [];
  const shown = examples.get(path) ?? [];
  const replies = shown.map(({ reply }) => reply).filter((reply) => reply !== undefined && !isError(reply));
  return {
    operationId: operationId(path),
    tags: [tag],
    summary: firstSentence(text),
    description: `${text}\n\n${permission === undefined ? 'Needs no permission' : `Permission: \`${permission}\``}. The body has at most ${formatNumber(bodyLimit)} bytes.`,
    ...(permission !== undefined && { 'x-permission': permission }),
    ...(audited !== false && { 'x-audited': audited }),
    requestBody: {
      required: true,
      content: contentOf(
        messages.requestOf(endpoint),
        namedExamples(shown.filter(({ reply }) => !isError(reply)).map(({ request }) => request)),
      ),
    },
    responses: {
      '200': {
        description: 'The call succeeded.',
        headers: headerRefs(...replyHeaders(path)),
        content: contentOf(messages.replyOf(endpoint), namedExamples(replies)),
      },
      ...errorResponses(
        own.map((error) => ({ ...error, when: plainText(error.when) })),
        errors,
      ),
    },
  };
}

/** `v2QueueProduce` for `/v2/queue.produce`. */
function operationId(path: string): string {
  const [first = '', ...rest] = path.split(/[/.]/).filter((word) => word !== '');
  return first + rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function replyHeaders(path: string): readonly string[] {
  if (path === '/v1/queue.stats') return [REPLY_HEADERS.countAge];
  return PAGED.test(path) ? [REPLY_HEADERS.more] : [];
}

function isError(reply: unknown): boolean {
  const { code = 200 } = (reply ?? {}) as { readonly code?: number };
  return code !== 200;
}

/** Each different value once, by a number. */
function namedExamples(values: readonly unknown[]): Json {
  const different = [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
  return Object.fromEntries(different.map((value, index) => [`example-${index + 1}`, { value }]));
}

function firstSentence(text: string): string {
  const [sentence = text] = /^.*?\.(?= |$)/.exec(text) ?? [];
  return sentence.replaceAll('`', '').replace(/\.$/, '');
}
