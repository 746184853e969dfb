import { createHash, createHmac } from 'node:crypto';

/** Who sends a request to AWS. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** A POST to a service of AWS. */
export interface AwsRequest {
  readonly url: URL;
  readonly region: string;
  readonly service: string;
  /** Lower-case names, without `host` and `x-amz-date`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * The headers of a request with those of AWS Signature Version 4.
 *
 * @param at the time, as `20261130T111700Z`.
 */
export function signedHeaders(
  { url, region, service, headers, body }: AwsRequest,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  at: string,
): Readonly<Record<string, string>> {
  const all: Record<string, string> = { ...headers, host: url.host, 'x-amz-date': at };
  if (sessionToken !== undefined) all['x-amz-security-token'] = sessionToken;
  const names = Object.keys(all).sort();
  const signed = names.join(';');
  const request = [
    ...['POST', url.pathname, ''],
    ...names.map((name) => `${name}:${all[name]?.trim()}`),
    ...['', signed, sha256(body)],
  ].join('\n');
  const scope = `${at.slice(0, 8)}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', at, scope, sha256(request)].join('\n');
  const key = scope
    .split('/')
    .reduce((before: string | Buffer, part) => hmac(before, part), `AWS4${secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  const credential = `Credential=${accessKeyId}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${signed}, Signature=${signature}`;
  return { ...all, authorization };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
