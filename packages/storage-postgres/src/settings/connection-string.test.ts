import { describe, expect, test } from 'vitest';
import { parseConnectionString } from './connection-string.ts';

describe('parseConnectionString', () => {
  test('reads all parts of a URI', () => {
    const text = 'postgres://user:pass@db.example.com:6432/querator?sslmode=verify-full&connect_timeout=10';
    expect(parseConnectionString(text)).toEqual({
      hosts: [{ host: 'db.example.com', port: 6432 }],
      target: 'any',
      user: 'user',
      password: 'pass',
      database: 'querator',
      tls: { mode: 'verify-full' },
      connectTimeoutMs: 10_000,
      applicationName: 'querator',
      serverOptions: '',
      pooler: 'auto',
      pool: {},
    });
  });

  test.each([
    ['postgres://', { hosts: [{}] }],
    ['postgresql://localhost', { hosts: [{ host: 'localhost' }] }],
    ['postgres://user@localhost/db', { user: 'user', hosts: [{ host: 'localhost' }], database: 'db' }],
    ['postgres://[::1]:5433/db', { hosts: [{ host: '::1', port: 5433 }], database: 'db' }],
    [
      'postgres://u%40corp:p%40ss%2Fw%3A%23@h/d%20b',
      { user: 'u@corp', password: 'p@ss/w:#', database: 'd b' },
    ],
    ['postgres://u:a:b@h/db', { password: 'a:b', hosts: [{ host: 'h' }] }],
    ['postgres://u:a@b@h/db', { password: 'a@b', hosts: [{ host: 'h' }] }],
    ['postgres://u:%E2%82%AC%25@h/db', { password: '€%' }],
    ['postgres://%2Fvar%2Frun%2Fpostgresql/db', { hosts: [{ host: '/var/run/postgresql' }], database: 'db' }],
    ['postgres:///db?host=/var/run&port=5433', { hosts: [{ host: '/var/run', port: 5433 }] }],
    [
      'postgres://a/b?user=u&password=p&dbname=d',
      { hosts: [{ host: 'a' }], user: 'u', password: 'p', database: 'd' },
    ],
    ['postgres://h/d?application_name=orders', { applicationName: 'orders' }],
    ['postgres://h/d?connect_timeout=0', { hosts: [{ host: 'h' }] }],
    [
      'postgres://a:1,[::1]:2,c/d',
      { hosts: [{ host: 'a', port: 1 }, { host: '::1', port: 2 }, { host: 'c' }] },
    ],
    [
      'postgres:///d?host=a,b&port=5433',
      {
        hosts: [
          { host: 'a', port: 5433 },
          { host: 'b', port: 5433 },
        ],
      },
    ],
    [
      'postgres:///d?host=a,b&port=1,2',
      {
        hosts: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
      },
    ],
    [
      'postgres://a:5433/d?host=b,c',
      {
        hosts: [
          { host: 'b', port: 5433 },
          { host: 'c', port: 5433 },
        ],
      },
    ],
    ['postgres://a,b/d?target_session_attrs=read-write', { target: 'read-write' }],
    ['postgres://a,b/d?target_session_attrs=prefer-standby', { target: 'prefer-standby' }],
    ['postgres://h/d?pooler=auto', { pooler: 'auto' }],
    ['postgres://h/d?pooler=session', { pooler: 'session' }],
    ['postgres://h/d?pooler=transaction&options=-cgeqo%3Doff', { pooler: 'transaction' }],
  ])('%s', (text, expected) => {
    expect(parseConnectionString(text)).toMatchObject(expected);
  });

  test.each([
    ['', 'prefer'],
    ['?sslmode=disable', 'disable'],
    ['?sslmode=allow', 'allow'],
    ['?sslmode=prefer', 'prefer'],
    ['?sslmode=require', 'require'],
    ['?sslmode=verify-ca', 'verify-ca'],
    ['?sslmode=verify-full', 'verify-full'],
  ])('chooses the encryption for %j: %s', (query, mode) => {
    expect(parseConnectionString(`postgres://h/d${query}`).tls.mode).toBe(mode);
  });

  test('reads the files of TLS', () => {
    const text = 'postgres://h/d?sslrootcert=/ca.crt&sslcert=/me.crt&sslkey=/me.key&sslpassword=k';
    expect(parseConnectionString(text).tls).toEqual({
      mode: 'prefer',
      rootCertFile: '/ca.crt',
      certFile: '/me.crt',
      keyFile: '/me.key',
      keyPassword: 'k',
    });
  });

  test('separates the settings of the pool', () => {
    const text =
      'postgres://h/d?pool_max_conns=20&pool_min_conns=2&pool_max_conn_lifetime=1h&pool_max_conn_idle_time=1m30s&pool_health_check_period=500ms&pool_max_conn_lifetime_jitter=1m';
    const { pool, serverOptions } = parseConnectionString(text);
    expect(pool).toEqual({
      maxConns: 20,
      minConns: 2,
      maxConnLifetimeMs: 3_600_000,
      maxConnIdleTimeMs: 90_000,
      healthCheckPeriodMs: 500,
    });
    expect(serverOptions).toBe('');
  });

  test('passes other options to the server', () => {
    const text = 'postgres://h/d?options=-cgeqo%3Doff&work_mem=8MB&search_path=a%20b&keepalives=1';
    expect(parseConnectionString(text).serverOptions).toBe('-cgeqo=off -c work_mem=8MB -c search_path=a\\ b');
  });

  test.each([
    ['host=localhost', "must start with 'postgres://' or 'postgresql://'"],
    ['mysql://u:secret@h/d', "must start with 'postgres://' or 'postgresql://'"],
    ['postgres://u:secret@h:port/d', 'the host or the port is malformed'],
    ['postgres://u:secret:5432/d', 'the host or the port is malformed'],
    ['postgres://u:secret@h:0/d', 'the port must be a number between 1 and 65535'],
    ['postgres://u:secret%@h/d', 'the password is not correctly percent-encoded'],
    ['postgres://u:secret@a:1,b:2,c:x/d', 'the host or the port is malformed'],
    ['postgres://u:secret@h/d?host=a,b,c&port=1,2', '2 ports do not match 3 hosts'],
    ['postgres://u:12/secret@h/d', "there is an '@' in the database or the options"],
    ['postgres://u:12?secret@h/d', "there is an '@' in the database or the options"],
    ['postgres://u:12?secret=x@h/d', "there is an '@' in the database or the options"],
    ['postgres://u@h/d?password=a&secret=b', 'an option is unknown'],
    ['postgres://u@h/d?password=a&secret', 'an option has no value'],
    ['postgres://u:secret@h/d?sslmode=on', 'sslmode must be one of disable, allow, prefer, require'],
    ['postgres://u:secret@h/d?sslmode=', 'sslmode must be one of disable, allow, prefer, require'],
    ['postgres://u:secret@h/d?sslmode', 'an option has no value'],
    ['postgres://u:secret@h/d?sslcert=/c', 'sslcert and sslkey must be given together'],
    [
      'postgres://u:secret@h/d?sslrootcert=system&sslmode=require',
      'sslrootcert=system needs sslmode=verify-full',
    ],
    [
      'postgres://u:secret@h/d?sslnegotiation=direct',
      'sslnegotiation=direct needs sslmode=require or stricter',
    ],
    ['postgres://u:secret@h/d?channel_binding=require', 'channel_binding=require needs sslmode=require'],
    [
      'postgres://u:secret@h/d?channel_binding=yes',
      'channel_binding must be one of disable, prefer, require',
    ],
    ['postgres://u:secret@h/d?ssl_min_protocol_version=1', 'ssl_min_protocol_version must be one of TLSv1,'],
    ['postgres://u:secret@h/d?connect_timeout=10s', 'connect_timeout must be a whole number of seconds'],
    ['postgres://u:secret@h/d?pooler=statement', 'pooler must be one of auto, session, transaction'],
    [
      'postgres://u:secret@h/d?pooler=transaction&options=-S%20secret',
      'through a pooler options may hold nothing but settings',
    ],
    ['postgres://u:secret@h/d?pool_max_conns=0', 'pool_max_conns must be an integer of at least 1'],
    [
      'postgres://u:secret@h/d?pool_max_conn_lifetime=7',
      'pool_max_conn_lifetime must be a duration such as 30m',
    ],
    ['postgres://u:secret@h/d?pool_size=3', "option 'pool_size' is unknown"],
    ['postgres://u:secret@h/d?a-b=3', "option 'a-b' is unknown"],
    ['postgres://u:secret@h/d?service=x', "option 'service' is not supported"],
    [
      'postgres://u:secret@h/d?ssl_mode=require',
      "option 'ssl_mode' is unknown; a setting of the server goes into",
    ],
    [
      'postgres://u:secret@h/d?target_session_attrs=master',
      'target_session_attrs must be one of any, read-write',
    ],
  ])('refuses %s', (text, message) => {
    const attempt = () => parseConnectionString(text);
    expect(attempt).toThrow(message);
    expect(attempt).not.toThrow(/secret/);
  });
});
