export { type Authority, type Certificate, makeAuthority, makeSelfSigned } from './certificates.ts';
export { startTlsServer, type TlsServer } from './tls-server.ts';
