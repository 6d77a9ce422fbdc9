class Connection {
  /** Changes of other devices are told. */
  live = $state(false);
}

export const connection = new Connection();
