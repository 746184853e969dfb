import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** An operation of an OpenAPI document, as far as the tests read it. */
export interface Operation {
  readonly operationId: string;
  readonly requestBody: { readonly content: Content };
  readonly responses: Readonly<Record<string, Referring<Response>>>;
}

/** The `GET` of a page. */
export interface PageOperation extends Omit<Operation, 'requestBody'> {
  readonly security?: readonly object[];
  readonly 'x-permission'?: string;
}

/** A reply of an operation. */
export interface Response {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content: Content;
}

/** A reply of a server. */
export interface SentReply {
  readonly status: number;
  readonly headers: Headers;
  /** JSON as its value, and text. Of other content, and without content: undefined. */
  readonly body: unknown;
}

/** A body by its media type. */
export type Content = Readonly<Record<string, MediaType>>;

/** One media type of a body. */
export interface MediaType {
  readonly schema: object;
  readonly examples?: Readonly<Record<string, Referring<{ readonly value: unknown }>>>;
  readonly 'x-protobuf-message'?: string;
}

/** An object, or a reference to it. */
export type Referring<T> = T | { readonly $ref: string };

interface Document {
  readonly paths: Readonly<Record<string, { readonly post?: Operation; readonly get?: PageOperation }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly responses: Readonly<Record<string, Response>>;
    readonly examples: Readonly<Record<string, { readonly value: { readonly code: number } }>>;
  };
}

/** Headers that mean something of their own in this API. */
const OWN_HEADERS = /^(querator-|x-request-id|retry-after|etag|cache-control|location)/;

/** An API as a document describes it. */
export class DescribedApi {
  readonly document: Document;
  readonly #ajv = new Ajv2020({ allErrors: true, strict: false });
  readonly #validators = new Map<object, ValidateFunction>();

  /** @param text the document in JSON. */
  constructor(text: string) {
    this.document = JSON.parse(text);
    addFormats.default(this.#ajv);
    this.#ajv.removeKeyword('contentEncoding').addKeyword({
      keyword: 'contentEncoding',
      type: 'string',
      validate: (encoding: string, value: string) =>
        encoding === 'base64' && Buffer.from(value, 'base64').toString('base64') === value,
    });
    this.#ajv.addSchema({ ...this.document, $id: 'api' });
  }

  /** The calls with their paths. */
  operations(): readonly (readonly [path: string, operation: Operation])[] {
    return Object.entries(this.document.paths).flatMap(([path, { post }]) =>
      post === undefined ? [] : [[path, post]],
    );
  }

  /** The pages with their paths. */
  pages(): readonly (readonly [path: string, operation: PageOperation])[] {
    return Object.entries(this.document.paths).flatMap(([path, { get }]) =>
      get === undefined ? [] : [[path, get]],
    );
  }

  operation(path: string): Operation {
    const operation = this.document.paths[path]?.post;
    if (operation === undefined) throw new Error(`the document has no operation ${path}`);
    return operation;
  }

  /** Follows a reference inside the document. */
  resolve<T extends object>(value: Referring<T>): T {
    if (!('$ref' in value)) return value;
    const steps = (value.$ref as string).replace('#/', '').split('/');
    const found = steps.reduce(
      (at, step) => (at as Record<string, unknown>)?.[step],
      this.document as unknown,
    );
    if (found === undefined) throw new Error(`the document has no ${value.$ref}`);
    return found as T;
  }

  /** What is wrong with a body. */
  faultsOf(media: MediaType | undefined, value: unknown): readonly string[] {
    if (media === undefined) return ['the document does not have this media type'];
    let validate = this.#validators.get(media.schema);
    if (validate === undefined) {
      validate = this.#ajv.compile(inDocument(media.schema));
      this.#validators.set(media.schema, validate);
    }
    validate(value);
    return (validate.errors ?? []).map(({ instancePath, message, params }) =>
      [instancePath, message, JSON.stringify(params)].join(' '),
    );
  }

  /** What is wrong with a reply of a call in JSON. */
  replyFaults(path: string, reply: SentReply): readonly string[] {
    const found = this.#described(this.operation(path), reply);
    if (typeof found === 'string') return [found];
    return [...headerFaults(found, reply), ...this.faultsOf(found.content['application/json'], reply.body)];
  }

  /** What is wrong with a page. @param path as the document has it. */
  pageFaults(path: string, reply: SentReply): readonly string[] {
    const page = this.document.paths[path]?.get;
    if (page === undefined) return [`the document has no page ${path}`];
    const found = this.#described(page, reply);
    if (typeof found === 'string') return [found];
    // Only a reply without content has none in the document.
    if (found.content === undefined)
      return [...headerFaults(found, reply), ...(reply.body ? ['has content'] : [])];
    const [type = ''] = (reply.headers.get('content-type') ?? '').split(';');
    const media = found.content[type];
    if (media === undefined) return [`the media type '${type}' is not described`];
    return [...headerFaults(found, reply), ...this.faultsOf(media, reply.body)];
  }

  #described({ responses }: Pick<Operation, 'responses'>, { status }: SentReply): Response | string {
    const described = responses[String(status)];
    return described === undefined ? `status ${status} is not described` : this.resolve(described);
  }
}

function headerFaults({ headers: described = {} }: Response, { headers }: SentReply): readonly string[] {
  const known = Object.keys(described).map((name) => name.toLowerCase());
  return [...headers.keys()]
    .filter((name) => OWN_HEADERS.test(name) && !known.includes(name))
    .map((name) => `header ${name} is not described`);
}

/**
 * A document in which no object may have fields that it does not describe. Clients
 * must accept such fields, so the document itself allows them in replies.
 */
export function withoutOpenObjects(text: string): string {
  const document = JSON.parse(text);
  for (const schema of Object.values(document.components.schemas)) {
    (schema as { additionalProperties: boolean }).additionalProperties = false;
  }
  return JSON.stringify(document);
}

/** A schema of the document whose references are valid outside of it. */
function inDocument(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/'));
}
