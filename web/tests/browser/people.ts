/** Who uses the page in the tests, by its buttons and fields as they are named. */
import { type APIRequestContext, expect, type Page, test as base } from "@playwright/test";

const PASSWORD = "correct horse battery";
let people = 0;

/** An account, and another device of its owner. */
export class Person {
  readonly email = `person-${process.pid}-${Date.now()}-${(people += 1)}@example.com`;
  #token = "";

  constructor(readonly request: APIRequestContext) {}

  async signUp(page: Page): Promise<void> {
    await page.goto("/");
    await page.getByRole("link", { name: "Sign up" }).click();
    await page.getByLabel("E-mail").fill(this.email);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign up" }).click();
    await expect(page.getByRole("heading", { name: "Today", level: 1 })).toBeVisible();
  }

  async logIn(page: Page): Promise<void> {
    await page.goto("/");
    await page.getByLabel("E-mail").fill(this.email);
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page.getByRole("heading", { name: "Today", level: 1 })).toBeVisible();
  }

  /** Logs in on another device, which takes its time. */
  async device(): Promise<void> {
    const answer = await this.request.post("/v1/login", { data: { email: this.email, password: PASSWORD } });
    this.#token = ((await answer.json()) as { accessToken: string }).accessToken;
  }

  /** What another program of this person sends. */
  async send(path: string, data: object): Promise<{ id: string; title: string }> {
    return this.#ask("post", path, data);
  }

  /** What another program of this person changes. */
  async change(path: string, data: object): Promise<void> {
    await this.#ask("patch", path, data);
  }

  async #ask(method: "post" | "patch", path: string, data: object): Promise<{ id: string; title: string }> {
    if (this.#token === "") await this.device();
    const headers = { authorization: `Bearer ${this.#token}` };
    const answer = await this.request[method](path, { data, headers });
    expect(answer.ok(), await answer.text()).toBe(true);
    return (await answer.json()) as { id: string; title: string };
  }
}

/** Adds tasks by quick add. */
export async function add(page: Page, ...lines: string[]): Promise<void> {
  // A key is of no use before somebody listens.
  await expect(page.locator('#main[aria-busy="false"]')).toBeVisible();
  await page.keyboard.press("q");
  const field = page.getByLabel("New task");
  for (const line of lines) {
    await field.fill(line);
    await field.press("Enter");
    await expect(field).toHaveValue("");
  }
  await page.keyboard.press("Escape");
  await expect(field).toBeHidden();
}

/** The title of a task in the list, which opens it. */
export const task = (page: Page, title: string) => page.locator("#main [data-task]").filter({ hasText: title });

/** The row of a task in the list. */
export const row = (page: Page, title: string) => page.locator("#main").getByRole("listitem").filter({ hasText: title });

export const test = base.extend<{ person: Person }>({
  person: async ({ request, page }, use) => {
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    // Also what the content security policy forbids. A refused request is no fault of the page.
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) faults.push(message.text());
    });
    await use(new Person(request));
    expect(faults).toEqual([]);
  },
});

export { expect };
