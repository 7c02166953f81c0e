// A fetch that keeps cookies, like a browser's. A page does not need it.
export function createBrowserFetch() {
  const jar = new Map();
  return async (input, init = {}) => {
    const withCookies = init.credentials === 'include';
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ');
    const response = await fetch(input, {
      ...init,
      ...(withCookies && { headers: { ...init.headers, ...(cookie && { cookie }) } }),
    });
    for (const line of withCookies ? response.headers.getSetCookie() : []) {
      const [name, value] = line.split(';')[0].split('=');
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
    return response;
  };
}
