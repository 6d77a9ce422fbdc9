/** The client against a real gateway, whose address and a user's token are in the environment. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, dataOf, ProblemError, tasks, type Task } from "../src/index.js";

function environment(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run ./check`);
  return value;
}

const baseUrl = environment("TODOSTACK_URL");
const token = environment("TODOSTACK_TOKEN");
const client = createClient({ baseUrl, token: () => token });

test("a task is made, changed and read with its types", async () => {
  const due = { dateTime: "2030-03-31T02:30:00", timeZone: "Europe/Berlin" };
  const made: Task = dataOf(
    await client.POST("/v1/tasks", { body: { title: "Pay rent", priority: "P1", tags: ["bank"], due } }),
  );
  assert.equal(made.title, "Pay rent");
  const params = { path: { id: made.id } };
  const changed = dataOf(await client.PATCH("/v1/tasks/{id}", { params, body: { title: "Pay the rent" } }));
  assert.equal(changed.title, "Pay the rent");
  const read = dataOf(await client.GET("/v1/tasks/{id}", { params }));
  assert.equal(read.version, changed.version);
  dataOf(await client.DELETE("/v1/tasks/{id}", { params }));
  const gone = await client.GET("/v1/tasks/{id}", { params });
  assert.equal(gone.response.status, 404);
});

test("a list is read through all of its pages", async () => {
  for (const n of [1, 2, 3, 4, 5]) {
    dataOf(await client.POST("/v1/tasks", { body: { title: `Page ${n}`, tags: ["pages"] } }));
  }
  const titles: string[] = [];
  for await (const task of tasks(client, { tag: ["pages"], limit: 2 })) {
    titles.push(task.title);
  }
  assert.deepEqual(titles, ["Page 1", "Page 2", "Page 3", "Page 4", "Page 5"]);
});

test("what the gateway refuses is an error that names the field", async () => {
  const answer = await client.POST("/v1/tasks", { body: { title: "" } });
  assert.throws(
    () => dataOf(answer),
    (error: unknown) => error instanceof ProblemError && error.problem.errors?.[0]?.pointer === "#/title",
  );
});

test("who sends no token is told so", async () => {
  const { error, response } = await createClient({ baseUrl }).GET("/v1/tasks");
  assert.equal(response.status, 401);
  assert.equal(error?.status, 401);
});
