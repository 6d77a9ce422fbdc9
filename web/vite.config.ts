import { svelte } from "@sveltejs/vite-plugin-svelte";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

import { compressed } from "./compress.ts";
import { listed } from "./worker.build.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** A running `todostack dev`, for `npm run dev`. */
const gateway = process.env["TODOSTACK_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [svelte(), listed(), compressed()],
  resolve: {
    alias: {
      "todostack-client": here("../clients/typescript/src/index.ts"),
      // The client's own node_modules are there only where its tests ran.
      "openapi-fetch": here("./node_modules/openapi-fetch"),
    },
  },
  build: {
    // `dist` itself is in the repository, so that Cargo has a folder to watch.
    outDir: "dist/page",
    emptyOutDir: true,
    // Nothing is inlined as a data: URL, which the content security policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    reportCompressedSize: false,
    rollupOptions: {
      input: { index: here("./index.html"), worker: here("./src/worker.ts") },
      // At the root, by one name: a service worker answers for the paths below its own, and is followed by the next.
      output: { entryFileNames: ({ name }) => (name === "worker" ? "worker.js" : "assets/[name]-[hash].js") },
    },
  },
  server: { proxy: { "/v1": { target: gateway, ws: true }, "/page": gateway } },
});
