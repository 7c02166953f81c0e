import { defineConfig } from 'vite';

const { API_URL = 'http://127.0.0.1:4000' } = process.env;

// The page and the API then have one origin, so the cookie with the refresh token is the page's own.
const proxy = { '/graphql': { target: API_URL, ws: true } };

export default defineConfig({ server: { proxy }, preview: { proxy } });
