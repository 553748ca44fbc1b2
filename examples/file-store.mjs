// A `Store` of request-answer.mts for Node: one file for each entry, in a folder of the account's own.
import {
    closeSync,
    fsyncSync,
    mkdirSync,
    openSync,
    readFileSync,
    renameSync,
    rmSync,
    writeSync,
} from "node:fs";
import { join } from "node:path";

export class FileStore {
    /** @param {string} folder Made where it is not there yet. Keep it: what it holds was sent, and may still be mined. */
    constructor(folder) {
        this.folder = folder;
        mkdirSync(folder, { recursive: true, mode: 0o700 });
    }

    /** @param {string} key */
    getItem(key) {
        try {
            return readFileSync(this.#path(key), "utf8");
        } catch (error) {
            if (error.code === "ENOENT") return null;
            throw error;
        }
    }

    /** On the disk when it returns, all of it or nothing, whatever ends the process or the machine meanwhile.
     * @param {string} key
     * @param {string} value */
    setItem(key, value) {
        const path = this.#path(key);
        const file = openSync(`${path}.new`, "w", 0o600);
        try {
            writeSync(file, value);
            fsyncSync(file);
        } finally {
            closeSync(file);
        }
        renameSync(`${path}.new`, path);
        this.#syncFolder();
    }

    /** @param {string} key */
    removeItem(key) {
        rmSync(this.#path(key), { force: true });
        this.#syncFolder();
    }

    /** @param {string} key */
    #path(key) {
        return join(this.folder, `${encodeURIComponent(key)}.json`);
    }

    /** A new name lasts once its folder is on the disk. */
    #syncFolder() {
        const folder = openSync(this.folder, "r");
        fsyncSync(folder);
        closeSync(folder);
    }
}
