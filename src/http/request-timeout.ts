/** ms that a request may take to arrive. */
const REQUEST_TIMEOUT = 30_000;

/** ms between two checks for requests that take too long to arrive. */
const CHECK_INTERVAL = 1000;

/**
 * Returns the server settings that limit how long a request may take to arrive: its headers, its body, and the first
 * byte on a new connection.
 *
 * @param requestTimeout ms
 */
export const arrivingWithin = (requestTimeout = REQUEST_TIMEOUT) => ({
  requestTimeout,
  http: {
    connectionsCheckingInterval: CHECK_INTERVAL,
    // Node uses the shorter of the two for headers and the longer for the whole request. Its default for headers is
    // 60 s, which would then apply to the whole request:
    // https://github.com/nodejs/node/blob/main/src/node_http_parser.cc
    headersTimeout: requestTimeout,
  },
});
