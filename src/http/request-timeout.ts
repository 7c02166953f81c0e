/** ms that a request may take to arrive. */
export const REQUEST_TIMEOUT = 30_000;

/** ms between two looks for requests that take too long to arrive. */
const CHECK_INTERVAL = 1000;

/**
 * The settings of a server by which each request has to arrive in time: its headers, its body, and the first byte of a
 * connection's first request.
 *
 * @param requestTimeout ms
 */
export const arrivingWithin = (requestTimeout: number) => ({
  requestTimeout,
  http: {
    connectionsCheckingInterval: CHECK_INTERVAL,
    // Of the two times, Node gives the shorter one to the headers and the longer one to the whole request. Its own time
    // for headers is 60 s, so the whole request would have that:
    // https://github.com/nodejs/node/blob/main/src/node_http_parser.cc
    headersTimeout: requestTimeout,
  },
});
