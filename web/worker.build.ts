/** Tells the service worker which files it keeps: those that the build has written, by a hash of them all. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

import { FIRSTS } from "./src/lib/route.ts";
import { en as m } from "./src/messages/en.ts";

export function listed(): Plugin {
  let folder = "";
  return {
    name: "listed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      const path = join(folder, "worker.js");
      const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((name) => name !== "worker.js" && statSync(join(folder, name)).isFile())
        .sort();
      const hash = createHash("sha256");
      for (const name of names) hash.update(name).update(readFileSync(join(folder, name)));
      const files = names.map((name) => (name === "index.html" ? "/" : `/${name}`));
      const words = { complete: m.reminders.done, snooze: m.reminders.snooze, failed: m.push.failed };
      const page = { version: hash.digest("hex").slice(0, 12), files, firsts: FIRSTS, words };
      writeFileSync(path, readFileSync(path, "utf8").replace("__PAGE__", () => JSON.stringify(page)));
    },
  };
}
