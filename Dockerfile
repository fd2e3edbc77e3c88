# Builds with the Node image and the npm registry alone, and runs the demo:
#   docker build -t rootstock . && docker run --rm rootstock
#   docker run --rm --user "$(id -u)" -v "$PWD:/work" -w /work -e HOME=/tmp rootstock train photos --out runs/pets
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build
RUN npm prune --omit=dev --no-audit --no-fund

FROM node:22-slim
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE README.md ./
COPY embedded embedded
USER node
WORKDIR /home/node
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["demo"]
