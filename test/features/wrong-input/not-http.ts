/** Bytes that are not HTTP. */
export const NOT_HTTP: [name: string, bytes: string, status: number][] = [
  ['a line of nonsense', 'hello\r\n\r\n', 400],
  ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['a method that there is not', 'BREW /graphql HTTP/1.1\r\nHost: a\r\n\r\n', 400],
  ['a length that is not a number', 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: many\r\n\r\n', 400],
  [
    'two lengths',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    400,
  ],
  [
    'a length beside chunks',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'a chunk whose size is not a number',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    400,
  ],
  ['a header with a null byte', 'GET /graphql HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n', 400],
  ['2,000 headers', `GET /graphql HTTP/1.1\r\nHost: a\r\n${'X-Filler: 1234\r\n'.repeat(2000)}\r\n`, 431],
];
