import { expect, test } from 'vitest';
import { signedHeaders } from '../src/sources/aws-signature.ts';

// The case `post-vanilla` of the test suite that AWS publishes for Signature Version 4.
test('a request is signed as AWS does', () => {
  const request = {
    ...{ url: new URL('https://example.amazonaws.com/'), region: 'us-east-1', service: 'service' },
    ...{ headers: {}, body: '' },
  };
  const credentials = {
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  };
  expect(signedHeaders(request, credentials, '20150830T123600Z')).toEqual({
    host: 'example.amazonaws.com',
    'x-amz-date': '20150830T123600Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  });
});
