import type { ErrorCode } from '@querator/core';
import { ERROR_STATUSES, REPLY_HEADERS } from '@querator/protocol';
import { ERROR_MEANINGS } from '../tables/error-tables.ts';
import { commonErrors } from './common-errors.ts';
import { type DocumentedError, type ErrorExamples, statusOf } from './error-examples.ts';
import type { Json } from './field-schema.ts';
import { componentName, protobufName } from './message-schemas.ts';

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/protobuf';

/** The headers of replies, as components. */
export const HEADERS: Json = {
  'X-Request-Id': {
    description: 'The id of the request. Sent if the request has one, or the server gave it one.',
    schema: { type: 'string' },
  },
  'Retry-After': {
    description: 'After how many seconds the same request may succeed. Sent where it is known.',
    schema: { type: 'integer', minimum: 0 },
  },
  ETag: {
    description:
      'Stands for the content. A client that sends it in `If-None-Match` gets 304 while it is the same.',
    schema: { type: 'string' },
  },
  'Cache-Control': {
    description: 'How long a client may keep the content without asking.',
    schema: { type: 'string' },
  },
  Location: { description: 'The address to ask for.', schema: { type: 'string' } },
  [REPLY_HEADERS.more]: {
    description: '`true`: more elements follow. Absent: the page is the last one.',
    schema: { type: 'string', enum: ['true'] },
  },
  [REPLY_HEADERS.countAge]: {
    description: 'The age of the oldest count in seconds.',
    schema: { type: 'number', minimum: 0 },
  },
};

/** The content of a message: JSON with its examples, and protobuf. */
export function contentOf(message: string, examples: Json = {}): Json {
  return {
    [JSON_TYPE]: {
      schema: { $ref: `#/components/schemas/${componentName(message)}` },
      ...(Object.keys(examples).length > 0 && { examples }),
    },
    [PROTOBUF_TYPE]: {
      // Generators know bytes by the format; the standard, by the media type.
      schema: { type: 'string', format: 'binary', contentMediaType: PROTOBUF_TYPE },
      'x-protobuf-message': protobufName(message),
    },
  };
}

/** References to headers. */
export function headerRefs(...names: readonly string[]): Json {
  return Object.fromEntries(
    ['X-Request-Id', ...names].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

/** The replies to failed requests of any call, as components. */
export function commonResponses(examples: ErrorExamples): Json {
  return Object.fromEntries(
    codes().map((code) => [componentOf(code), errorResponse(code, examples.refs(commonErrors(code)))]),
  );
}

/**
 * The replies to failed requests of a call, by status. A status for which the call has
 * no errors of its own refers to the component.
 *
 * @param own what the documentation lists for this call.
 */
export function errorResponses(own: readonly DocumentedError[], examples: ErrorExamples): Json {
  return Object.fromEntries(
    codes().map((code) => {
      const { status } = ERROR_STATUSES[code];
      const errors = own.filter((error) => statusOf(error) === status);
      const response =
        errors.length === 0
          ? { $ref: `#/components/responses/${componentOf(code)}` }
          : errorResponse(code, examples.refs(errors));
      return [String(status), response];
    }),
  );
}

function errorResponse(code: ErrorCode, examples: Json): Json {
  return {
    description: ERROR_MEANINGS[code],
    headers: headerRefs(...(code === 'limited' || code === 'retry' ? ['Retry-After'] : [])),
    content: contentOf('Reply', examples),
  };
}

/** In the order of their statuses. */
function codes(): readonly ErrorCode[] {
  const all = Object.keys(ERROR_STATUSES) as ErrorCode[];
  return all.sort((a, b) => ERROR_STATUSES[a].status - ERROR_STATUSES[b].status);
}

function componentOf(code: ErrorCode): string {
  const words = ERROR_STATUSES[code].codeText.split(' ');
  return words.join('');
}
