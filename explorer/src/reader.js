/** Keeps reading the contract's history while the page is open: older blocks until all is read, then new ones. */

import { RpcError, pause } from "./chain/rpc.js";

const AGAIN_MS = 15_000;

/** Dispatches "change" whenever there is more, or something went wrong. */
export class Reader extends EventTarget {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    super();
    this.app = app;
    /** @type {string | null} */
    this.error = null;
    this.running = false;
  }

  /** Reads on until something goes wrong; nothing where it is reading already. */
  async run() {
    const { history } = this.app;
    if (this.running || history === null) return;
    this.running = true;
    this.error = null;
    this.changed();
    try {
      await this.app.chainId();
      while (history === this.app.history) {
        if (!history.complete) await history.readOlder();
        else {
          await pause(AGAIN_MS);
          if (document.visibilityState === "visible") await history.readNewer();
        }
        this.changed();
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.error = error.message;
    } finally {
      this.running = false;
      this.changed();
    }
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }
}
