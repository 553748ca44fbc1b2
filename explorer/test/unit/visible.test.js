/** Hostile bytes as text: nothing is hidden, nothing moves what is around. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../src/bytes.js";
import { codePoints, oneLine, searchable, visible } from "../../src/text/visible.js";

/** Escapes in brackets. @param {Uint8Array | number[]} bytes */
const shown = (bytes) =>
  visible(Uint8Array.from(bytes))
    .segments.map(({ text, escape }) => (escape ? `[${text}]` : text))
    .join("");

test("plain text of every script stays as it is", () => {
  for (const text of ["The quick brown fox", "naïve café", "日本語", "שלום", "नमस्ते", "😀", "a\u0301"]) {
    assert.equal(shown(utf8(text)), text);
  }
});

test("markup is text", () => {
  assert.equal(shown(utf8("<script>&amp;</script>")), "<script>&amp;</script>");
});

test("controls, directions, what has no width, odd spaces and private characters are escaped", () => {
  assert.equal(shown(utf8("a\0\x1b[2Jb\x7f\x85")), "a[\\u{0000}][\\u{001B}][2Jb[\\u{007F}][\\u{0085}]");
  assert.equal(shown(utf8("\t\r\n")), "[\\t][\\r][\\n]");
  for (const point of [
    ...[
      0x061c, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2060, 0x2066, 0x2069,
    ],
    ...[0xfeff, 0x00a0, 0x00ad, 0x3000, 0x115f, 0x3164, 0xfe0f, 0xe000, 0xe0041, 0x10ffff, 0x0378],
  ]) {
    const digits = point.toString(16).toUpperCase().padStart(4, "0");
    assert.equal(shown(utf8(`x${String.fromCodePoint(point)}y`)), `x[\\u{${digits}}]y`);
  }
});

test("only new lines break the line", () => {
  const breaking = visible(utf8("a\nb\rc\u2028d")).segments.filter((s) => s.escape && s.breaks);
  assert.equal(breaking.length, 1);
});

test("bytes that are not UTF-8 are told, one by one", () => {
  const cases = /** @type {[number[], string][]} */ ([
    [[0xff, 0xfe], "[\\xff][\\xfe]"],
    [[0xc0, 0x80], "[\\xc0][\\x80]"], // overlong
    [[0xe0, 0x80, 0x80], "[\\xe0][\\x80][\\x80]"],
    [[0xed, 0xa0, 0x80], "[\\xed][\\xa0][\\x80]"], // a surrogate
    [[0xf4, 0x90, 0x80, 0x80], "[\\xf4][\\x90][\\x80][\\x80]"], // beyond Unicode
    [[0xf5, 0x80, 0x80, 0x80], "[\\xf5][\\x80][\\x80][\\x80]"],
    [[0xe2, 0x82], "[\\xe2][\\x82]"], // cut off
    [[0x41, 0xe2, 0x41], "A[\\xe2]A"],
    [[0x80, 0x41], "[\\x80]A"],
  ]);
  for (const [bytes, text] of cases) assert.equal(shown(bytes), text);
});

test("every byte is told once: the decoder agrees with the browser's on what is valid", () => {
  const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let state = 1;
  const random = () => (state = (state * 48271) % 0x7fffffff);
  const heads = [
    0x41, 0x7f, 0x80, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff, 0x9f, 0xa0,
  ];
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: 1 + (random() % 5) }, () => heads[random() % heads.length]);
    const points = [...codePoints(bytes)];
    const size = points.reduce((n, p) => n + (p < 0 ? 1 : utf8(String.fromCodePoint(p)).length), 0);
    assert.equal(size, bytes.length);
    let text = null;
    try {
      text = strict.decode(bytes);
    } catch {
      // not valid
    }
    assert.equal(
      points.every((p) => p >= 0),
      text !== null,
    );
    if (text !== null) assert.equal(String.fromCodePoint(...points), text);
  }
});

test("marks do not pile up, and none joins an escape", () => {
  assert.equal(shown(utf8(`Z${"\u0335".repeat(6)}`)), `Z${"\u0335".repeat(4)}[\\u{0335}][\\u{0335}]`);
  assert.equal(shown(utf8("\u0335a")), "[\\u{0335}]a");
  assert.equal(shown(utf8("\0\u0335")), "[\\u{0000}][\\u{0335}]");
});

test("long texts are cut where asked", () => {
  const bytes = utf8("abc\0def");
  assert.deepEqual([visible(bytes, 4).rest, visible(bytes, 7).rest], [true, false]);
  assert.equal(oneLine(bytes, 5), "abc\\u{0000}d…");
  assert.equal(oneLine(bytes, 7), "abc\\u{0000}def");
});

test("searching takes text as it looks, whatever the case", () => {
  assert.equal(searchable(utf8("Once UPON")), "once upon");
  assert.ok(searchable(Uint8Array.of(0x41, 0xff)).startsWith("a"));
});
