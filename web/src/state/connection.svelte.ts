class Connection {
  /** Changes of other devices are told. */
  live = $state(false);
  /** The gateway was reached the last time. */
  online = $state(navigator.onLine);
  /** Writes that wait to be sent: those that come after them wait, too. */
  waiting = $state(0);

  constructor() {
    addEventListener("offline", () => (this.online = false));
    addEventListener("online", () => (this.online = true));
  }
}

export const connection = new Connection();
