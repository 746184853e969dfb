import { describe, expect, it } from 'vitest';
import { codecs, codecsV2 } from '../src/index.ts';
import { errorOf, textOf } from './support.ts';

const { QueuesListRequest, QueueProduceRequest, QueueProduceItem, QueueClearRequest, APIKeyCreateRequest } =
  codecs;

function list(body: string): unknown {
  return QueuesListRequest.fromJson(Buffer.from(body));
}

function contentError(body: string | Uint8Array): string {
  const error = errorOf(() => QueuesListRequest.fromJson(body));
  expect(error.code).toBe('content');
  return error.message;
}

describe('input that is no JSON object', () => {
  it('gets the documented message if it is empty', () => {
    expect(contentError('')).toMatch(/^proto: syntax error \(line 1:1\): unexpected token /);
    expect(contentError(new Uint8Array(0))).toMatch(/^proto: syntax error \(line 1:1\): unexpected token /);
  });

  it.each([
    'null',
    '[]',
    '5',
    '"x"',
    'true',
    '{}{}',
    '{} x',
    '{"limit":1,}',
    '{,}',
    '{"limit"}',
    '{"limit":}',
    '{"limit":1',
    '{"limit":1 "pivot":"x"}',
    '{"limit" 1}',
    "{'limit':1}",
    '{limit:1}',
    '{"pivot":"x',
    '{"pivot":"x\\"}',
    '{"pivot":"\\x"}',
    '{"pivot":"\\u12"}',
    '{"pivot":"a\nb"}',
    '{"pivot":"\u0000"}',
    '\ufeff',
    '\ufeff\ufeff{}',
    ' \ufeff{}',
    '{\ufeff}',
    '{}\u00a0',
    '{"limit":1}//',
    '{"pivot":nul}',
    '{"pivot":nullx}',
  ])('%j is refused', (body) => {
    expect(contentError(body)).toMatch(/^proto: .*\(line \d+:\d+\)/);
  });

  it('may have white space', () => {
    expect(list(' \t\r\n{ "limit" : 7 , "pivot" : "a" }\n')).toEqual({ pivot: 'a', limit: 7, namespace: '' });
  });

  it('a byte order mark at the start is skipped, in bytes and in a text, and belongs to no line', () => {
    const listed = { pivot: '\ufeff', limit: 7, namespace: '' };
    expect(list('\ufeff{"limit":7,"pivot":"\ufeff"}')).toEqual(listed);
    expect(QueuesListRequest.fromJson('\ufeff{"limit":7,"pivot":"\ufeff"}')).toEqual(listed);
    expect(contentError(Buffer.from('\ufeff{"x":1}'))).toBe('proto: (line 1:2): unknown field "x"');
    const invalidText = Buffer.concat([Buffer.from('\ufeff{"pivot":"'), Buffer.of(0xff), Buffer.from('"}')]);
    expect(errorOf(() => QueuesListRequest.fromJson(invalidText)).message).toBe(
      'pivot is invalid; must be valid UTF-8',
    );
  });

  it('gets faults with line and column', () => {
    expect(contentError('{\n  "limit": 1,\n  "x": 2}')).toBe('proto: (line 3:3): unknown field "x"');
  });
});

describe('names', () => {
  it('are accepted in both spellings', () => {
    expect(QueueProduceRequest.fromJson('{"queue_name":"a","requestTimeout":"1m"}')).toMatchObject({
      queueName: 'a',
      requestTimeout: '1m',
    });
    expect(codecs.QueueStatsResponse.fromJson('{"logicalQueues":[{"inFlight":3}]}')).toMatchObject({
      logicalQueues: [{ inFlight: 3 }],
    });
  });

  it('may be escaped', () => {
    expect(QueueProduceRequest.fromJson('{"queue\\u005fname":"a"}').queueName).toBe('a');
  });

  it.each(['userId', 'User_id', 'USER_ID', '__proto__', 'constructor', 'toString', '', '1', '[x]', '@type'])(
    '%j is unknown in place of user_id',
    (name) => {
      const error = errorOf(() => APIKeyCreateRequest.fromJson(`{"${name}":"u"}`));
      expect(error.code).toBe('content');
      expect(error.message).toBe(`proto: (line 1:2): unknown field "${name}"`);
    },
  );

  it('unknown ones are refused inside a list too', () => {
    expect(errorOf(() => QueueProduceRequest.fromJson('{"items":[{},{"x":1}]}')).message).toBe(
      'proto: (line 1:15): unknown field "x"',
    );
  });

  it('the value of an unknown name is not read, however deep', () => {
    const deep = `{"x":${'['.repeat(1_000_000)}`;
    expect(contentError(deep)).toBe('proto: (line 1:2): unknown field "x"');
    expect(contentError(`{"pivot":${'['.repeat(1_000_000)}`)).toMatch(/invalid value/);
    expect(errorOf(() => QueueProduceRequest.fromJson(`{"items":${'['.repeat(1_000_000)}`)).code).toBe(
      'content',
    );
    expect(contentError('['.repeat(1_000_000))).toMatch(/^proto: syntax error/);
  });

  it.each([
    ['{"limit":1,"limit":1}', 'proto: (line 1:12): duplicate field "limit"'],
    ['{"limit":null,"limit":1}', 'proto: (line 1:15): duplicate field "limit"'],
    ['{"limit":1,"l\\u0069mit":1}', 'proto: (line 1:12): duplicate field "l\\u0069mit"'],
  ])('a name twice in %s is refused', (body, message) => {
    expect(contentError(body)).toBe(message);
  });

  it('a name once in each spelling is refused', () => {
    expect(errorOf(() => QueueProduceRequest.fromJson('{"queue_name":"a","queueName":"a"}')).message).toBe(
      'proto: (line 1:19): duplicate field "queueName"',
    );
  });
});

