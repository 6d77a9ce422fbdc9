/** Takes the focus when it appears; `autofocus` does so only where nothing has it. */
export function focused(node: HTMLElement): void {
  node.focus();
}
