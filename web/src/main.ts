import "./styles/base.css";

import { mount } from "svelte";

import App from "./App.svelte";
import { session } from "./state/session.svelte";
import { ui } from "./state/ui.svelte";

ui.apply();
void session.restore().catch(() => {
  session.state = "out";
});

const target = document.getElementById("app");
if (target) mount(App, { target });
