import "./styles/base.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { registerWorker } from "./lib/worker";
import { session } from "./state/session.svelte";
import { ui } from "./state/ui.svelte";

ui.apply();
void session.restore().catch(() => {
  session.state = "out";
});

const target = document.getElementById("app");
if (import.meta.env.PROD) void registerWorker().catch(() => undefined);

if (target) mount(App, { target });
