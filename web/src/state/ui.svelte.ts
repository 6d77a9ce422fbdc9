/** What is open above the lists, and the colours. */
export type Theme = "system" | "light" | "dark";

const KEY = "theme";

class Ui {
  dialog = $state<"add" | "palette" | "keys">();
  /** The lists at the side, on narrow screens. */
  menu = $state(false);
  theme = $state<Theme>(stored());

  setTheme(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(KEY, theme);
    this.apply();
  }

  apply(): void {
    if (this.theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.theme;
  }

  /** The other one than that which is seen. */
  toggleTheme(): void {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const seen = this.theme === "system" ? (dark ? "dark" : "light") : this.theme;
    this.setTheme(seen === "dark" ? "light" : "dark");
  }
}

function stored(): Theme {
  const text = localStorage.getItem(KEY);
  return text === "light" || text === "dark" ? text : "system";
}

export const ui = new Ui();