describe('null', () => {
  it('leaves every field at its default', () => {
    const fields = ['encoding', 'kind', 'reference', 'enqueue_at', 'bytes', 'utf8'];
    const body = `{${fields.map((name) => `"${name}":null`).join(',')}}`;
    expect(QueueProduceItem.fromJson(body)).toEqual(QueueProduceItem.create());
    expect(QueueProduceRequest.fromJson('{"items":null}').items).toEqual([]);
    expect(QueueClearRequest.fromJson('{"queue":null}').queue).toBe(false);
  });

  it('is refused as an element of a list', () => {
    expect(errorOf(() => QueueProduceRequest.fromJson('{"items":[null]}')).code).toBe('content');
    expect(errorOf(() => codecs.QueueCompleteRequest.fromJson('{"ids":[null]}')).code).toBe('content');
  });
});

describe('int64', () => {
  const read = (text: string) => codecsV2.QuotaLimits.fromJson(`{"bytes_waiting":${text}}`).bytesWaiting;

  it.each([
    ['0', 0],
    ['"5"', 5],
    ['2147483648', 2_147_483_648],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['-9007199254740991', Number.MIN_SAFE_INTEGER],
    ['9.007199254740991e15', Number.MAX_SAFE_INTEGER],
    ['1e12', 1_000_000_000_000],
  ])('%s is %d', (text, value) => {
    expect(read(text)).toBe(value);
  });

  it.each(['1.5', '9007199254740992', '-9007199254740992', '1e16', '1e99999999', 'true', '"a"'])(
    '%s is refused',
    (text) => {
      expect(errorOf(() => read(text)).message).toContain('invalid value for int64 field bytes_waiting');
    },
  );
});

describe('int32', () => {
  it.each([
    ['5', 5],
    ['"5"', 5],
    ['-5', -5],
    ['0', 0],
    ['-0', 0],
    ['0.0', 0],
    ['0e99999999999', 0],
    ['1e1', 10],
    ['1E+1', 10],
    ['"1e1"', 10],
    ['1.0', 1],
    ['12.50e1', 125],
    ['1000e-3', 1],
    ['2147483647', 2147483647],
    ['-2147483648', -2147483648],
    ['2.147483647e9', 2147483647],
    ['0.00000000002e11', 2],
  ])('%s is %d', (text, value) => {
    expect(QueuesListRequest.fromJson(`{"limit":${text}}`).limit).toBe(value);
  });

  it.each([
    '1.5',
    '1e-1',
    '2147483648',
    '-2147483649',
    '1e10',
    '1e99999999999',
    '5.0000000000000000000001',
    '" 5"',
    '"5 "',
    '"5\\n"',
    '""',
    '"+5"',
    '"05"',
    '"0x5"',
    '"five"',
    '05',
    '+5',
    '.5',
    '5.',
    '1e',
    'NaN',
    'Infinity',
    'true',
    '{}',
    '[5]',
  ])('%s is refused', (text) => {
    contentError(`{"limit":${text}}`);
  });

  it('long runs of zeros are read in linear time', () => {
    contentError(`{"limit":${'0'.repeat(500_000)}1}`);
    contentError(`{"limit":1.${'0'.repeat(500_000)}1}`);
  });
});

describe('bool', () => {
  it.each([
    ['true', true],
    ['false', false],
  ])('%s is one', (text, value) => {
    expect(QueueClearRequest.fromJson(`{"queue":${text}}`).queue).toBe(value);
  });

  it.each(['"true"', '1', '0', 'True', 'tru', 'truex', '{}', '[]'])('%s is refused', (text) => {
    expect(errorOf(() => QueueClearRequest.fromJson(`{"queue":${text}}`)).code).toBe('content');
  });
});

