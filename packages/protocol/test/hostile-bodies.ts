import { codecs, type WireFormat } from '../src/index.ts';

/** A body that a hostile client could send. */
export interface HostileBody {
  readonly name: string;
  readonly format: WireFormat;
  readonly body: Uint8Array;
}

/** The codec that reads them: an import has the largest bodies. */
export const hostileCodec = codecs.StorageItemsImportRequest;

const ITEM = { encoding: 'e', kind: 'k', reference: 'r'.repeat(100), payload: new Uint8Array(700) };

/** A part as often as it fits. */
function filled(bytes: number, before: string, part: string, after: string): Uint8Array {
  const [start, unit, end] = [before, part, after].map((text) => Buffer.from(text)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const count = Math.max(1, Math.floor((bytes - start.length - end.length) / unit.length));
  return Buffer.concat([start, Buffer.alloc(count * unit.length, unit), end]);
}

function delimited(tag: number, content: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    if (rest < 0x80) {
      length.push(rest);
      break;
    }
    length.push((rest & 0x7f) | 0x80);
  }
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

/** Bodies of about the given size that make a careless decoder work long. */
export function hostileBodies(bytes: number): readonly HostileBody[] {
  const json = (name: string, before: string, part: string, after: string): HostileBody => ({
    name: `JSON: ${name}`,
    format: 'json',
    body: filled(bytes, before, part, after),
  });
  const protobuf = (name: string, body: Uint8Array): HostileBody => ({
    name: `protobuf: ${name}`,
    format: 'protobuf',
    body,
  });
  const request = hostileCodec.create({ items: [ITEM] });
  const itemText = new TextDecoder().decode(hostileCodec.toJson(request)).slice('{"items":['.length, -2);
  const wireItem = Buffer.from(hostileCodec.encode(request));
  const whole = Math.floor(bytes / 4) * 4 - 64;
  return [
    json('line feeds', '', '\n', ''),
    json('line feeds before a fault', '', '\n', '!'),
    json('blanks between elements', '{"items":[', ' \n {} ,\t', '{}]}'),
    json('empty items', '{"items":[', '{},', '{}]}'),
    json('items', '{"items":[', `${itemText},`, '{}]}'),
    json('null items', '{"items":[', 'null,', 'null]}'),
    json('brackets', '{"items":[', '[', ''),
    json('brackets without a message', '', '[', ''),
    json('braces', '', '{', ''),
    json('pairs of brackets', '{"items":[{},', '[],', '{}]}'),
    json('quotes', '{"items":[', '"",', '""]}'),
    json('only quotes', '', '"', ''),
    json('commas', '{"items":[{}', ',', ']}'),
    json('digits', '{"partition":', '1', '}'),
    json('a fraction of zeros', '{"partition":1.', '0', '}'),
    json('a text of digits', '{"partition":"', '0', '"}'),
    json('a name', '{"', 'x', '":1}'),
    json('a string without an end', '{"queue_name":"', 'x', ''),
    json('a text', '{"queue_name":"', 'x', '"}'),
    json('a text beyond ASCII', '{"queue_name":"', 'é', '"}'),
    json('a text of escapes', '{"queue_name":"', '\\u0041', '"}'),
    json('a text of escaped pairs', '{"queue_name":"', '\\ud83d\\ude00', '"}'),
    json('a text of backslashes', '{"queue_name":"', '\\\\', '"}'),
    json('a text of replacement characters', '{"queue_name":"', '\ufffd', '"}'),
    json('replacement characters outside of strings', '', '\ufffd', ''),
    json('a payload', '{"items":[{"payload":"', 'QUJD', '"}]}'),
    json('a payload that is no base64', '{"items":[{"payload":"', '!', '"}]}'),
    json('fields of one item', '{"items":[{', '"kind":"a",', '"kind":"a"}]}'),
    json('unknown fields', '{', '"a":1,', '"a":1}'),
    {
      name: 'JSON: bytes that are not UTF-8',
      format: 'json',
      body: Buffer.concat([Buffer.from('{"queue_name":"'), Buffer.alloc(whole, 0xff), Buffer.from('"}')]),
    },
    {
      name: 'JSON: replacement characters and one byte that is not UTF-8',
      format: 'json',
      body: Buffer.concat([
        Buffer.from('{"queue_name":"'),
        Buffer.alloc(whole, '\ufffd'),
        Buffer.from([0xff]),
      ]),
    },
    protobuf('empty items', Buffer.alloc(whole, Buffer.from([0x1a, 0]))),
    protobuf('items', Buffer.alloc(wireItem.length * Math.floor(bytes / wireItem.length), wireItem)),
    protobuf('unknown numbers', Buffer.alloc(whole, Buffer.from([0x78, 1]))),
    protobuf('known numbers', Buffer.alloc(whole, Buffer.from([0x10, 1]))),
    protobuf('short texts', Buffer.alloc(whole, Buffer.from([0x0a, 2, 0x61, 0x62]))),
    protobuf('groups', Buffer.alloc(whole, Buffer.from([0x7b, 0x7c]))),
    protobuf('open groups', Buffer.alloc(whole, 0x7b)),
    protobuf('zeros', Buffer.alloc(whole)),
    protobuf('a text', delimited(0x0a, Buffer.alloc(whole, 'x'))),
    protobuf('a text beyond ASCII', delimited(0x0a, Buffer.alloc(whole, 'é'))),
    protobuf('a text that is not UTF-8', delimited(0x0a, Buffer.alloc(whole, 0xff))),
    protobuf('one item of many fields', delimited(0x1a, Buffer.alloc(whole, Buffer.from([0x42, 0])))),
    protobuf(
      'one item of unknown fields',
      delimited(0x1a, Buffer.alloc(whole, Buffer.from([0xf8, 1, 1, 0xf8, 1, 1]))),
    ),
    protobuf('one item of groups', delimited(0x1a, Buffer.alloc(whole, Buffer.from([0x7b, 0x7c])))),
    protobuf('a payload', delimited(0x1a, delimited(0x7a, Buffer.alloc(whole)))),
  ];
}
