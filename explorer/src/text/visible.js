/**
 * Bytes as text in which nothing is hidden: what does not show, or would move or reorder other text, is told as an
 * escape; so are bytes that are not UTF-8.
 */

/**
 * A run of plain text, or one escape (`breaks`: a new line follows).
 * @typedef {{ text: string, escape: false } | { text: string, escape: true, title: string, breaks: boolean }} Segment
 */

/** Controls, formats (of direction too), private and unassigned code points, what is ignored, odd spaces. */
const HIDDEN = /[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const MARK = /\p{M}/u;
/** Marks on one character: more pile up over other lines. */
const MOST_MARKS = 4;

/** @type {Readonly<Record<number, string>>} */
const NAMES = {
  0x00: "NUL",
  0x09: "tab",
  0x0a: "new line",
  0x0d: "carriage return",
  0x1b: "escape",
  0x7f: "delete",
};
/** @type {Readonly<Record<number, string>>} */
const SHORT = { 0x09: "\\t", 0x0a: "\\n", 0x0d: "\\r" };

/**
 * Code points of the bytes; a byte that is not part of valid UTF-8 is -1 - byte.
 * @param {Uint8Array} bytes
 * @returns {Generator<number>}
 */
export function* codePoints(bytes) {
  for (let at = 0; at < bytes.length;) {
    const [point, length] = decodeAt(bytes, at);
    yield point;
    at += length;
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @returns {[number, number]} code point, bytes
 */
function decodeAt(bytes, at) {
  const lead = bytes[at];
  if (lead < 0x80) return [lead, 1];
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const least = [0, 0, 0x80, 0x800, 0x10000][length];
  let point = lead & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const next = bytes[at + i];
    if (next === undefined || (next & 0xc0) !== 0x80) return [-1 - lead, 1];
    point = (point << 6) | (next & 0x3f);
  }
  const surrogate = point >= 0xd800 && point < 0xe000;
  const valid = lead >= 0xc2 && lead < 0xf5 && point >= least && point <= 0x10ffff && !surrogate;
  return valid ? [point, length] : [-1 - lead, 1];
}

/**
 * @param {Uint8Array} bytes
 * @param {number} most code points
 * @returns {{ segments: Segment[], rest: boolean }} `rest`: there is more
 */
export function visible(bytes, most = Number.POSITIVE_INFINITY) {
  /** @type {Segment[]} */
  const segments = [];
  let plain = "";
  let marks = 0;
  let count = 0;
  const flush = () => {
    if (plain) segments.push({ text: plain, escape: false });
    plain = "";
  };
  for (const point of codePoints(bytes)) {
    if (count++ === most) {
      flush();
      return { segments, rest: true };
    }
    const character = point < 0 ? "" : String.fromCodePoint(point);
    marks = MARK.test(character) ? marks + 1 : 0;
    const alone = marks > 0 && plain === ""; // a mark with nothing to stand on would join an escape
    if (point < 0 || HIDDEN.test(character) || marks > MOST_MARKS || alone) {
      flush();
      segments.push(escapeOf(point));
    } else {
      plain += character;
    }
  }
  flush();
  return { segments, rest: false };
}

/**
 * @param {number} point
 * @returns {Segment}
 */
function escapeOf(point) {
  if (point < 0) {
    const digits = (-1 - point).toString(16).padStart(2, "0");
    return {
      text: `\\x${digits}`,
      escape: true,
      title: `the byte 0x${digits}, which is not UTF-8 here`,
      breaks: false,
    };
  }
  const digits = point.toString(16).toUpperCase().padStart(4, "0");
  return {
    text: SHORT[point] ?? `\\u{${digits}}`,
    escape: true,
    title: NAMES[point] ? `${NAMES[point]} (U+${digits})` : `the character U+${digits}`,
    breaks: point === 0x0a,
  };
}

/**
 * The same as one line of plain text.
 * @param {Uint8Array} bytes
 * @param {number} most
 */
export function oneLine(bytes, most) {
  const { segments, rest } = visible(bytes, most);
  return segments.map(({ text }) => text).join("") + (rest ? "…" : "");
}

/**
 * For searching: bytes that are not UTF-8 become U+FFFD.
 * @param {Uint8Array} bytes
 */
export const searchable = (bytes) => new TextDecoder().decode(bytes).toLowerCase();
