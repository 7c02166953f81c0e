# The active LTS. The tests run on it too: see CONTRIBUTING.md.
FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages packages
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ormconfig.ts ./
COPY migrations migrations
COPY src src
# Without GraphiQL, which production does not serve.
RUN npx tsc -p tsconfig.build.json

FROM node:24-slim AS production-dependencies
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages packages
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:24-slim
# Not 127.0.0.1, the default: requests come from outside the container.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000
WORKDIR /app
COPY --from=production-dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY packages packages
# A missing package fails the build, not the start.
RUN ["node", "-e", "require('./dist/src/server/serve.js')"]
# This user owns none of the files above, so the process cannot change its own code.
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# 4000 is the API. METRICS_PORT puts /metrics on another port, which you should not publish.
# In exec form, so that SIGTERM reaches the server, which then finishes requests in progress.
CMD ["node", "dist/src/main.js"]
