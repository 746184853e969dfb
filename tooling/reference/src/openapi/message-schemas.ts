import type { AnyEndpoint } from '@querator/protocol';
import type { ProtoField, ProtoMessage } from '../proto/parse-proto.ts';
import { readMessages } from '../proto/read-messages.ts';
import { fieldSchema, type Json } from './field-schema.ts';
import { WORDS } from './words.ts';

const V2 = 'v2.';

/** The messages of the calls, and their schemas. */
export class MessageSchemas {
  readonly #messages = readMessages();
  readonly #ofRequests: ReadonlySet<string>;
  readonly #ofReplies: ReadonlySet<string>;

  constructor(endpoints: readonly AnyEndpoint[]) {
    this.#ofRequests = this.#reachable(endpoints.map((each) => this.requestOf(each)));
    this.#ofReplies = this.#reachable(['Reply', ...endpoints.map((each) => this.replyOf(each))]);
  }

  /** The name of the request message. Those of `querator.v2` begin with `v2.`. */
  requestOf({ path, request }: AnyEndpoint): string {
    return this.#named(request.name, path.startsWith('/v2/') ? V2 : '');
  }

  /** The name of the reply message. */
  replyOf({ path, response }: AnyEndpoint): string {
    return this.#named(response.name, path.startsWith('/v2/') ? V2 : '');
  }

  /** The schemas of all messages that a call sends or returns, by the names of their components. */
  components(): Json {
    const names = [...new Set([...this.#ofRequests, ...this.#ofReplies])].sort();
    return Object.fromEntries(names.map((name) => [componentName(name), this.#schema(name)]));
  }

  /** A message type as a call of this version, or a field of this package, means it. */
  #named(type: string, prefix: string): string {
    if (prefix !== '' && this.#messages.has(prefix + type)) return prefix + type;
    if (this.#messages.has(type)) return type;
    throw new Error(`no .proto file has a message '${type}'`);
  }

  #fields(name: string): readonly ProtoField[] {
    return (this.#messages.get(name) as ProtoMessage).fields.filter(
      ({ comment }) => !comment.startsWith('Not used:'),
    );
  }

  #reachable(roots: readonly string[]): ReadonlySet<string> {
    const found = new Set<string>();
    const visit = (name: string): void => {
      if (found.has(name)) return;
      found.add(name);
      for (const { type } of this.#fields(name).filter(isMessage)) visit(this.#named(type, packageOf(name)));
    };
    for (const root of roots) visit(root);
    return found;
  }

  #schema(name: string): Json {
    const { comment } = this.#messages.get(name) as ProtoMessage;
    const inRequests = this.#ofRequests.has(name);
    const onlyInRequests = inRequests && !this.#ofReplies.has(name);
    const properties = this.#fields(name).map((field) => [
      field.jsonName,
      fieldSchema(field, {
        component: (type) => componentName(this.#named(type, packageOf(name))),
        words: WORDS.get(`${name}.${field.jsonName}`),
        onlyInRequests,
      }),
    ]);
    const required = this.#required(name);
    return {
      type: 'object',
      description: comment,
      properties: Object.fromEntries(properties),
      ...(required.length > 0 && { required }),
      // The server refuses unknown fields. Replies may get further ones in a later version.
      ...(inRequests && { additionalProperties: false }),
    };
  }

  /** Fields that a request must have, and that a reply always has. */
  #required(name: string): readonly string[] {
    if (name === 'Reply') return ['code'];
    return this.#fields(name)
      .filter(({ comment }) => comment.endsWith(' Required.'))
      .map(({ jsonName }) => jsonName);
  }
}

/** The name of the component for a message. */
export function componentName(name: string): string {
  return name.startsWith(V2) ? `V2${name.slice(V2.length)}` : name;
}

/** The name of a message in its .proto file. */
export function protobufName(name: string): string {
  if (name === 'Reply') return 'duh.v1.Reply';
  return `querator.${name}`;
}

function packageOf(name: string): string {
  return name.startsWith(V2) ? V2 : '';
}

function isMessage({ type }: ProtoField): boolean {
  return /^[A-Z]/.test(type);
}