describe('string', () => {
  it.each([
    ['"a\\"\\\\\\/\\b\\f\\n\\r\\tb"', 'a"\\/\b\f\n\r\tb'],
    ['"\\u00e4ä€😀\\ud83d\\ude00"', 'ää€😀😀'],
    ['"\\u0000"', '\u0000'],
    ['"\u007f\u2028\ufffd"', '\u007f\u2028\ufffd'],
    ['""', ''],
  ])('%s is accepted', (text, value) => {
    expect(QueuesListRequest.fromJson(Buffer.from(`{"pivot":${text}}`)).pivot).toBe(value);
  });

  it.each(['"\\ud800"', '"\\udc00"', '"\\ude00\\ud83d"', '5', 'true', '{}', '["x"]'])(
    '%s is refused',
    (text) => {
      contentError(`{"pivot":${text}}`);
    },
  );

  it('a lone surrogate in a string from JavaScript is refused as well', () => {
    contentError('{"pivot":"\ud800"}');
  });

  it.each(['ff', 'c0af', 'eda080', 'f4908080', 'e282', '80'])(
    'bytes %s are refused as invalid UTF-8, and the field is named',
    (bytes) => {
      const body = Buffer.concat([
        Buffer.from('{"namespace":"\ufffd fine","pivot":"a'),
        Buffer.from(bytes, 'hex'),
        Buffer.from('"}'),
      ]);
      const error = errorOf(() => QueuesListRequest.fromJson(body));
      expect(error).toMatchObject({ code: 'invalid', message: 'pivot is invalid; must be valid UTF-8' });
    },
  );

  it('such bytes in a name, a number or between tokens are refused as content errors', () => {
    for (const body of ['{"pi\xffvot":""}', '{"limit":\xff}', '{\xff}', '{}\xff']) {
      contentError(Buffer.from(body, 'latin1'));
    }
  });
});

describe('bytes', () => {
  it.each([
    ['', ''],
    ['AA==', '00'],
    ['AA', '00'],
    ['AAE=', '0001'],
    ['AAE', '0001'],
    ['AAEC', '000102'],
    ['+/+/', 'fbffbf'],
    ['-_-_', 'fbffbf'],
    ['-_8=', 'fbff'],
    ['-_8', 'fbff'],
    ['\\/\\/\\/\\/', 'ffffff'],
  ])('%j is accepted', (text, bytes) => {
    const item = QueueProduceItem.fromJson(`{"bytes":"${text}"}`);
    expect(Buffer.from(item.bytes).toString('hex')).toBe(bytes);
  });

  it.each([
    'A',
    'AA=',
    'AAA==',
    'AAAA=',
    'AAAA====',
    '=',
    '==',
    'A=AA',
    '+_AA',
    'A A=',
    'AA==\\n',
    'ä',
    'AA*=',
  ])('%j is refused', (text) => {
    expect(errorOf(() => QueueProduceItem.fromJson(`{"bytes":"${text}"}`)).code).toBe('content');
  });

  it('numbers and lists are refused', () => {
    expect(errorOf(() => QueueProduceItem.fromJson('{"bytes":[1]}')).code).toBe('content');
    expect(errorOf(() => QueueProduceItem.fromJson('{"bytes":1}')).code).toBe('content');
  });
});

it('timestamps are read or refused', () => {
  const read = (text: string) => QueueProduceItem.fromJson(`{"enqueue_at":${text}}`).enqueueAt;
  expect(read('"1970-01-01T01:00:00.000000001+01:00"')).toEqual({ seconds: 0, nanos: 1 });
  for (const text of ['"1970-01-01 00:00:00Z"', '0', '{}', '"now"', '""', '{"seconds":1}']) {
    expect(errorOf(() => read(text))).toMatchObject({ code: 'content' });
  }
});

it('a list must be a list', () => {
  for (const text of ['{}', '"x"', '1', '[1]', '["a",]', '[,]', '["a" "b"]', '["a"']) {
    expect(errorOf(() => codecs.QueueCompleteRequest.fromJson(`{"ids":${text}}`)).code).toBe('content');
  }
  expect(codecs.QueueCompleteRequest.fromJson('{"ids":[ "a" , "b" ]}').ids).toEqual(['a', 'b']);
});

it('Reply.details is a map of texts', () => {
  expect(codecs.Reply.fromJson('{"details":{"a":"b","__proto__":"c"}}').details).toEqual(
    new Map([
      ['a', 'b'],
      ['__proto__', 'c'],
    ]),
  );
  for (const text of ['{"a":1}', '{"a":"b","a":"c"}', '[]', '{"a"}', '{"a":"b",}']) {
    expect(errorOf(() => codecs.Reply.fromJson(`{"details":${text}}`)).code).toBe('content');
  }
});

it('a payload of many megabytes is read', () => {
  const payload = Buffer.alloc(20_000_000, 7);
  const body = Buffer.from(`{"bytes":"${payload.toString('base64')}"}`);
  expect(payload.equals(QueueProduceItem.fromJson(body).bytes)).toBe(true);
  expect(textOf(QueueProduceItem.toJson(QueueProduceItem.create({ bytes: payload })))).toBe(body.toString());
});
