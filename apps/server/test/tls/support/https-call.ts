import { Agent, type RequestOptions, request } from 'node:https';

/** A reply, and the certificate that the server showed. */
export interface SecureReply {
  readonly status: number;
  readonly text: string;
  readonly commonName: string | undefined;
}

/** Sends one request over HTTPS, on a new connection unless the options have an agent. */
export function callSecurely(
  url: string,
  { body, ...options }: RequestOptions & { readonly body?: object } = {},
): Promise<SecureReply> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const headers = { 'Content-Type': 'application/json' };
    // The certificate belongs to a connection, and a resumed session does not show it again.
    const agent = new Agent({ maxCachedSessions: 0 });
    const call = request(url, { method, headers, agent, ...options }, (reply) => {
      const socket = reply.socket as import('node:tls').TLSSocket;
      const name = socket.getPeerCertificate().subject?.CN;
      const commonName = Array.isArray(name) ? name[0] : name;
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk: string) => {
        text += chunk;
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, text, commonName }));
    });
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
