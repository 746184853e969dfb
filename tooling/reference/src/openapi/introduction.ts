/** What a reader must know about all calls. */
export const INTRODUCTION = `A FIFO queue server with leases. A call is a \`POST\` whose body is one message; the body of the reply is one message too. What a server answers to a \`GET\` is a page: those have the tag \`pages\`.

**Versions.** \`/v1/\` is the API of the existing server, and does not change. \`/v2/\` has what it lacks. Replies under \`/v2/\` may get further fields and words in later versions: ignore those that you do not know.

**JSON.** Field names are those of this document. A field at its default is left out of replies: 0, \`false\`, an empty text, an empty list, an absent time. So a reply without \`partition\` means partition 0, and the reply with an empty list is \`{}\`. All integers are numbers, also those of 64 bits, which never exceed 2^53 - 1. Bytes are base64. A time is RFC 3339 in UTC with up to 9 decimals. A duration is a text such as \`500ms\`, \`1m30s\` or \`1.5h\`. Fields with fixed words are texts.

**JSON in requests.** An unknown field is refused. The server takes more than this document says: the field names of the .proto files, \`null\` for a default, integers as texts, and base64 in the URL alphabet.

**Protobuf.** With \`Content-Type: application/protobuf\` the body is the binary message that \`x-protobuf-message\` names. With \`Accept: application/protobuf\` the reply is one. The .proto files are in the npm package \`@querator/protocol\`, in its folder \`proto\`.

**Errors.** Every error is a \`Reply\`. Its \`code\` is the HTTP status, \`details.code\` is a stable word for programs, and \`details.retry_after\` is a duration after which the same request may succeed. The examples of a status are those of the call. Further ones that every call may have are in \`components/responses\`. In a message, \`<name>\` stands for a part that varies.

**Access control.** Where it is on, a call needs an API key, whose owner needs the permission \`x-permission\`. Where it is off, no key is needed.
`;
