"use strict";
(() => {
  // node_modules/@noble/hashes/_u64.js
  var U32_MASK64 = /* @__PURE__ */ (() => BigInt(2 ** 32 - 1))();
  var _32n = /* @__PURE__ */ BigInt(32);
  function fromBig(n, le = false) {
    if (le)
      return { h: Number(n & U32_MASK64), l: Number(n >> _32n & U32_MASK64) };
    return { h: Number(n >> _32n & U32_MASK64) | 0, l: Number(n & U32_MASK64) | 0 };
  }
  function split(lst, le = false) {
    const len = lst.length;
    let Ah = new Uint32Array(len);
    let Al = new Uint32Array(len);
    for (let i = 0; i < len; i++) {
      const { h: h2, l } = fromBig(lst[i], le);
      [Ah[i], Al[i]] = [h2, l];
    }
    return [Ah, Al];
  }

  // node_modules/@noble/hashes/utils.js
  function isBytes(a) {
    return a instanceof Uint8Array || ArrayBuffer.isView(a) && a.constructor.name === "Uint8Array" && "BYTES_PER_ELEMENT" in a && a.BYTES_PER_ELEMENT === 1;
  }
  var atitle = (title) => title ? `"${title}" ` : "";
  function anumber(n, title = "") {
    if (typeof n !== "number")
      throw new TypeError(atitle(title) + "expected number, got " + typeof n);
    if (!Number.isSafeInteger(n) || n < 0)
      throw new RangeError(atitle(title) + "expected integer >= 0, got " + n);
    return n;
  }
  function abool(value, title = "") {
    if (typeof value !== "boolean")
      throw new TypeError(atitle(title) + "expected boolean, got type=" + typeof value);
    return value;
  }
  function abytes(value, length, title = "") {
    if (isBytes(value) && (length === void 0 || value.length === length))
      return value;
    if (length !== void 0)
      anumber(length, "length");
    const bytes = isBytes(value);
    const ofLen = length !== void 0 ? ` of length ${length}` : "";
    const got = bytes ? `length=${value.length}` : `type=${typeof value}`;
    const message = atitle(title) + "expected Uint8Array" + ofLen + ", got " + got;
    if (!bytes)
      throw new TypeError(message);
    throw new RangeError(message);
  }
  var aobject = (value, label) => {
    if (value === null || typeof value !== "object" || Array.isArray(value))
      throw new TypeError((label === "object" ? "" : `"${label}" `) + "expected object, got type=" + typeof value);
  };
  var aopts = (value, label) => {
    aobject(value, label);
    const proto = Object.getPrototypeOf(value);
    if (proto !== Object.prototype && proto !== null)
      throw new TypeError(`"${label}" expected plain object`);
    if (Object.hasOwn(value, "__proto__"))
      throw new TypeError(`"${label}.__proto__" is not allowed`);
  };
  function aexists(instance, checkFinished = true) {
    if (instance.destroyed)
      throw new Error("hash was destroyed");
    if (checkFinished && instance.finished)
      throw new Error("digest() was already called");
  }
  function aoutput(out, instance) {
    abytes(out, void 0, "output");
    const min = instance.outputLen;
    if (!(out.length >= min)) {
      throw new RangeError('"output" expected length >= ' + min);
    }
  }
  function u32(arr) {
    return new Uint32Array(arr.buffer, arr.byteOffset, Math.floor(arr.byteLength / 4));
  }
  function clean(...arrays) {
    for (let i = 0; i < arrays.length; i++) {
      arrays[i].fill(0);
    }
  }
  var isLE = /* @__PURE__ */ (() => new Uint8Array(new Uint32Array([287454020]).buffer)[0] === 68)();
  function byteSwap(word) {
    return word << 24 & 4278190080 | word << 8 & 16711680 | word >>> 8 & 65280 | word >>> 24 & 255;
  }
  function byteSwap32(arr) {
    for (let i = 0; i < arr.length; i++) {
      arr[i] = byteSwap(arr[i]);
    }
    return arr;
  }
  var swap32IfBE = isLE ? (u) => u : byteSwap32;
  var hasHexBuiltin = /* @__PURE__ */ (() => (
    // @ts-ignore
    typeof Uint8Array.from([]).toHex === "function" && typeof Uint8Array.fromHex === "function"
  ))();
  var hexes = /* @__PURE__ */ Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
  function bytesToHex(bytes) {
    abytes(bytes);
    if (hasHexBuiltin)
      return bytes.toHex();
    let hex = "";
    for (let i = 0; i < bytes.length; i++) {
      hex += hexes[bytes[i]];
    }
    return hex;
  }
  function asciiToBase16(ch) {
    return ch >= 48 && ch <= 57 ? ch - 48 : ch >= 65 && ch <= 70 ? ch - (65 - 10) : ch >= 97 && ch <= 102 ? ch - (97 - 10) : void 0;
  }
  function hexToBytes(hex) {
    if (typeof hex !== "string")
      throw new TypeError("hex string expected, got " + typeof hex);
    if (hasHexBuiltin) {
      try {
        return Uint8Array.fromHex(hex);
      } catch (error) {
        if (error instanceof SyntaxError)
          throw new RangeError(error.message);
        throw error;
      }
    }
    const hl = hex.length;
    const al = hl / 2;
    if (hl % 2)
      throw new RangeError("hex string expected, got unpadded hex of length " + hl);
    const array = new Uint8Array(al);
    for (let ai = 0, hi = 0; ai < al; ai++, hi += 2) {
      const n1 = asciiToBase16(hex.charCodeAt(hi));
      const n2 = asciiToBase16(hex.charCodeAt(hi + 1));
      if (n1 === void 0 || n2 === void 0) {
        const char = hex[hi] + hex[hi + 1];
        throw new RangeError('hex string expected, got non-hex character "' + char + '" at index ' + hi);
      }
      array[ai] = n1 * 16 + n2;
    }
    return array;
  }
  function concatBytes(...arrays) {
    let sum = 0;
    for (let i = 0; i < arrays.length; i++) {
      const a = arrays[i];
      abytes(a);
      sum += a.length;
    }
    const res = new Uint8Array(sum);
    for (let i = 0, pad = 0; i < arrays.length; i++) {
      const a = arrays[i];
      res.set(a, pad);
      pad += a.length;
    }
    return res;
  }
  function checkOpts(defaults, opts, title = "opts") {
    aopts(defaults, "defaults");
    if (opts !== void 0)
      aopts(opts, title);
    const merged = Object.assign(/* @__PURE__ */ Object.create(null), defaults, opts);
    return merged;
  }
  function createHasher(hashCons, info = {}) {
    if (typeof hashCons !== "function")
      throw new TypeError('"hashCons" expected function, got type=' + typeof hashCons);
    info = checkOpts({}, info, "info");
    const hashC = (msg, opts) => hashCons(opts).update(msg).digest();
    const tmp = hashCons(void 0);
    hashC.outputLen = tmp.outputLen;
    hashC.blockLen = tmp.blockLen;
    hashC.canXOF = tmp.canXOF;
    hashC.create = (opts) => hashCons(opts);
    Object.assign(hashC, info);
    return Object.freeze(hashC);
  }
  function randomBytes(bytesLength = 32) {
    anumber(bytesLength, "bytesLength");
    const cr = typeof globalThis === "object" ? globalThis.crypto : null;
    if (typeof cr?.getRandomValues !== "function")
      throw new Error("crypto.getRandomValues must be defined");
    if (bytesLength > 65536)
      throw new RangeError(`"bytesLength" expected <= 65536, got ${bytesLength}`);
    return cr.getRandomValues(new Uint8Array(bytesLength));
  }

  // node_modules/@noble/hashes/sha3.js
  var _0n = BigInt(0);
  var _1n = BigInt(1);
  var _2n = BigInt(2);
  var _7n = BigInt(7);
  var _256n = BigInt(256);
  var _0x71n = BigInt(113);
  var SHA3_PI = [];
  var SHA3_ROTL = [];
  var _SHA3_IOTA = [];
  for (let round = 0, R2 = _1n, x = 1, y = 0; round < 24; round++) {
    [x, y] = [y, (2 * x + 3 * y) % 5];
    SHA3_PI.push(2 * (5 * y + x));
    SHA3_ROTL.push((round + 1) * (round + 2) / 2 % 64);
    let t = _0n;
    for (let j = 0; j < 7; j++) {
      R2 = (R2 << _1n ^ (R2 >> _7n) * _0x71n) % _256n;
      if (R2 & _2n)
        t ^= _1n << (_1n << BigInt(j)) - _1n;
    }
    _SHA3_IOTA.push(t);
  }
  var IOTAS = split(_SHA3_IOTA, true);
  var SHA3_IOTA_H = IOTAS[0];
  var SHA3_IOTA_L = IOTAS[1];
  var rotlSH = (h2, l, s) => h2 << s | l >>> 32 - s;
  var rotlSL = (h2, l, s) => l << s | h2 >>> 32 - s;
  var rotlBH = (h2, l, s) => l << s - 32 | h2 >>> 64 - s;
  var rotlBL = (h2, l, s) => h2 << s - 32 | l >>> 64 - s;
  var rotlH = (h2, l, s) => s > 32 ? rotlBH(h2, l, s) : rotlSH(h2, l, s);
  var rotlL = (h2, l, s) => s > 32 ? rotlBL(h2, l, s) : rotlSL(h2, l, s);
  var B = new Uint32Array(5 * 2);
  function keccakP(s, rounds = 24) {
    if (!(s instanceof Uint32Array))
      throw new TypeError('"s" expected Uint32Array(50), got type=' + typeof s);
    if (s.length !== 50)
      throw new RangeError('"s" expected Uint32Array(50), got length=' + s.length);
    anumber(rounds, "rounds");
    if (rounds < 1 || rounds > 24)
      throw new Error('"rounds" expected integer 1..24');
    for (let round = 24 - rounds; round < 24; round++) {
      for (let x = 0; x < 10; x++)
        B[x] = s[x] ^ s[x + 10] ^ s[x + 20] ^ s[x + 30] ^ s[x + 40];
      for (let x = 0; x < 10; x += 2) {
        const idx1 = (x + 8) % 10;
        const idx0 = (x + 2) % 10;
        const B0 = B[idx0];
        const B1 = B[idx0 + 1];
        const Th = rotlH(B0, B1, 1) ^ B[idx1];
        const Tl = rotlL(B0, B1, 1) ^ B[idx1 + 1];
        for (let y = 0; y < 50; y += 10) {
          s[x + y] ^= Th;
          s[x + y + 1] ^= Tl;
        }
      }
      let curH = s[2];
      let curL = s[3];
      for (let t = 0; t < 24; t++) {
        const shift = SHA3_ROTL[t];
        const Th = rotlH(curH, curL, shift);
        const Tl = rotlL(curH, curL, shift);
        const PI = SHA3_PI[t];
        curH = s[PI];
        curL = s[PI + 1];
        s[PI] = Th;
        s[PI + 1] = Tl;
      }
      for (let y = 0; y < 50; y += 10) {
        const b0 = s[y], b1 = s[y + 1], b2 = s[y + 2], b3 = s[y + 3];
        s[y] ^= ~s[y + 2] & s[y + 4];
        s[y + 1] ^= ~s[y + 3] & s[y + 5];
        s[y + 2] ^= ~s[y + 4] & s[y + 6];
        s[y + 3] ^= ~s[y + 5] & s[y + 7];
        s[y + 4] ^= ~s[y + 6] & s[y + 8];
        s[y + 5] ^= ~s[y + 7] & s[y + 9];
        s[y + 6] ^= ~s[y + 8] & b0;
        s[y + 7] ^= ~s[y + 9] & b1;
        s[y + 8] ^= ~b0 & b2;
        s[y + 9] ^= ~b1 & b3;
      }
      s[0] ^= SHA3_IOTA_H[round];
      s[1] ^= SHA3_IOTA_L[round];
    }
    clean(B);
  }
  var Keccak = class _Keccak {
    state;
    pos = 0;
    posOut = 0;
    finished = false;
    state32;
    destroyed = false;
    blockLen;
    suffix;
    outputLen;
    canXOF;
    enableXOF = false;
    rounds;
    // NOTE: we accept arguments in bytes instead of bits here.
    constructor(blockLen, suffix, outputLen, enableXOF = false, rounds = 24) {
      anumber(blockLen, "blockLen");
      anumber(suffix, "suffix");
      anumber(rounds, "rounds");
      abool(enableXOF, "enableXOF");
      this.blockLen = blockLen;
      this.suffix = suffix;
      this.outputLen = outputLen;
      this.enableXOF = enableXOF;
      this.canXOF = enableXOF;
      this.rounds = rounds;
      anumber(outputLen, "outputLen");
      if (!(0 < blockLen && blockLen < 200))
        throw new Error('"blockLen" must be 1..199');
      this.state = new Uint8Array(200);
      this.state32 = u32(this.state);
    }
    clone() {
      return this._cloneInto();
    }
    keccak() {
      swap32IfBE(this.state32);
      keccakP(this.state32, this.rounds);
      swap32IfBE(this.state32);
      this.posOut = 0;
      this.pos = 0;
    }
    update(data) {
      aexists(this);
      abytes(data);
      const { blockLen, state, state32 } = this;
      const len = data.length;
      const canUseU32 = blockLen % 4 === 0 && data.byteOffset % 4 === 0;
      const blockLen32 = blockLen / 4;
      const data32 = canUseU32 && len >= blockLen ? u32(data) : void 0;
      for (let pos = 0; pos < len; ) {
        if (data32 !== void 0 && this.pos === 0 && pos % 4 === 0 && len - pos >= blockLen) {
          for (let i = 0, o = pos / 4; i < blockLen32; i++)
            state32[i] ^= data32[o + i];
          pos += blockLen;
          this.pos = blockLen;
          this.keccak();
          continue;
        }
        const take = Math.min(blockLen - this.pos, len - pos);
        for (let i = 0; i < take; i++)
          state[this.pos++] ^= data[pos++];
        if (this.pos === blockLen)
          this.keccak();
      }
      return this;
    }
    finish() {
      if (this.finished)
        return;
      this.finished = true;
      const { state, suffix, pos, blockLen } = this;
      state[pos] ^= suffix;
      if ((suffix & 128) !== 0 && pos === blockLen - 1)
        this.keccak();
      state[blockLen - 1] ^= 128;
      this.keccak();
    }
    writeInto(out) {
      aexists(this, false);
      abytes(out);
      this.finish();
      const bufferOut = this.state;
      const { blockLen } = this;
      for (let pos = 0, len = out.length; pos < len; ) {
        if (this.posOut >= blockLen)
          this.keccak();
        const take = Math.min(blockLen - this.posOut, len - pos);
        out.set(bufferOut.subarray(this.posOut, this.posOut + take), pos);
        this.posOut += take;
        pos += take;
      }
      return out;
    }
    xofInto(out) {
      if (!this.enableXOF)
        throw new Error("XOF is not enabled");
      return this.writeInto(out);
    }
    xof(bytes) {
      anumber(bytes);
      return this.xofInto(new Uint8Array(bytes));
    }
    digestInto(out) {
      aoutput(out, this);
      if (this.finished)
        throw new Error("digest() was already called");
      this.writeInto(out.length === this.outputLen ? out : out.subarray(0, this.outputLen));
      this.destroy();
    }
    digest() {
      const out = new Uint8Array(this.outputLen);
      this.digestInto(out);
      return out;
    }
    destroy() {
      this.destroyed = true;
      clean(this.state);
    }
    _cloneInto(to) {
      const { blockLen, suffix, outputLen, rounds, enableXOF } = this;
      to ||= new _Keccak(blockLen, suffix, outputLen, enableXOF, rounds);
      to.blockLen = blockLen;
      to.state32.set(this.state32);
      to.pos = this.pos;
      to.posOut = this.posOut;
      to.finished = this.finished;
      to.rounds = rounds;
      to.suffix = suffix;
      to.outputLen = outputLen;
      to.enableXOF = enableXOF;
      to.canXOF = this.canXOF;
      to.destroyed = this.destroyed;
      return to;
    }
  };
  var genKeccak = (suffix, blockLen, outputLen, info = {}) => createHasher(() => new Keccak(blockLen, suffix, outputLen), info);
  var keccak_256 = /* @__PURE__ */ genKeccak(1, 136, 32);

  // explorer/src/bytes.js
  var WORD = 32;
  function fromHex(text2) {
    if (typeof text2 !== "string" || !/^0x([0-9a-f]{2})*$/i.test(text2))
      throw new Malformed("it is not hexadecimal");
    const bytes = new Uint8Array((text2.length - 2) / 2);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text2.slice(2 + 2 * i, 4 + 2 * i), 16);
    return bytes;
  }
  var DIGITS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
  function toHex(bytes) {
    let text2 = "0x";
    for (const byte of bytes) text2 += DIGITS[byte];
    return text2;
  }
  var toInteger = (bytes) => BigInt(toHex(bytes) === "0x" ? 0 : toHex(bytes));
  function toWord(value, size = WORD) {
    const digits = BigInt(value).toString(16).padStart(2 * size, "0");
    if (digits.length > 2 * size) throw new RangeError("the integer needs more bytes");
    return fromHex(`0x${digits}`);
  }
  function concat(...parts) {
    const out = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
  var equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
  var keccak256 = (...parts) => keccak_256(concat(...parts));
  var utf8 = (text2) => new TextEncoder().encode(text2);
  var Malformed = class extends Error {
  };

  // explorer/src/protocol/refused.js
  var Refused = class extends Error {
    /**
     * @param {string} check its name, as the Python verifier has it
     * @param {string} why
     */
    constructor(check, why) {
      super(`${check}: ${why}`);
      this.check = check;
    }
  };

  // node_modules/@noble/curves/utils.js
  /*! noble-curves - MIT License (c) 2022 Paul Miller (paulmillr.com) */
  function aarray(item, title, inner = () => {
  }) {
    if (!Array.isArray(item))
      throw new TypeError(`"${title}" expected array, got type=${typeof item}`);
    for (let i = 0; i < item.length; i++)
      inner(item[i], `${title}[${i}]`);
    return item;
  }
  var abytes2 = (value, length, title) => abytes(value, length, title);
  var anumber2 = anumber;
  function aobject2(value, title = "object") {
    if (value === null || typeof value !== "object" || Array.isArray(value))
      throw new TypeError(title === "object" ? "expected valid options object" : `"${title}" expected object, got type=${typeof value}`);
    return value;
  }
  function afunction(value, title) {
    if (typeof value !== "function")
      throw new TypeError(`"${title}" is invalid: expected function, got ${typeof value}`);
    return value;
  }
  var bytesToHex2 = bytesToHex;
  var concatBytes2 = (...arrays) => concatBytes(...arrays);
  var hexToBytes2 = (hex) => hexToBytes(hex);
  var isBytes2 = isBytes;
  var randomBytes2 = (bytesLength) => randomBytes(bytesLength);
  var _0n2 = /* @__PURE__ */ BigInt(0);
  var _1n2 = /* @__PURE__ */ BigInt(1);
  var atitle2 = (title) => title ? `"${title}" ` : "";
  function abool2(value, title = "") {
    if (typeof value !== "boolean")
      throw new TypeError(atitle2(title) + "expected boolean, got type=" + typeof value);
    return value;
  }
  function abignumber(n) {
    if (typeof n === "bigint") {
      if (!isPosBig(n))
        throw new RangeError("positive bigint expected, got " + n);
    } else
      anumber2(n);
    return n;
  }
  function asafenumber(value, title = "") {
    if (typeof value !== "number") {
      const prefix = title && `"${title}" `;
      throw new TypeError(prefix + "expected number, got type=" + typeof value);
    }
    if (!Number.isSafeInteger(value)) {
      const prefix = title && `"${title}" `;
      throw new RangeError(prefix + "expected safe integer, got " + value);
    }
  }
  function hexToNumber(hex) {
    if (typeof hex !== "string")
      throw new TypeError("hex string expected, got " + typeof hex);
    return hex === "" ? _0n2 : BigInt("0x" + hex);
  }
  function bytesToNumberBE(bytes) {
    return hexToNumber(bytesToHex(bytes));
  }
  function bytesToNumberLE(bytes) {
    return hexToNumber(bytesToHex(copyBytes(abytes(bytes)).reverse()));
  }
  function numberToBytesBE(n, len) {
    anumber(len);
    if (len === 0)
      throw new Error("zero output length is invalid");
    n = abignumber(n);
    const expectedLen = len * 2;
    const hex = n.toString(16);
    if (hex.length > expectedLen)
      throw new RangeError("number is too large");
    return hexToBytes(hex.padStart(expectedLen, "0"));
  }
  function numberToBytesLE(n, len) {
    return numberToBytesBE(n, len).reverse();
  }
  function copyBytes(bytes) {
    return Uint8Array.from(abytes2(bytes));
  }
  function isPosBig(n) {
    return typeof n === "bigint" && _0n2 <= n;
  }
  function inRange(n, min, max) {
    return isPosBig(n) && isPosBig(min) && isPosBig(max) && min <= n && n < max;
  }
  function aInRange(title, n, min, max) {
    if (!inRange(n, min, max))
      throw new RangeError("expected valid " + title + ": " + min + " <= n < " + max + ", got " + n);
  }
  function bitLen(n) {
    if (n < _0n2)
      throw new Error("expected non-negative bigint, got " + n);
    return n === _0n2 ? 0 : n.toString(2).length;
  }
  function bitGet(n, pos) {
    if (typeof n !== "bigint")
      throw new TypeError('"n" expected bigint, got type=' + typeof n);
    asafenumber(pos, "pos");
    return n >> BigInt(pos) & _1n2;
  }
  var bitMask = (n) => {
    asafenumber(n, "n");
    return (_1n2 << BigInt(n)) - _1n2;
  };
  function validateObject(object, fields2 = {}, optFields = {}, title = "object") {
    aobject2(object, title);
    aobject2(fields2, "fields");
    aobject2(optFields, "optFields");
    function checkField(fieldName, expectedType, isOpt) {
      const label = title === "object" ? `param "${String(fieldName)}"` : `"${title}.${String(fieldName)}"`;
      const val = object[fieldName];
      if (!Object.hasOwn(object, fieldName) && (isOpt ? val !== void 0 : expectedType !== "function")) {
        throw new TypeError(`${label} is invalid: expected own property`);
      }
      if (isOpt && val === void 0)
        return;
      const current = typeof val;
      if (current !== expectedType || val === null)
        throw new TypeError(`${label} is invalid: expected ${expectedType}, got ${current}`);
    }
    const iter = (f, isOpt) => Object.entries(f).forEach(([k, v]) => checkField(k, v, isOpt));
    iter(fields2, false);
    iter(optFields, true);
  }
  var notImplemented = () => {
    throw new Error("not implemented");
  };

  // node_modules/@noble/curves/abstract/modular.js
  /*! noble-curves - MIT License (c) 2022 Paul Miller (paulmillr.com) */
  var _0n3 = /* @__PURE__ */ BigInt(0);
  var _1n3 = /* @__PURE__ */ BigInt(1);
  var _2n2 = /* @__PURE__ */ BigInt(2);
  var _3n = /* @__PURE__ */ BigInt(3);
  var _4n = /* @__PURE__ */ BigInt(4);
  var _5n = /* @__PURE__ */ BigInt(5);
  var _7n2 = /* @__PURE__ */ BigInt(7);
  var _8n = /* @__PURE__ */ BigInt(8);
  var _9n = /* @__PURE__ */ BigInt(9);
  var _15n = /* @__PURE__ */ BigInt(15);
  var _16n = /* @__PURE__ */ BigInt(16);
  var POW_WINDOWED_MIN = /* @__PURE__ */ BigInt("0x10000000000000000");
  function mod(a, b) {
    if (b <= _0n3)
      throw new Error("mod: expected positive modulus, got " + b);
    const result = a % b;
    return result >= _0n3 ? result : b + result;
  }
  function pow(num, power, modulo) {
    if (modulo <= _1n3)
      throw new Error("pow: expected modulus > 1, got " + modulo);
    if (typeof power !== "bigint")
      throw new TypeError("invalid exponent: expected bigint, got " + typeof power);
    if (power < _0n3)
      throw new Error("invalid exponent, negatives unsupported");
    if (power === _0n3)
      return _1n3;
    if (power === _1n3)
      return num;
    let d = num % modulo;
    if (d < _0n3)
      d += modulo;
    if (power < POW_WINDOWED_MIN) {
      let p2 = _1n3;
      while (power > _0n3) {
        if (power & _1n3)
          p2 = p2 * d % modulo;
        d = d * d % modulo;
        power >>= _1n3;
      }
      return p2;
    }
    const digits = [];
    while (power > _0n3) {
      digits.push(Number(power & _15n));
      power >>= _4n;
    }
    const table = new Array(16);
    table[0] = _1n3;
    table[1] = d;
    for (let i = 2; i < 16; i++)
      table[i] = table[i - 1] * d % modulo;
    let p = table[digits[digits.length - 1]];
    for (let w = digits.length - 2; w >= 0; w--) {
      p = p * p % modulo;
      p = p * p % modulo;
      p = p * p % modulo;
      p = p * p % modulo;
      const digit = digits[w];
      if (digit !== 0)
        p = p * table[digit] % modulo;
    }
    return p;
  }
  function invert(number2, modulo) {
    if (number2 === _0n3)
      throw new Error("invert: expected non-zero number");
    if (modulo <= _1n3)
      throw new Error("invert: expected modulus > 1, got " + modulo);
    let a = mod(number2, modulo);
    let b = modulo;
    let x = _0n3, u = _1n3;
    while (a !== _0n3) {
      const q = b / a;
      const r = b - a * q;
      const m = x - u * q;
      b = a, a = r, x = u, u = m;
    }
    const gcd = b;
    if (gcd !== _1n3)
      throw new Error("invert: does not exist");
    return mod(x, modulo);
  }
  function assertIsSquare(Fp4, root, n) {
    const F = Fp4;
    if (!F.eql(F.sqr(root), n))
      throw new Error("Cannot find square root");
  }
  function aoddModulus(order, fnName) {
    if ((order & _1n3) === _0n3)
      throw new Error(fnName + ": expected odd modulus, got " + order);
  }
  function sqrt3mod4(Fp4, n) {
    const F = Fp4;
    const p1div4 = (F.ORDER + _1n3) / _4n;
    const root = F.pow(n, p1div4);
    assertIsSquare(F, root, n);
    return root;
  }
  function sqrt5mod8(Fp4, n) {
    const F = Fp4;
    const p5div8 = (F.ORDER - _5n) / _8n;
    const n2 = F.mul(n, _2n2);
    const v = F.pow(n2, p5div8);
    const nv = F.mul(n, v);
    const i = F.mul(F.mul(nv, _2n2), v);
    const root = F.mul(nv, F.sub(i, F.ONE));
    assertIsSquare(F, root, n);
    return root;
  }
  function sqrt9mod16(P) {
    const Fp_ = Field(P);
    const tn = tonelliShanks(P);
    const c1 = tn(Fp_, Fp_.neg(Fp_.ONE));
    const c2 = tn(Fp_, c1);
    const c3 = tn(Fp_, Fp_.neg(c1));
    const c4 = (P + _7n2) / _16n;
    return ((Fp4, n) => {
      const F = Fp4;
      let tv1 = F.pow(n, c4);
      let tv2 = F.mul(tv1, c1);
      const tv3 = F.mul(tv1, c2);
      const tv4 = F.mul(tv1, c3);
      const e1 = F.eql(F.sqr(tv2), n);
      const e2 = F.eql(F.sqr(tv3), n);
      tv1 = F.cmov(tv1, tv2, e1);
      tv2 = F.cmov(tv4, tv3, e2);
      const e3 = F.eql(F.sqr(tv2), n);
      const root = F.cmov(tv1, tv2, e3);
      assertIsSquare(F, root, n);
      return root;
    });
  }
  function tonelliShanks(P) {
    if (P < _3n)
      throw new Error("sqrt is not defined for small field");
    aoddModulus(P, "tonelliShanks");
    let Q = P - _1n3;
    let S = 0;
    while (Q % _2n2 === _0n3) {
      Q /= _2n2;
      S++;
    }
    let Z = _2n2;
    const _Fp = Field(P);
    while (FpLegendre(_Fp, Z) === 1) {
      if (Z++ > 1e3)
        throw new Error("Cannot find square root: probably non-prime P");
    }
    if (S === 1)
      return sqrt3mod4;
    let cc = _Fp.pow(Z, Q);
    const Q1div2 = (Q + _1n3) / _2n2;
    return function tonelliSlow(Fp4, n) {
      const F = Fp4;
      if (F.is0(n))
        return n;
      if (FpLegendre(F, n) !== 1)
        throw new Error("Cannot find square root");
      let M = S;
      let c = F.mul(F.ONE, cc);
      let t = F.pow(n, Q);
      let R2 = F.pow(n, Q1div2);
      while (!F.eql(t, F.ONE)) {
        if (F.is0(t))
          throw new Error("Cannot find square root: probably non-prime P");
        let i = 1;
        let t_tmp = F.sqr(t);
        while (!F.eql(t_tmp, F.ONE)) {
          i++;
          t_tmp = F.sqr(t_tmp);
          if (i === M)
            throw new Error("Cannot find square root");
        }
        const exponent = _1n3 << BigInt(M - i - 1);
        const b = F.pow(c, exponent);
        M = i;
        c = F.sqr(b);
        t = F.mul(t, c);
        R2 = F.mul(R2, b);
      }
      return R2;
    };
  }
  function FpSqrt(P) {
    aoddModulus(P, "Fp.sqrt");
    if (P % _4n === _3n)
      return sqrt3mod4;
    if (P % _8n === _5n)
      return sqrt5mod8;
    if (P % _16n === _9n)
      return sqrt9mod16(P);
    return tonelliShanks(P);
  }
  var FIELD_FIELDS = [
    "create",
    "isValid",
    "is0",
    "neg",
    "inv",
    "sqrt",
    "sqr",
    "eql",
    "add",
    "sub",
    "mul",
    "pow",
    "div",
    "addN",
    "subN",
    "mulN",
    "sqrN"
  ];
  function validateField(field) {
    aobject2(field, "field");
    if (typeof field.ORDER !== "bigint")
      throw new TypeError('param "ORDER" is invalid: expected bigint, got ' + typeof field.ORDER);
    asafenumber(field.BYTES, "BYTES");
    asafenumber(field.BITS, "BITS");
    for (const name of FIELD_FIELDS)
      afunction(field[name], "field." + name);
    if (field.BYTES < 1 || field.BITS < 1)
      throw new Error("invalid field: expected BYTES/BITS > 0");
    if (field.ORDER <= _1n3)
      throw new Error("invalid field: expected ORDER > 1, got " + field.ORDER);
    return field;
  }
  function FpPow(Fp4, num, power) {
    validateField(Fp4);
    const F = Fp4;
    if (typeof power !== "bigint")
      throw new TypeError("invalid exponent: expected bigint, got " + typeof power);
    if (power < _0n3)
      throw new Error("invalid exponent, negatives unsupported");
    if (power === _0n3)
      return F.ONE;
    if (power === _1n3)
      return num;
    if (power < POW_WINDOWED_MIN) {
      let p2 = F.ONE;
      let d = num;
      while (power > _0n3) {
        if (power & _1n3)
          p2 = F.mul(p2, d);
        d = F.sqr(d);
        power >>= _1n3;
      }
      return p2;
    }
    const digits = [];
    while (power > _0n3) {
      digits.push(Number(power & _15n));
      power >>= _4n;
    }
    const table = new Array(16);
    table[0] = F.ONE;
    table[1] = num;
    for (let i = 2; i < 16; i++)
      table[i] = F.mul(table[i - 1], num);
    let p = table[digits[digits.length - 1]];
    for (let w = digits.length - 2; w >= 0; w--) {
      p = F.sqr(F.sqr(F.sqr(F.sqr(p))));
      const digit = digits[w];
      if (digit !== 0)
        p = F.mul(p, table[digit]);
    }
    return p;
  }
  function FpInvertBatch(Fp4, nums, passZero = false) {
    validateField(Fp4);
    aarray(nums, "nums");
    abool2(passZero, "passZero");
    const F = Fp4;
    const inverted = new Array(nums.length).fill(passZero ? F.ZERO : void 0);
    const multipliedAcc = nums.reduce((acc, num, i) => {
      if (F.is0(num))
        return acc;
      inverted[i] = acc;
      return F.mul(acc, num);
    }, F.ONE);
    const invertedAcc = F.inv(multipliedAcc);
    nums.reduceRight((acc, num, i) => {
      if (F.is0(num))
        return acc;
      inverted[i] = F.mul(acc, inverted[i]);
      return F.mul(acc, num);
    }, invertedAcc);
    return inverted;
  }
  function FpLegendre(Fp4, n) {
    validateField(Fp4);
    const F = Fp4;
    aoddModulus(F.ORDER, "FpLegendre");
    const p1mod2 = (F.ORDER - _1n3) / _2n2;
    const powered = F.pow(n, p1mod2);
    const yes = F.eql(powered, F.ONE);
    const zero = F.eql(powered, F.ZERO);
    const no = F.eql(powered, F.neg(F.ONE));
    if (!yes && !zero && !no)
      throw new Error("invalid Legendre symbol result");
    return yes ? 1 : zero ? 0 : -1;
  }
  function nLength(n, nBitLength) {
    if (nBitLength !== void 0)
      anumber2(nBitLength);
    if (n <= _0n3)
      throw new Error("invalid n length: expected positive n, got " + n);
    if (nBitLength !== void 0 && nBitLength < 1)
      throw new Error("invalid n length: expected positive bit length, got " + nBitLength);
    const bits = bitLen(n);
    if (nBitLength !== void 0 && nBitLength < bits)
      throw new Error(`invalid n length: expected nBitLength (${nBitLength}) >= bitLen(n) (${bits})`);
    const _nBitLength = nBitLength !== void 0 ? nBitLength : bits;
    const nByteLength = Math.ceil(_nBitLength / 8);
    return { nBitLength: _nBitLength, nByteLength };
  }
  var FIELD_SQRT = /* @__PURE__ */ new WeakMap();
  var _Field = class {
    ORDER;
    BITS;
    BYTES;
    isLE;
    ZERO = _0n3;
    ONE = _1n3;
    _lengths;
    _mod;
    constructor(ORDER, opts = {}) {
      if (ORDER <= _1n3)
        throw new Error("invalid field: expected ORDER > 1, got " + ORDER);
      let _nbitLength = void 0;
      this.isLE = false;
      if (opts != null && typeof opts === "object") {
        if (typeof opts.BITS === "number")
          _nbitLength = opts.BITS;
        if (typeof opts.sqrt === "function")
          Object.defineProperty(this, "sqrt", { value: opts.sqrt, enumerable: true });
        if (typeof opts.isLE === "boolean")
          this.isLE = opts.isLE;
        if (opts.allowedLengths)
          this._lengths = Object.freeze(opts.allowedLengths.slice());
        if (typeof opts.modFromBytes === "boolean")
          this._mod = opts.modFromBytes;
      }
      const { nBitLength, nByteLength } = nLength(ORDER, _nbitLength);
      if (nByteLength > 2048)
        throw new Error("invalid field: expected ORDER of <= 2048 bytes");
      this.ORDER = ORDER;
      this.BITS = nBitLength;
      this.BYTES = nByteLength;
      Object.freeze(this);
    }
    create(num) {
      return mod(num, this.ORDER);
    }
    isValid(num) {
      if (typeof num !== "bigint")
        throw new TypeError("invalid field element: expected bigint, got " + typeof num);
      return _0n3 <= num && num < this.ORDER;
    }
    is0(num) {
      return num === _0n3;
    }
    // is valid and invertible
    isValidNot0(num) {
      return !this.is0(num) && this.isValid(num);
    }
    isOdd(num) {
      return (num & _1n3) === _1n3;
    }
    neg(num) {
      return mod(-num, this.ORDER);
    }
    eql(lhs, rhs) {
      return lhs === rhs;
    }
    sqr(num) {
      return mod(num * num, this.ORDER);
    }
    add(lhs, rhs) {
      return mod(lhs + rhs, this.ORDER);
    }
    sub(lhs, rhs) {
      return mod(lhs - rhs, this.ORDER);
    }
    mul(lhs, rhs) {
      return mod(lhs * rhs, this.ORDER);
    }
    pow(num, power) {
      return pow(num, power, this.ORDER);
    }
    div(lhs, rhs) {
      return mod(lhs * invert(rhs, this.ORDER), this.ORDER);
    }
    // Same as above, but doesn't normalize
    sqrN(num) {
      return num * num;
    }
    addN(lhs, rhs) {
      return lhs + rhs;
    }
    subN(lhs, rhs) {
      return lhs - rhs;
    }
    mulN(lhs, rhs) {
      return lhs * rhs;
    }
    inv(num) {
      return invert(num, this.ORDER);
    }
    sqrt(num) {
      let sqrt = FIELD_SQRT.get(this);
      if (!sqrt)
        FIELD_SQRT.set(this, sqrt = FpSqrt(this.ORDER));
      return sqrt(this, num);
    }
    toBytes(num) {
      return this.isLE ? numberToBytesLE(num, this.BYTES) : numberToBytesBE(num, this.BYTES);
    }
    fromBytes(bytes, skipValidation = false) {
      abytes2(bytes);
      const { _lengths: allowedLengths, BYTES, isLE: isLE2, ORDER, _mod: modFromBytes } = this;
      if (allowedLengths) {
        if (bytes.length < 1 || !allowedLengths.includes(bytes.length) || bytes.length > BYTES) {
          throw new Error("Field.fromBytes: expected " + allowedLengths + " bytes, got " + bytes.length);
        }
        const padded3 = new Uint8Array(BYTES);
        padded3.set(bytes, isLE2 ? 0 : padded3.length - bytes.length);
        bytes = padded3;
      }
      if (bytes.length !== BYTES)
        throw new Error("Field.fromBytes: expected " + BYTES + " bytes, got " + bytes.length);
      let scalar = isLE2 ? bytesToNumberLE(bytes) : bytesToNumberBE(bytes);
      if (modFromBytes)
        scalar = mod(scalar, ORDER);
      if (!skipValidation) {
        if (!this.isValid(scalar))
          throw new Error("invalid field element: outside of range 0..ORDER");
      }
      return scalar;
    }
    // TODO: we don't need it here, move out to separate fn
    invertBatch(lst) {
      return FpInvertBatch(this, lst, true);
    }
    // We can't move this out because Fp6, Fp12 implement it
    // and it's unclear what to return in there.
    cmov(a, b, condition) {
      abool2(condition, "condition");
      return condition ? b : a;
    }
  };
  function Field(ORDER, opts = {}) {
    Object.freeze(_Field.prototype);
    return new _Field(ORDER, opts);
  }
  function getFieldBytesLength(fieldOrder) {
    if (typeof fieldOrder !== "bigint")
      throw new Error("field order must be bigint");
    if (fieldOrder <= _1n3)
      throw new Error("field order must be greater than 1");
    const bitLength = bitLen(fieldOrder - _1n3);
    return Math.ceil(bitLength / 8);
  }
  function getMinHashLength(fieldOrder) {
    const length = getFieldBytesLength(fieldOrder);
    return length + Math.ceil(length / 2);
  }
  function mapHashToField(key, fieldOrder, isLE2 = false) {
    abytes2(key);
    const len = key.length;
    const fieldLen = getFieldBytesLength(fieldOrder);
    const minLen = Math.max(getMinHashLength(fieldOrder), 16);
    if (len < minLen || len > 1024)
      throw new Error("expected " + minLen + "-1024 bytes of input, got " + len);
    const num = isLE2 ? bytesToNumberLE(key) : bytesToNumberBE(key);
    const reduced = mod(num, fieldOrder - _1n3) + _1n3;
    return isLE2 ? numberToBytesLE(reduced, fieldLen) : numberToBytesBE(reduced, fieldLen);
  }

  // node_modules/@noble/curves/abstract/curve.js
  /*! noble-curves - MIT License (c) 2022 Paul Miller (paulmillr.com) */
  var _0n4 = /* @__PURE__ */ BigInt(0);
  var _1n4 = /* @__PURE__ */ BigInt(1);
  var _4n2 = /* @__PURE__ */ BigInt(4);
  var BLIND_BYTES = 16;
  var BLIND_BITS = 128;
  var FW_WINDOW = 5;
  var TABLE_BYTES_MAX = /* @__PURE__ */ (() => 2 ** 31)();
  function validatePointCons(Point) {
    const pc = Point;
    if (typeof pc !== "function")
      throw new TypeError('"Point" expected constructor, got type=' + typeof Point);
    afunction(pc.fromAffine, "Point.fromAffine");
    afunction(pc.fromBytes, "Point.fromBytes");
    afunction(pc.fromHex, "Point.fromHex");
    aobject2(pc.BASE, "Point.BASE");
    aobject2(pc.ZERO, "Point.ZERO");
    validateField(pc.Fp);
    validateField(pc.Fn);
  }
  function normalizeZ(c, points2) {
    validatePointCons(c);
    validateMSMPoints(points2, c);
    const invertedZs = FpInvertBatch(c.Fp, points2.map((p) => p.Z));
    return points2.map((p, i) => c.fromAffine(p.toAffine(invertedZs[i])));
  }
  function validateW(W, bits, min = 1) {
    if (!Number.isSafeInteger(W) || W < min || W > bits)
      throw new Error("invalid window size, expected [" + min + ".." + bits + "], got W=" + W);
  }
  function validateTableBytes(numPoints, fpBytes) {
    const bytes = numPoints * (4 * fpBytes + 128);
    if (bytes > TABLE_BYTES_MAX)
      throw new Error("invalid window size: table would need ~" + Math.ceil(bytes / 2 ** 20) + " MiB, max " + TABLE_BYTES_MAX / 2 ** 20 + " MiB");
  }
  function probeRandomBytes(randomBytes3, length) {
    if (randomBytes3 === void 0)
      return void 0;
    afunction(randomBytes3, "randomBytes");
    try {
      const probe = randomBytes3(length);
      if (!isBytes2(probe) || probe.length !== length)
        return void 0;
    } catch {
      return void 0;
    }
    return randomBytes3;
  }
  function validateMSMPoints(points2, c) {
    aarray(points2, "points");
    points2.forEach((p, i) => {
      if (!(p instanceof c))
        throw new Error("invalid point at index " + i);
    });
  }
  function validateMSMScalars(scalars2, field, maxScalar) {
    if (!Array.isArray(scalars2))
      throw new Error("array of scalars expected");
    scalars2.forEach((s, i) => {
      const ok = maxScalar === void 0 ? field.isValid(s) : isPosBig(s) && s < maxScalar;
      if (!ok)
        throw new Error("invalid scalar at index " + i);
    });
  }
  var pointWindowSizes = /* @__PURE__ */ new WeakMap();
  function getWindowSize(P) {
    return pointWindowSizes.get(P) || 1;
  }
  function oddMultiples(p, size) {
    const dbl = p.double();
    const t = [p];
    for (let j = 1; j < size; j++)
      t.push(t[j - 1].add(dbl));
    return t;
  }
  function wnafDigits(n, W) {
    const size = 2 ** W;
    const half = size / 2;
    const mask = BigInt(size - 1);
    const d = [];
    while (n > _0n4) {
      let w = 0;
      if (n & _1n4) {
        w = Number(n & mask);
        if (w >= half)
          w -= size;
        n -= BigInt(w);
      }
      d.push(w);
      n >>= _1n4;
    }
    return d;
  }
  function signedWindowDigits(n, W, windows) {
    const size = 2 ** W;
    const half = size / 2;
    const mask = BigInt(size - 1);
    const shiftBy = BigInt(W);
    const d = [];
    for (let w = 0; w < windows; w++) {
      let v = Number(n & mask);
      n >>= shiftBy;
      if (v > half) {
        v -= size;
        n += _1n4;
      }
      d.push(v);
    }
    if (n !== _0n4)
      throw new Error("invalid wnaf");
    return d;
  }
  function wnafWalk(zero, tables, digits) {
    let max = 0;
    for (const d of digits)
      max = Math.max(max, d.length);
    let acc = zero;
    for (let bit = max - 1; bit >= 0; bit--) {
      if (bit !== max - 1)
        acc = acc.double();
      for (let i = 0; i < digits.length; i++) {
        const w = digits[i][bit];
        if (w) {
          const item = tables[i][Math.abs(w) - 1 >> 1];
          acc = acc.add(w < 0 ? item.negate() : item);
        }
      }
    }
    return acc;
  }
  var ScalarMultiplier = class {
    Point;
    BASE;
    ZERO;
    randomBytes;
    wnafPrecomputes = /* @__PURE__ */ new WeakMap();
    baseCanBeBlinded;
    bits;
    // Parametrized with a given Point class (not individual point)
    constructor(Point, randomBytes3) {
      validatePointCons(Point);
      this.randomBytes = probeRandomBytes(randomBytes3, BLIND_BYTES);
      this.Point = Point;
      this.BASE = Point.BASE;
      this.ZERO = Point.ZERO;
      this.bits = Point.Fn.BITS;
    }
    /**
     * Creates a signed fixed-window wNAF precomputation table: for every window w, the
     * multiples `[1..2^(W−1)]⋅2^(w⋅W)⋅P`, flattened. All doublings are baked into the table,
     * so cached multiplication is additions-only. `windows = ceil(bits/W) + 1`: the extra
     * window absorbs the final carry of signed-digit recoding.
     * For a 256-bit curve and W=6, the table is 44⋅32 = 1408 points.
     * @param point - Point instance
     * @param W - window size
     * @param bits - scalar bitlength the table must cover
     */
    buildWnafTable(point2, W, bits) {
      const windows = Math.ceil(bits / W) + 1;
      const half = 2 ** (W - 1);
      const comp = [];
      let base = point2;
      for (let w = 0; w < windows; w++) {
        let acc = base;
        for (let i = 0; i < half; i++) {
          comp.push(acc);
          acc = acc.add(base);
        }
        base = comp[comp.length - 1].double();
      }
      return { W, bits, windows, comp };
    }
    /**
     * Implements ec multiplication using precomputed signed fixed-window wNAF tables.
     * Constant-time: fixed window count with one table addition per window — zero digits feed
     * the fake accumulator — and no doublings; the lookup scans the whole window slice.
     * Scalar bounds are validated by the public entry points ({@link ScalarMultiplier.mulCT},
     * {@link ScalarMultiplier.mulCTBlinded}, {@link ScalarMultiplier.mulUnsafe});
     * signedWindowDigits throws if `n` exceeds the table.
     * @returns real and fake (for const-time) points
     */
    wnafCachedCT(precomputes, n) {
      const { W, windows, comp } = precomputes;
      const half = 2 ** (W - 1);
      const digits = signedWindowDigits(n, W, windows);
      let p = this.ZERO;
      let f = this.BASE;
      for (let w = 0; w < windows; w++) {
        const digit = digits[w];
        const start2 = w * half;
        const idx = Math.abs(digit) - 1;
        let sel = comp[start2];
        for (let i = 1; i < half; i++)
          sel = i === idx ? comp[start2 + i] : sel;
        const neg = sel.negate();
        if (digit === 0)
          f = f.add(comp[start2]);
        else
          p = p.add(digit < 0 ? neg : sel);
      }
      return { p, f };
    }
    // Cache key is point identity plus (W, bits); at most two entries exist per point (public-width
    // `Fn.BITS` and blinded `Fn.BITS + BLIND_BITS`). Callers must not reuse the same point with
    // incompatible `transform(...)` layouts and expect a separate cache entry.
    getWnafPrecomputes(W, point2, bits, transform) {
      let entries = this.wnafPrecomputes.get(point2);
      let comp = entries?.find((entry) => entry.W === W && entry.bits === bits);
      if (!comp) {
        comp = this.buildWnafTable(point2, W, bits);
        if (typeof transform === "function")
          comp = { ...comp, comp: transform(comp.comp) };
        if (!entries) {
          entries = [];
          this.wnafPrecomputes.set(point2, entries);
        }
        entries.push(comp);
      }
      return comp;
    }
    assertPoint(point2) {
      if (!(point2 instanceof this.Point))
        throw new TypeError('"point" expected Point instance, got type=' + typeof point2);
    }
    // Shared prologue of the constant-time entry points. Rejects scalar 0: in key/signature-style
    // callers a zero scalar means broken upstream plumbing, and concrete Points already reject it.
    // Uses inRange instead of Fn.isValidNot0: validateField() only certifies the arithmetic subset.
    validateMulInput(point2, scalar) {
      this.assertPoint(point2);
      if (!inRange(scalar, _1n4, this.Point.Fn.ORDER))
        throw new Error("invalid scalar");
    }
    // Constant-time dispatch shared by mulCT / mulCTBlinded. Un-precomputed points (W===1, e.g.
    // ECDH peer keys) skip building a throwaway cached table in favor of a small fixed-window
    // multiply. `n` must be < 2^bits.
    runCT(point2, n, bits, transform) {
      const W = getWindowSize(point2);
      if (W === 1)
        return this.fixedWindowCT(point2, n, bits);
      return this.wnafCachedCT(this.getWnafPrecomputes(W, point2, bits, transform), n);
    }
    mulCT(point2, scalar, transform) {
      this.validateMulInput(point2, scalar);
      return this.runCT(point2, scalar, this.bits, transform);
    }
    mulCTBlinded(point2, scalar, transform) {
      this.validateMulInput(point2, scalar);
      if (this.randomBytes === void 0)
        throw new Error("randomBytes is required for scalar blinding");
      const bits = this.Point.Fn.BITS + BLIND_BITS;
      const blind = this.randomBytes(BLIND_BYTES);
      if (!isBytes2(blind) || blind.length !== BLIND_BYTES)
        throw new Error("randomBytes returned invalid byte array");
      blind[0] = blind[0] & 63 | 128;
      const n = scalar + bytesToNumberBE(blind) * this.Point.Fn.ORDER;
      return this.runCT(point2, n, bits, transform);
    }
    /**
     * Constant-time multiplication `n*point` for an un-precomputed point, via a small fixed window.
     * A cached wNAF table only pays off when reused; a flat 2^FW_WINDOW table (`size-1` adds) is
     * far cheaper to build for a single use. The point-operation sequence is independent of `n`:
     * build the table, then per window exactly FW_WINDOW doublings, a data-oblivious scan over
     * every table entry, and one addition (adds the identity when the window digit is 0 — never
     * skipped).
     *
     * `n` must be `< 2^bits`. Assumes complete addition (adding the identity costs the same as any
     * add), which holds for the Weierstrass/Edwards point types used here. The table is left in
     * projective form (no normalizeZ): normalizing this small a table costs more than the
     * mixed-add savings it would buy for a single multiply.
     * @returns real point `p`; `f` duplicates it only to match {@link wnafCachedCT}'s return shape
     * (this path needs no fake accumulator — its op-count is already scalar-independent).
     */
    fixedWindowCT(point2, n, bits) {
      const W = FW_WINDOW;
      const size = 1 << W;
      const mask = bitMask(W);
      const table = new Array(size);
      table[0] = this.ZERO;
      for (let i = 1; i < size; i++)
        table[i] = table[i - 1].add(point2);
      const windows = Math.ceil(bits / W);
      let acc = this.ZERO;
      for (let window2 = windows - 1; window2 >= 0; window2--) {
        if (window2 !== windows - 1)
          for (let d = 0; d < W; d++)
            acc = acc.double();
        const digit = Number(n >> BigInt(window2 * W) & mask);
        let sel = table[0];
        for (let i = 1; i < size; i++)
          sel = i === digit ? table[i] : sel;
        acc = acc.add(sel);
      }
      return { p: acc, f: acc };
    }
    shouldBlind(point2, cofactor) {
      if (this.randomBytes === void 0)
        return false;
      if (cofactor === _1n4)
        return true;
      if (point2 !== this.BASE)
        return false;
      if (this.baseCanBeBlinded === void 0)
        this.baseCanBeBlinded = this.mulUnsafe(this.BASE, this.Point.Fn.ORDER).is0();
      return this.baseCanBeBlinded;
    }
    mulSecret(point2, scalar, cofactor, transform) {
      return this.shouldBlind(point2, cofactor) ? this.mulCTBlinded(point2, scalar, transform) : this.mulCT(point2, scalar, transform);
    }
    mulUnsafe(point2, scalar, transform) {
      this.assertPoint(point2);
      if (!isPosBig(scalar))
        throw new Error("invalid scalar");
      const W = getWindowSize(point2);
      if (W === 1 || scalar >= this.Point.Fn.ORDER)
        return mulAddUnsafe(this.Point, [point2], [scalar], true);
      const precomputes = this.getWnafPrecomputes(W, point2, this.bits, transform);
      return this.wnafCachedCT(precomputes, scalar).p;
    }
    // Remembers the window size used for precomputed wNAF multiplication of the given point
    // and drops any previously built tables. Usually only the base point is precomputed.
    // W=1 resets the point to the un-precomputed (table-less) paths.
    // W is additionally capped so tables stay under ~2 GiB ({@link TABLE_BYTES_MAX}).
    setWindowSize(point2, W) {
      this.assertPoint(point2);
      validateW(W, this.bits);
      const windows = Math.ceil((this.bits + BLIND_BITS) / W) + 1;
      validateTableBytes(windows * 2 ** (W - 1), this.Point.Fp.BYTES);
      pointWindowSizes.set(point2, W);
      this.wnafPrecomputes.delete(point2);
    }
    // True when a window size is set: tables themselves are built lazily on first multiply.
    hasWindowSize(point2) {
      return getWindowSize(point2) !== 1;
    }
  };
  function mulAddUnsafe(c, points2, scalars2, allowOversized = false) {
    validatePointCons(c);
    validateMSMPoints(points2, c);
    abool2(allowOversized, "allowOversized");
    validateMSMScalars(scalars2, c.Fn, allowOversized ? c.Fn.ORDER ** _4n2 : void 0);
    if (points2.length !== scalars2.length)
      throw new Error("arrays of points and scalars must have equal length");
    const tables = points2.map((p) => oddMultiples(p, 4));
    const digits = scalars2.map((n) => wnafDigits(n, 4));
    return wnafWalk(c.ZERO, tables, digits);
  }
  function createField(order, field, isLE2) {
    if (field) {
      if (field.ORDER !== order)
        throw new Error("Field.ORDER must match order: Fp == p, Fn == n");
      validateField(field);
      return field;
    } else {
      return Field(order, { isLE: isLE2 });
    }
  }
  function createCurveFields(type, CURVE, curveOpts = {}, FpFnLE) {
    if (type !== "weierstrass" && type !== "edwards")
      throw new Error('expected curve type "weierstrass" or "edwards"');
    if (FpFnLE === void 0)
      FpFnLE = type === "edwards";
    if (!CURVE || typeof CURVE !== "object")
      throw new Error(`expected valid ${type} CURVE object`);
    validateObject(curveOpts);
    for (const p of ["p", "n", "h"]) {
      const val = CURVE[p];
      if (!(isPosBig(val) && val !== _0n4))
        throw new Error(`CURVE.${p} must be positive bigint`);
    }
    const Fp4 = createField(CURVE.p, curveOpts.Fp, FpFnLE);
    const Fn = createField(CURVE.n, curveOpts.Fn, FpFnLE);
    const _b = type === "weierstrass" ? "b" : "d";
    const params = ["Gx", "Gy", "a", _b];
    for (const p of params) {
      if (!Fp4.isValid(CURVE[p]))
        throw new Error(`CURVE.${p} must be valid field element of CURVE.Fp`);
    }
    CURVE = Object.freeze(Object.assign({}, CURVE));
    return { CURVE, Fp: Fp4, Fn };
  }

  // node_modules/@noble/curves/abstract/weierstrass.js
  /*! noble-curves - MIT License (c) 2022 Paul Miller (paulmillr.com) */
  var divNearest = (num, den) => (num + (num >= 0 ? den : -den) / _2n3) / den;
  function _splitEndoScalar(k, basis, n) {
    aInRange("scalar", k, _0n5, n);
    const [[a1, b1], [a2, b2]] = basis;
    const c1 = divNearest(b2 * k, n);
    const c2 = divNearest(-b1 * k, n);
    let k1 = k - c1 * a1 - c2 * a2;
    let k2 = -c1 * b1 - c2 * b2;
    const k1neg = k1 < _0n5;
    const k2neg = k2 < _0n5;
    if (k1neg)
      k1 = -k1;
    if (k2neg)
      k2 = -k2;
    const MAX_NUM = bitMask(Math.ceil(bitLen(n) / 2)) + _1n5;
    if (k1 < _0n5 || k1 >= MAX_NUM || k2 < _0n5 || k2 >= MAX_NUM) {
      throw new Error("splitScalar (endomorphism): failed for k");
    }
    return { k1neg, k1, k2neg, k2 };
  }
  var _0n5 = /* @__PURE__ */ BigInt(0);
  var _1n5 = /* @__PURE__ */ BigInt(1);
  var _2n3 = /* @__PURE__ */ BigInt(2);
  var _3n2 = /* @__PURE__ */ BigInt(3);
  var _4n3 = /* @__PURE__ */ BigInt(4);
  function weierstrass(params, extraOpts = {}) {
    const validated = createCurveFields("weierstrass", params, extraOpts);
    const Fp4 = validated.Fp;
    const Fn = validated.Fn;
    let CURVE = validated.CURVE;
    const { h: cofactor, n: CURVE_ORDER } = CURVE;
    validateObject(extraOpts, {}, {
      allowInfinityPoint: "boolean",
      clearCofactor: "function",
      isTorsionFree: "function",
      fromBytes: "function",
      toBytes: "function",
      endo: "object",
      randomBytes: "function"
    });
    const { endo: endoOpts, allowInfinityPoint, clearCofactor, isTorsionFree, fromBytes, toBytes } = extraOpts;
    const randomBytes3 = extraOpts.randomBytes === void 0 ? randomBytes2 : extraOpts.randomBytes;
    if (endoOpts) {
      if (!Fp4.is0(CURVE.a) || typeof endoOpts.beta !== "bigint" || !Array.isArray(endoOpts.basises)) {
        throw new Error('invalid endo: expected "beta": bigint and "basises": array');
      }
    }
    const endo = endoOpts ? {
      beta: endoOpts.beta,
      basises: endoOpts.basises.map((basis) => [...basis])
    } : void 0;
    const lengths = getWLengths(Fp4, Fn);
    function assertCompressionIsSupported() {
      if (!Fp4.isOdd)
        throw new Error("compression is not supported: Field does not have .isOdd()");
    }
    function pointToBytes(_c, point2, isCompressed) {
      if (point2.is0()) {
        if (!allowInfinityPoint)
          throw new Error("bad point: ZERO");
        return Uint8Array.of(0);
      }
      const { x, y } = point2.toAffine();
      const bx = Fp4.toBytes(x);
      abool2(isCompressed, "isCompressed");
      if (isCompressed) {
        assertCompressionIsSupported();
        const hasEvenY = !Fp4.isOdd(y);
        return concatBytes2(pprefix(hasEvenY), bx);
      } else {
        return concatBytes2(Uint8Array.of(4), bx, Fp4.toBytes(y));
      }
    }
    function pointFromBytes(bytes) {
      abytes2(bytes, void 0, "Point");
      const { publicKey: comp, publicKeyUncompressed: uncomp } = lengths;
      const length = bytes.length;
      const head = bytes[0];
      const tail = bytes.subarray(1);
      if (allowInfinityPoint && length === 1 && head === 0)
        return { x: Fp4.ZERO, y: Fp4.ZERO };
      if (length === comp && (head === 2 || head === 3)) {
        const x = Fp4.fromBytes(tail);
        if (!Fp4.isValid(x))
          throw new Error("bad point: is not on curve, wrong x");
        const y2 = weierstrassEquation(x);
        let y;
        try {
          y = Fp4.sqrt(y2);
        } catch (sqrtError) {
          const err = sqrtError instanceof Error ? ": " + sqrtError.message : "";
          throw new Error("bad point: is not on curve, sqrt error" + err);
        }
        assertCompressionIsSupported();
        const evenY = Fp4.isOdd(y);
        const evenH = (head & 1) === 1;
        if (evenH !== evenY)
          y = Fp4.neg(y);
        return { x, y };
      } else if (length === uncomp && head === 4) {
        const L = Fp4.BYTES;
        const x = Fp4.fromBytes(tail.subarray(0, L));
        const y = Fp4.fromBytes(tail.subarray(L, L * 2));
        if (!isValidXY(x, y))
          throw new Error("bad point: is not on curve");
        return { x, y };
      } else {
        throw new Error(`bad point: got length ${length}, expected compressed=${comp} or uncompressed=${uncomp}`);
      }
    }
    const encodePoint = toBytes === void 0 ? pointToBytes : toBytes;
    const decodePoint = fromBytes === void 0 ? pointFromBytes : fromBytes;
    const b3 = Fp4.mul(CURVE.b, _3n2);
    const mulA = Fp4.is0(CURVE.a) ? (_) => Fp4.ZERO : (x) => Fp4.mul(CURVE.a, x);
    function weierstrassEquation(x) {
      const x2 = Fp4.sqr(x);
      const x3 = Fp4.mul(x2, x);
      return Fp4.add(Fp4.add(x3, Fp4.mul(x, CURVE.a)), CURVE.b);
    }
    function isValidXY(x, y) {
      const left = Fp4.sqr(y);
      const right = weierstrassEquation(x);
      return Fp4.eql(left, right);
    }
    if (!isValidXY(CURVE.Gx, CURVE.Gy))
      throw new Error("bad curve params: generator point");
    const _4a3 = Fp4.mul(Fp4.pow(CURVE.a, _3n2), _4n3);
    const _27b2 = Fp4.mul(Fp4.sqr(CURVE.b), BigInt(27));
    if (Fp4.is0(Fp4.add(_4a3, _27b2)))
      throw new Error("bad curve params: a or b");
    function acoord(title, n, banZero = false) {
      if (!Fp4.isValid(n) || banZero && Fp4.is0(n))
        throw new Error(`bad point coordinate ${title}`);
      return typeof n === "object" && n !== null ? Fp4.create(n) : n;
    }
    function aprjpoint(other) {
      if (!(other instanceof Point))
        throw new Error("Weierstrass Point expected");
    }
    function splitEndoScalarN(k) {
      if (!endo || !endo.basises)
        throw new Error("no endo");
      return _splitEndoScalar(k, endo.basises, Fn.ORDER);
    }
    function pushWnafPair(points2, scalars2, p, k) {
      if (!Fn.isValid(k))
        throw new RangeError("invalid scalar: out of range");
      if (endo) {
        const { k1neg, k1, k2neg, k2 } = splitEndoScalarN(k);
        const psi2 = new Point(Fp4.mul(p.X, endo.beta), p.Y, p.Z);
        points2.push(k1neg ? p.negate() : p, k2neg ? psi2.negate() : psi2);
        scalars2.push(k1, k2);
      } else {
        points2.push(p);
        scalars2.push(k);
      }
    }
    const validityCache = /* @__PURE__ */ new WeakSet();
    class Point {
      static BASE = new Point(CURVE.Gx, CURVE.Gy, Fp4.ONE);
      static ZERO = new Point(Fp4.ZERO, Fp4.ONE, Fp4.ZERO);
      static Fp = Fp4;
      static Fn = Fn;
      X;
      Y;
      Z;
      /** Does NOT validate if the point is valid. Use `.assertValidity()`. */
      constructor(X, Y, Z) {
        this.X = acoord("x", X);
        this.Y = acoord("y", Y, true);
        this.Z = acoord("z", Z);
        Object.freeze(this);
      }
      static CURVE() {
        return CURVE;
      }
      /** Does NOT validate if the point is valid. Use `.assertValidity()`. */
      static fromAffine(p) {
        const { x, y } = p || {};
        if (!p || !Fp4.isValid(x) || !Fp4.isValid(y))
          throw new Error("invalid affine point");
        if (p instanceof Point)
          throw new Error("projective point not allowed");
        if (Fp4.is0(x) && Fp4.is0(y))
          return Point.ZERO;
        return new Point(x, y, Fp4.ONE);
      }
      static fromBytes(bytes) {
        const P = Point.fromAffine(decodePoint(abytes2(bytes, void 0, "point")));
        P.assertValidity();
        return P;
      }
      static fromHex(hex) {
        return Point.fromBytes(hexToBytes2(hex));
      }
      get x() {
        return this.toAffine().x;
      }
      get y() {
        return this.toAffine().y;
      }
      /**
       * @param isLazy - true will defer table computation until the first multiplication
       */
      precompute(windowSize = 6, isLazy = true) {
        wnaf.setWindowSize(this, windowSize);
        if (!isLazy)
          this.multiply(_3n2);
        return this;
      }
      // TODO: return `this`
      /** A point on curve is valid if it conforms to equation. */
      assertValidity() {
        const p = this;
        if (p.is0()) {
          if (allowInfinityPoint && Fp4.is0(p.X) && Fp4.eql(p.Y, Fp4.ONE) && Fp4.is0(p.Z))
            return;
          throw new Error("bad point: ZERO");
        }
        if (validityCache.has(p))
          return;
        const { x, y } = p.toAffine();
        if (!Fp4.isValid(x) || !Fp4.isValid(y))
          throw new Error("bad point: x or y not field elements");
        if (!isValidXY(x, y))
          throw new Error("bad point: equation left != right");
        if (!p.isTorsionFree())
          throw new Error("bad point: not in prime-order subgroup");
        validityCache.add(p);
      }
      hasEvenY() {
        const { y } = this.toAffine();
        if (!Fp4.isOdd)
          throw new Error("Field doesn't support isOdd");
        return !Fp4.isOdd(y);
      }
      /** Compare one point to another. */
      equals(other) {
        aprjpoint(other);
        const { X: X1, Y: Y1, Z: Z1 } = this;
        const { X: X2, Y: Y2, Z: Z2 } = other;
        const U1 = Fp4.eql(Fp4.mul(X1, Z2), Fp4.mul(X2, Z1));
        const U2 = Fp4.eql(Fp4.mul(Y1, Z2), Fp4.mul(Y2, Z1));
        return U1 && U2;
      }
      /** Flips point to one corresponding to (x, -y) in Affine coordinates. */
      negate() {
        return new Point(this.X, Fp4.neg(this.Y), this.Z);
      }
      // Renes-Costello-Batina exception-free doubling formula.
      // There is 30% faster Jacobian formula, but it is not complete.
      // https://eprint.iacr.org/2015/1060, algorithm 3
      // Cost: 8M + 3S + 3*a + 2*b3 + 15add.
      double() {
        const { X: X1, Y: Y1, Z: Z1 } = this;
        let X3 = Fp4.ZERO, Y3 = Fp4.ZERO, Z3 = Fp4.ZERO;
        let t0 = Fp4.mul(X1, X1);
        let t1 = Fp4.mul(Y1, Y1);
        let t2 = Fp4.mul(Z1, Z1);
        let t3 = Fp4.mul(X1, Y1);
        t3 = Fp4.add(t3, t3);
        Z3 = Fp4.mul(X1, Z1);
        Z3 = Fp4.add(Z3, Z3);
        X3 = mulA(Z3);
        Y3 = Fp4.mul(b3, t2);
        Y3 = Fp4.add(X3, Y3);
        X3 = Fp4.sub(t1, Y3);
        Y3 = Fp4.add(t1, Y3);
        Y3 = Fp4.mul(X3, Y3);
        X3 = Fp4.mul(t3, X3);
        Z3 = Fp4.mul(b3, Z3);
        t2 = mulA(t2);
        t3 = Fp4.sub(t0, t2);
        t3 = mulA(t3);
        t3 = Fp4.add(t3, Z3);
        Z3 = Fp4.add(t0, t0);
        t0 = Fp4.add(Z3, t0);
        t0 = Fp4.add(t0, t2);
        t0 = Fp4.mul(t0, t3);
        Y3 = Fp4.add(Y3, t0);
        t2 = Fp4.mul(Y1, Z1);
        t2 = Fp4.add(t2, t2);
        t0 = Fp4.mul(t2, t3);
        X3 = Fp4.sub(X3, t0);
        Z3 = Fp4.mul(t2, t1);
        Z3 = Fp4.add(Z3, Z3);
        Z3 = Fp4.add(Z3, Z3);
        return new Point(X3, Y3, Z3);
      }
      // Renes-Costello-Batina exception-free addition formula.
      // There is 30% faster Jacobian formula, but it is not complete.
      // https://eprint.iacr.org/2015/1060, algorithm 1
      // Cost: 12M + 0S + 3*a + 3*b3 + 23add.
      add(other) {
        aprjpoint(other);
        const { X: X1, Y: Y1, Z: Z1 } = this;
        const { X: X2, Y: Y2, Z: Z2 } = other;
        let X3 = Fp4.ZERO, Y3 = Fp4.ZERO, Z3 = Fp4.ZERO;
        let t0 = Fp4.mul(X1, X2);
        let t1 = Fp4.mul(Y1, Y2);
        let t2 = Fp4.mul(Z1, Z2);
        let t3 = Fp4.add(X1, Y1);
        let t4 = Fp4.add(X2, Y2);
        t3 = Fp4.mul(t3, t4);
        t4 = Fp4.add(t0, t1);
        t3 = Fp4.sub(t3, t4);
        t4 = Fp4.add(X1, Z1);
        let t5 = Fp4.add(X2, Z2);
        t4 = Fp4.mul(t4, t5);
        t5 = Fp4.add(t0, t2);
        t4 = Fp4.sub(t4, t5);
        t5 = Fp4.add(Y1, Z1);
        X3 = Fp4.add(Y2, Z2);
        t5 = Fp4.mul(t5, X3);
        X3 = Fp4.add(t1, t2);
        t5 = Fp4.sub(t5, X3);
        Z3 = mulA(t4);
        X3 = Fp4.mul(b3, t2);
        Z3 = Fp4.add(X3, Z3);
        X3 = Fp4.sub(t1, Z3);
        Z3 = Fp4.add(t1, Z3);
        Y3 = Fp4.mul(X3, Z3);
        t1 = Fp4.add(t0, t0);
        t1 = Fp4.add(t1, t0);
        t2 = mulA(t2);
        t4 = Fp4.mul(b3, t4);
        t1 = Fp4.add(t1, t2);
        t2 = Fp4.sub(t0, t2);
        t2 = mulA(t2);
        t4 = Fp4.add(t4, t2);
        t0 = Fp4.mul(t1, t4);
        Y3 = Fp4.add(Y3, t0);
        t0 = Fp4.mul(t5, t4);
        X3 = Fp4.mul(t3, X3);
        X3 = Fp4.sub(X3, t0);
        t0 = Fp4.mul(t3, t1);
        Z3 = Fp4.mul(t5, Z3);
        Z3 = Fp4.add(Z3, t0);
        return new Point(X3, Y3, Z3);
      }
      subtract(other) {
        aprjpoint(other);
        return this.add(other.negate());
      }
      is0() {
        return this.equals(Point.ZERO);
      }
      /**
       * Constant time multiplication.
       * Uses precomputed tables (signed fixed-window wNAF) when available.
       * Uses scalar blinding and avoids endomorphism splitting in the secret-scalar path.
       * @param scalar - by which the point would be multiplied
       * @returns New point
       */
      multiply(scalar) {
        if (!Fn.isValidNot0(scalar))
          throw new RangeError("invalid scalar: out of range");
        const { p, f } = wnaf.mulSecret(this, scalar, cofactor, normalize);
        return normalize([p, f])[0];
      }
      /**
       * Non-constant-time multiplication. Uses width-4 wNAF with GLV endomorphism splitting
       * when available (two half-width scalars sharing one halved doubling chain).
       * It's faster, but should only be used when you don't care about
       * an exposed secret key e.g. sig verification, which works over *public* keys.
       */
      multiplyUnsafe(scalar) {
        const p = this;
        const sc = scalar;
        if (!Fn.isValid(sc))
          throw new RangeError("invalid scalar: out of range");
        if (sc === _0n5 || p.is0())
          return Point.ZERO;
        if (sc === _1n5)
          return p;
        if (wnaf.hasWindowSize(this))
          return wnaf.mulUnsafe(p, sc, normalize);
        const points2 = [];
        const scalars2 = [];
        pushWnafPair(points2, scalars2, p, sc);
        return mulAddUnsafe(Point, points2, scalars2);
      }
      /**
       * Non-constant-time double-scalar multiplication `a⋅this + b⋅other` (Strauss–Shamir).
       * Both walks share one doubling chain via {@link mulAddUnsafe}, and GLV endomorphism
       * (when available) halves the chain again by splitting each scalar into two half-width
       * parts. Used by ECDSA verification and public-key recovery for `R = u1⋅G + u2⋅P`.
       * Only for public scalars.
       */
      mulAddUnsafe(a, other, b) {
        aprjpoint(other);
        const points2 = [];
        const scalars2 = [];
        pushWnafPair(points2, scalars2, this, a);
        pushWnafPair(points2, scalars2, other, b);
        return mulAddUnsafe(Point, points2, scalars2);
      }
      /**
       * Converts Projective point to affine (x, y) coordinates.
       * (X, Y, Z) ∋ (x=X/Z, y=Y/Z).
       * @param invertedZ - Z^-1 (inverted zero) - optional, precomputation is useful for invertBatch
       */
      toAffine(invertedZ) {
        const p = this;
        let iz = invertedZ;
        if (iz != null && !Fp4.isValid(iz))
          throw new RangeError('"invertedZ" expected valid field element');
        const { X, Y, Z } = p;
        if (Fp4.eql(Z, Fp4.ONE))
          return { x: X, y: Y };
        const is0 = p.is0();
        if (iz == null)
          iz = is0 ? Fp4.ONE : Fp4.inv(Z);
        const x = Fp4.mul(X, iz);
        const y = Fp4.mul(Y, iz);
        const zz = Fp4.mul(Z, iz);
        if (is0)
          return { x: Fp4.ZERO, y: Fp4.ZERO };
        if (!Fp4.eql(zz, Fp4.ONE))
          throw new Error("invZ was invalid");
        return { x, y };
      }
      /**
       * Checks whether Point is free of torsion elements (is in prime subgroup).
       * Always torsion-free for cofactor=1 curves.
       */
      isTorsionFree() {
        if (cofactor === _1n5)
          return true;
        if (isTorsionFree)
          return isTorsionFree(Point, this);
        return wnaf.mulUnsafe(this, CURVE_ORDER).is0();
      }
      clearCofactor() {
        if (cofactor === _1n5)
          return this;
        if (clearCofactor)
          return clearCofactor(Point, this);
        return this.multiplyUnsafe(cofactor);
      }
      isSmallOrder() {
        if (cofactor === _1n5)
          return this.is0();
        return this.clearCofactor().is0();
      }
      toBytes(isCompressed = true) {
        abool2(isCompressed, "isCompressed");
        this.assertValidity();
        return encodePoint(Point, this, isCompressed);
      }
      toHex(isCompressed = true) {
        return bytesToHex2(this.toBytes(isCompressed));
      }
      toString() {
        return `<Point ${this.is0() ? "ZERO" : this.toHex()}>`;
      }
    }
    const normalize = (points2) => normalizeZ(Point, points2);
    const wnaf = new ScalarMultiplier(Point, randomBytes3);
    if (wnaf.bits >= 6)
      Point.BASE.precompute(6);
    Object.freeze(Point.prototype);
    Object.freeze(Point);
    return Point;
  }
  function pprefix(hasEvenY) {
    return Uint8Array.of(hasEvenY ? 2 : 3);
  }
  function getWLengths(Fp4, Fn) {
    return {
      secretKey: Fn.BYTES,
      publicKey: 1 + Fp4.BYTES,
      publicKeyUncompressed: 1 + 2 * Fp4.BYTES,
      publicKeyHasPrefix: true,
      // Raw compact `(r || s)` signature width; DER and recovered signatures use
      // different lengths outside this helper.
      signature: 2 * Fn.BYTES
    };
  }

  // node_modules/@noble/curves/abstract/bls.js
  /*! noble-curves - MIT License (c) 2022 Paul Miller (paulmillr.com) */
  var _0n6 = BigInt(0);
  var _1n6 = BigInt(1);
  var _2n4 = BigInt(2);
  var _3n3 = BigInt(3);
  function NAfDecomposition(a) {
    const res = [];
    for (; a > _1n6; a >>= _1n6) {
      if ((a & _1n6) === _0n6)
        res.unshift(0);
      else if ((a & _3n3) === _3n3) {
        res.unshift(-1);
        a += _1n6;
      } else
        res.unshift(1);
    }
    return res;
  }
  function createBlsPairing(fields2, G12, G22, params) {
    validateObject(fields2, { Fp: "object", Fr: "object", Fp2: "object", Fp12: "object" }, { Fp6: "object" }, "fields");
    if (typeof G12 !== "function")
      throw new TypeError('"G1_Point" expected point constructor, got type=' + typeof G12);
    if (typeof G22 !== "function")
      throw new TypeError('"G2_Point" expected point constructor, got type=' + typeof G22);
    validateObject(params, { ateLoopSize: "bigint", xNegative: "boolean", twistType: "string" }, { randomBytes: "function", postPrecompute: "function" }, "params");
    const { Fp: Fp4, Fr, Fp2: Fp23, Fp12: Fp123 } = fields2;
    const { twistType, ateLoopSize, xNegative, postPrecompute } = params;
    const fp2 = (c0, c1) => ({ c0, c1 });
    const fp2f = ({ c0, c1 }) => Object.freeze({ c0, c1 });
    const add2 = (a, b) => fp2(Fp4.add(a.c0, b.c0), Fp4.add(a.c1, b.c1));
    const sub2 = (a, b) => fp2(Fp4.sub(a.c0, b.c0), Fp4.sub(a.c1, b.c1));
    const mul2 = (a, b) => {
      const t0 = Fp4.mul(a.c0, b.c0);
      const t1 = Fp4.mul(a.c1, b.c1);
      return fp2(Fp4.sub(t0, t1), Fp4.sub(Fp4.mul(Fp4.add(a.c0, a.c1), Fp4.add(b.c0, b.c1)), Fp4.add(t0, t1)));
    };
    const mul2ByFp = (a, rhs) => fp2(Fp4.mul(a.c0, rhs), Fp4.mul(a.c1, rhs));
    const mul2ByNonresidue = (a) => Fp23.mulByNonresidue(a);
    const mul014ByLine = ({ c0: f0, c1: f1 }, o0, l1, l4, Px, Py) => {
      const o1 = mul2ByFp(l1, Px);
      const o4 = mul2ByFp(l4, Py);
      const { c0: a0, c1: a1, c2: a2 } = f0;
      const { c0: b0, c1: b1, c2: b2 } = f1;
      const t0_0 = mul2(a0, o0);
      const t0_1 = mul2(a1, o1);
      const t0_c0 = add2(mul2ByNonresidue(sub2(mul2(add2(a1, a2), o1), t0_1)), t0_0);
      const t0_c1 = sub2(sub2(mul2(add2(o0, o1), add2(a0, a1)), t0_0), t0_1);
      const t0_c2 = add2(sub2(mul2(add2(a0, a2), o0), t0_0), t0_1);
      const t1_c0 = mul2ByNonresidue(mul2(b2, o4));
      const t1_c1 = mul2(b0, o4);
      const t1_c2 = mul2(b1, o4);
      const s0 = add2(a0, b0);
      const s1 = add2(a1, b1);
      const s2 = add2(a2, b2);
      const o14 = add2(o1, o4);
      const t2_0 = mul2(s0, o0);
      const t2_1 = mul2(s1, o14);
      const t2_c0 = add2(mul2ByNonresidue(sub2(mul2(add2(s1, s2), o14), t2_1)), t2_0);
      const t2_c1 = sub2(sub2(mul2(add2(o0, o14), add2(s0, s1)), t2_0), t2_1);
      const t2_c2 = add2(sub2(mul2(add2(s0, s2), o0), t2_0), t2_1);
      return Object.freeze({
        c0: Object.freeze({
          c0: fp2f(add2(mul2ByNonresidue(t1_c2), t0_c0)),
          c1: fp2f(add2(t1_c0, t0_c1)),
          c2: fp2f(add2(t1_c1, t0_c2))
        }),
        c1: Object.freeze({
          c0: fp2f(sub2(sub2(t2_c0, t0_c0), t1_c0)),
          c1: fp2f(sub2(sub2(t2_c1, t0_c1), t1_c1)),
          c2: fp2f(sub2(sub2(t2_c2, t0_c2), t1_c2))
        })
      });
    };
    const mul034ByLine = ({ c0: f0, c1: f1 }, l0, l3, o4, Px, Py) => {
      const o0 = mul2ByFp(l0, Py);
      const o3 = mul2ByFp(l3, Px);
      const { c0: a0, c1: a1, c2: a2 } = f0;
      const { c0: b0, c1: b1, c2: b2 } = f1;
      const a_c0 = mul2(a0, o0);
      const a_c1 = mul2(a1, o0);
      const a_c2 = mul2(a2, o0);
      const b0m = mul2(b0, o3);
      const b1m = mul2(b1, o4);
      const b_c0 = add2(mul2ByNonresidue(sub2(mul2(add2(b1, b2), o4), b1m)), b0m);
      const b_c1 = sub2(sub2(mul2(add2(o3, o4), add2(b0, b1)), b0m), b1m);
      const b_c2 = add2(sub2(mul2(add2(b0, b2), o3), b0m), b1m);
      const s0 = add2(a0, b0);
      const s1 = add2(a1, b1);
      const s2 = add2(a2, b2);
      const o03 = add2(o0, o3);
      const e0m = mul2(s0, o03);
      const e1m = mul2(s1, o4);
      const e_c0 = add2(mul2ByNonresidue(sub2(mul2(add2(s1, s2), o4), e1m)), e0m);
      const e_c1 = sub2(sub2(mul2(add2(o03, o4), add2(s0, s1)), e0m), e1m);
      const e_c2 = add2(sub2(mul2(add2(s0, s2), o03), e0m), e1m);
      return Object.freeze({
        c0: Object.freeze({
          c0: fp2f(add2(mul2ByNonresidue(b_c2), a_c0)),
          c1: fp2f(add2(b_c0, a_c1)),
          c2: fp2f(add2(b_c1, a_c2))
        }),
        c1: Object.freeze({
          c0: fp2f(sub2(sub2(e_c0, a_c0), b_c0)),
          c1: fp2f(sub2(sub2(e_c1, a_c1), b_c1)),
          c2: fp2f(sub2(sub2(e_c2, a_c2), b_c2))
        })
      });
    };
    let lineFunction;
    if (twistType === "multiplicative") {
      lineFunction = (c0, c1, c2, f, Px, Py) => mul014ByLine(f, c0, c1, c2, Px, Py);
    } else if (twistType === "divisive") {
      lineFunction = (c0, c1, c2, f, Px, Py) => mul034ByLine(f, c2, c1, c0, Px, Py);
    } else
      throw new Error("bls: unknown twist type");
    const Fp2div2 = Fp23.div(Fp23.ONE, Fp23.mul(Fp23.ONE, _2n4));
    function pointDouble(ell, Rx, Ry, Rz) {
      const t0 = Fp23.sqr(Ry);
      const t1 = Fp23.sqr(Rz);
      const t2 = Fp23.mulByB(Fp23.mul(t1, _3n3));
      const t3 = Fp23.mul(t2, _3n3);
      const t4 = Fp23.sub(Fp23.sub(Fp23.sqr(Fp23.add(Ry, Rz)), t1), t0);
      const c0 = Fp23.sub(t2, t0);
      const c1 = Fp23.mul(Fp23.sqr(Rx), _3n3);
      const c2 = Fp23.neg(t4);
      ell.push([c0, c1, c2]);
      Rx = Fp23.mul(Fp23.mul(Fp23.mul(Fp23.sub(t0, t3), Rx), Ry), Fp2div2);
      Ry = Fp23.sub(Fp23.sqr(Fp23.mul(Fp23.add(t0, t3), Fp2div2)), Fp23.mul(Fp23.sqr(t2), _3n3));
      Rz = Fp23.mul(t0, t4);
      return { Rx, Ry, Rz };
    }
    function pointAdd(ell, Rx, Ry, Rz, Qx, Qy) {
      const t0 = Fp23.sub(Ry, Fp23.mul(Qy, Rz));
      const t1 = Fp23.sub(Rx, Fp23.mul(Qx, Rz));
      const c0 = Fp23.sub(Fp23.mul(t0, Qx), Fp23.mul(t1, Qy));
      const c1 = Fp23.neg(t0);
      const c2 = t1;
      ell.push([c0, c1, c2]);
      const t2 = Fp23.sqr(t1);
      const t3 = Fp23.mul(t2, t1);
      const t4 = Fp23.mul(t2, Rx);
      const t5 = Fp23.add(Fp23.sub(t3, Fp23.mul(t4, _2n4)), Fp23.mul(Fp23.sqr(t0), Rz));
      Rx = Fp23.mul(t1, t5);
      Ry = Fp23.sub(Fp23.mul(Fp23.sub(t4, t5), t0), Fp23.mul(t3, Ry));
      Rz = Fp23.mul(Rz, t3);
      return { Rx, Ry, Rz };
    }
    const ATE_NAF = NAfDecomposition(ateLoopSize);
    const calcPairingPrecomputes = (point2) => {
      if (!(point2 instanceof G22))
        throw new TypeError('"point" expected G2 point, got type=' + typeof point2);
      const p = point2;
      const { x, y } = p.toAffine();
      const Qx = x, Qy = y, negQy = Fp23.neg(y);
      let Rx = Qx, Ry = Qy, Rz = Fp23.ONE;
      const ell = [];
      for (const bit of ATE_NAF) {
        const cur = [];
        ({ Rx, Ry, Rz } = pointDouble(cur, Rx, Ry, Rz));
        if (bit)
          ({ Rx, Ry, Rz } = pointAdd(cur, Rx, Ry, Rz, Qx, bit === -1 ? negQy : Qy));
        ell.push(cur);
      }
      if (postPrecompute) {
        const last = ell[ell.length - 1];
        postPrecompute(Rx, Ry, Rz, Qx, Qy, pointAdd.bind(null, last));
      }
      return ell;
    };
    function millerLoopBatch(pairs, withFinalExponent = false) {
      aarray(pairs, "pairs", (pair, title) => {
        aarray(pair, title);
        if (pair.length !== 3)
          throw new TypeError(`"${title}" expected precompute tuple`);
        aarray(pair[0], title + "[0]");
      });
      let f12 = Fp123.ONE;
      if (pairs.length) {
        const ellLen = pairs[0][0].length;
        for (let i = 0; i < ellLen; i++) {
          if (i !== 0)
            f12 = Fp123.sqr(f12);
          for (const [ell, Px, Py] of pairs) {
            for (const [c0, c1, c2] of ell[i])
              f12 = lineFunction(c0, c1, c2, f12, Px, Py);
          }
        }
      }
      if (xNegative)
        f12 = Fp123.conjugate(f12);
      return withFinalExponent ? Fp123.finalExponentiate(f12) : f12;
    }
    function pairingBatch(pairs, withFinalExponent = true) {
      aarray(pairs, "pairs");
      const res = [];
      for (let i = 0; i < pairs.length; i++) {
        const pair = pairs[i];
        validateObject(pair, { g1: "object", g2: "object" }, {}, "pairs[" + i + "]");
        const { g1, g2 } = pair;
        if (!(g1 instanceof G12))
          throw new TypeError('"pairs[' + i + '].g1" expected G1 point, got type=' + typeof g1);
        if (!(g2 instanceof G22))
          throw new TypeError('"pairs[' + i + '].g2" expected G2 point, got type=' + typeof g2);
        if (g1.is0() || g2.is0())
          throw new Error("pairing is not available for ZERO point");
        g1.assertValidity();
        g2.assertValidity();
        const Qa = g1.toAffine();
        res.push([calcPairingPrecomputes(g2), Qa.x, Qa.y]);
      }
      return millerLoopBatch(res, withFinalExponent);
    }
    function pairing(Q, P, withFinalExponent = true) {
      if (!(Q instanceof G12))
        throw new TypeError('"Q" expected G1 point, got type=' + typeof Q);
      if (!(P instanceof G22))
        throw new TypeError('"P" expected G2 point, got type=' + typeof P);
      return pairingBatch([{ g1: Q, g2: P }], withFinalExponent);
    }
    const lengths = {
      seed: getMinHashLength(Fr.ORDER)
    };
    const rand = params.randomBytes === void 0 ? randomBytes2 : params.randomBytes;
    const randomSecretKey = (seed) => {
      seed = seed === void 0 ? rand(lengths.seed) : seed;
      abytes2(seed, lengths.seed, "seed");
      return mapHashToField(seed, Fr.ORDER);
    };
    Object.freeze(lengths);
    return {
      lengths,
      Fr,
      Fp12: Fp123,
      // NOTE: we re-export Fp12 here because pairing results are Fp12!
      millerLoopBatch,
      pairing,
      pairingBatch,
      calcPairingPrecomputes,
      randomSecretKey
    };
  }
  function blsBasic(fields2, G1_Point, G2_Point, params) {
    const { Fp: Fp4, Fr, Fp2: Fp23, Fp6, Fp12: Fp123 } = fields2;
    const G12 = { Point: G1_Point };
    const G22 = { Point: G2_Point };
    const pairingRes = createBlsPairing(fields2, G1_Point, G2_Point, params);
    const { millerLoopBatch, pairing, pairingBatch, calcPairingPrecomputes, randomSecretKey, lengths } = pairingRes;
    G12.Point.BASE.precompute(4);
    Object.freeze(G12);
    Object.freeze(G22);
    return Object.freeze({
      lengths: Object.freeze(lengths),
      millerLoopBatch,
      pairing,
      pairingBatch,
      G1: G12,
      G2: G22,
      fields: Object.freeze({ Fr, Fp: Fp4, Fp2: Fp23, Fp6, Fp12: Fp123 }),
      params: Object.freeze({
        ateLoopSize: params.ateLoopSize,
        xNegative: params.xNegative,
        twistType: params.twistType,
        postPrecompute: params.postPrecompute
      }),
      utils: Object.freeze({
        randomSecretKey,
        calcPairingPrecomputes
      })
    });
  }

  // node_modules/@noble/curves/abstract/tower.js
  /*! noble-curves - MIT License (c) 2022 Paul Miller (paulmillr.com) */
  var _0n7 = /* @__PURE__ */ BigInt(0);
  var _1n7 = /* @__PURE__ */ BigInt(1);
  var _2n5 = /* @__PURE__ */ BigInt(2);
  var _3n4 = /* @__PURE__ */ BigInt(3);
  var _6n = /* @__PURE__ */ BigInt(6);
  var _12n = /* @__PURE__ */ BigInt(12);
  var isObj = (value) => !!value && typeof value === "object";
  function calcFrobeniusCoefficients(Fp4, nonResidue, modulus, degree, num = 1, divisor) {
    asafenumber(num, "num");
    asafenumber(degree, "degree");
    const divisorN = divisor === void 0 ? degree : divisor;
    asafenumber(divisorN, "divisor");
    const F = Fp4;
    if (typeof modulus !== "bigint" || modulus <= _1n7)
      throw new Error("calcFrobeniusCoefficients: expected valid modulus, got " + modulus);
    if (degree <= 0)
      throw new Error("calcFrobeniusCoefficients: expected positive degree, got " + degree);
    if (num <= 0)
      throw new Error("calcFrobeniusCoefficients: expected positive row count, got " + num);
    if (divisorN <= 0)
      throw new Error("calcFrobeniusCoefficients: expected positive divisor, got " + divisorN);
    const _divisor = BigInt(divisorN);
    const towerModulus = modulus ** BigInt(degree);
    const res = [];
    for (let i = 0; i < num; i++) {
      const a = BigInt(i + 1);
      const powers = [];
      for (let j = 0, qPower = _1n7; j < degree; j++) {
        const numer = a * qPower - a;
        if (numer % _divisor)
          throw new Error("calcFrobeniusCoefficients: inexact tower exponent");
        const power = numer / _divisor % towerModulus;
        powers.push(F.pow(nonResidue, power));
        qPower *= modulus;
      }
      res.push(powers);
    }
    return res;
  }
  function psiFrobenius(Fp4, Fp23, base) {
    validateField(Fp4);
    validateField(Fp23);
    validateObject(Fp23, {
      Fp: "object",
      frobeniusMap: "function",
      fromBigTuple: "function",
      mulByB: "function",
      mulByNonresidue: "function",
      reim: "function",
      Fp4Square: "function",
      NONRESIDUE: "object"
    }, {});
    if (!isObj(base) || Array.isArray(base))
      throw new TypeError('"base" expected Fp2 element, got type=' + typeof base);
    if (!Fp23.isValid(base))
      throw new RangeError('"base" expected valid Fp2 element');
    const PSI_X = Fp23.pow(base, (Fp4.ORDER - _1n7) / _3n4);
    const PSI_Y = Fp23.pow(base, (Fp4.ORDER - _1n7) / _2n5);
    function psi2(x, y) {
      const x2 = Fp23.mul(Fp23.frobeniusMap(x, 1), PSI_X);
      const y2 = Fp23.mul(Fp23.frobeniusMap(y, 1), PSI_Y);
      return [x2, y2];
    }
    const PSI2_X = Fp23.pow(base, (Fp4.ORDER ** _2n5 - _1n7) / _3n4);
    const PSI2_Y = Fp23.pow(base, (Fp4.ORDER ** _2n5 - _1n7) / _2n5);
    if (!Fp23.eql(PSI2_Y, Fp23.neg(Fp23.ONE)))
      throw new Error("psiFrobenius: PSI2_Y!==-1");
    function psi22(x, y) {
      return [Fp23.mul(x, PSI2_X), Fp23.neg(y)];
    }
    const mapAffine = (fn) => (c, P) => {
      if (typeof c !== "function")
        throw new TypeError('"c" expected point constructor, got type=' + typeof c);
      validatePointCons(c);
      if (!(P instanceof c))
        throw new TypeError('"P" expected Point instance, got type=' + typeof P);
      const affine = P.toAffine();
      const p = fn(affine.x, affine.y);
      return c.fromAffine({ x: p[0], y: p[1] });
    };
    const G2psi2 = mapAffine(psi2);
    const G2psi22 = mapAffine(psi22);
    return { psi: psi2, psi2: psi22, G2psi: G2psi2, G2psi2: G2psi22, PSI_X, PSI_Y, PSI2_X, PSI2_Y };
  }
  var _Field2 = class {
    ORDER;
    BITS;
    BYTES;
    isLE;
    ZERO;
    ONE;
    Fp;
    NONRESIDUE;
    mulByB;
    Fp_NONRESIDUE;
    Fp_div2;
    constructor(Fp4, opts = {}) {
      const { NONRESIDUE = BigInt(-1), FP2_NONRESIDUE, Fp2mulByB } = opts;
      const ORDER = Fp4.ORDER;
      const FP2_ORDER = ORDER * ORDER;
      this.Fp = Fp4;
      this.ORDER = FP2_ORDER;
      this.BITS = bitLen(FP2_ORDER);
      this.BYTES = Math.ceil(bitLen(FP2_ORDER) / 8);
      this.isLE = Fp4.isLE;
      this.ZERO = this.create({ c0: Fp4.ZERO, c1: Fp4.ZERO });
      this.ONE = this.create({ c0: Fp4.ONE, c1: Fp4.ZERO });
      this.Fp_NONRESIDUE = Fp4.create(NONRESIDUE);
      this.Fp_div2 = Fp4.div(Fp4.ONE, _2n5);
      this.NONRESIDUE = this.create({ c0: FP2_NONRESIDUE[0], c1: FP2_NONRESIDUE[1] });
      this.mulByB = (num) => {
        const { c0, c1 } = Fp2mulByB(num);
        return Object.freeze({ c0, c1 });
      };
      Object.freeze(this);
    }
    fromBigTuple(tuple) {
      if (!Array.isArray(tuple) || tuple.length !== 2)
        throw new Error("invalid Fp2.fromBigTuple");
      const [c0, c1] = tuple;
      if (typeof c0 !== "bigint" || typeof c1 !== "bigint")
        throw new Error("invalid Fp2.fromBigTuple");
      return this.create({ c0, c1 });
    }
    create(num) {
      const { Fp: Fp4 } = this;
      const c0 = Fp4.create(num.c0);
      const c1 = Fp4.create(num.c1);
      return Object.freeze({ c0, c1 });
    }
    isValid(num) {
      if (!isObj(num))
        throw new TypeError("invalid field element: expected object, got " + typeof num);
      const { c0, c1 } = num;
      const { Fp: Fp4 } = this;
      return Fp4.isValid(c0) && Fp4.isValid(c1);
    }
    is0(num) {
      if (!isObj(num))
        return false;
      const { c0, c1 } = num;
      const { Fp: Fp4 } = this;
      return Fp4.is0(c0) && Fp4.is0(c1);
    }
    isValidNot0(num) {
      return !this.is0(num) && this.isValid(num);
    }
    eql({ c0, c1 }, { c0: r0, c1: r1 }) {
      const { Fp: Fp4 } = this;
      return Fp4.eql(c0, r0) && Fp4.eql(c1, r1);
    }
    neg({ c0, c1 }) {
      const { Fp: Fp4 } = this;
      return Object.freeze({ c0: Fp4.neg(c0), c1: Fp4.neg(c1) });
    }
    pow(num, power) {
      return FpPow(this, num, power);
    }
    invertBatch(nums) {
      return FpInvertBatch(this, nums, true);
    }
    // Normalized
    add(f1, f2) {
      const { Fp: Fp4 } = this;
      const { c0, c1 } = f1;
      const { c0: r0, c1: r1 } = f2;
      return Object.freeze({
        c0: Fp4.add(c0, r0),
        c1: Fp4.add(c1, r1)
      });
    }
    sub({ c0, c1 }, { c0: r0, c1: r1 }) {
      const { Fp: Fp4 } = this;
      return Object.freeze({
        c0: Fp4.sub(c0, r0),
        c1: Fp4.sub(c1, r1)
      });
    }
    mul({ c0, c1 }, rhs) {
      const { Fp: Fp4 } = this;
      if (typeof rhs === "bigint")
        return Object.freeze({ c0: Fp4.mul(c0, rhs), c1: Fp4.mul(c1, rhs) });
      const { c0: r0, c1: r1 } = rhs;
      let t1 = Fp4.mul(c0, r0);
      let t2 = Fp4.mul(c1, r1);
      const o0 = Fp4.sub(t1, t2);
      const o1 = Fp4.sub(Fp4.mul(Fp4.add(c0, c1), Fp4.add(r0, r1)), Fp4.add(t1, t2));
      return Object.freeze({ c0: o0, c1: o1 });
    }
    sqr({ c0, c1 }) {
      const { Fp: Fp4 } = this;
      const a = Fp4.add(c0, c1);
      const b = Fp4.sub(c0, c1);
      const c = Fp4.add(c0, c0);
      return Object.freeze({ c0: Fp4.mul(a, b), c1: Fp4.mul(c, c1) });
    }
    // NonNormalized stuff
    addN(a, b) {
      return this.add(a, b);
    }
    subN(a, b) {
      return this.sub(a, b);
    }
    mulN(a, b) {
      return this.mul(a, b);
    }
    sqrN(a) {
      return this.sqr(a);
    }
    // Why inversion for bigint inside Fp instead of Fp2? it is even used in that context?
    div(lhs, rhs) {
      const { Fp: Fp4 } = this;
      return this.mul(lhs, typeof rhs === "bigint" ? Fp4.inv(Fp4.create(rhs)) : this.inv(rhs));
    }
    inv({ c0: a, c1: b }) {
      const { Fp: Fp4 } = this;
      const factor = Fp4.inv(Fp4.create(a * a + b * b));
      return Object.freeze({ c0: Fp4.mul(factor, Fp4.create(a)), c1: Fp4.mul(factor, Fp4.create(-b)) });
    }
    sqrt(num) {
      const { Fp: Fp4 } = this;
      const Fp23 = this;
      const { c0, c1 } = num;
      if (Fp4.is0(c1)) {
        if (FpLegendre(Fp4, c0) === 1)
          return Fp23.create({ c0: Fp4.sqrt(c0), c1: Fp4.ZERO });
        else
          return Fp23.create({ c0: Fp4.ZERO, c1: Fp4.sqrt(Fp4.div(c0, this.Fp_NONRESIDUE)) });
      }
      const a = Fp4.sqrt(Fp4.sub(Fp4.sqr(c0), Fp4.mul(Fp4.sqr(c1), this.Fp_NONRESIDUE)));
      let d = Fp4.mul(Fp4.add(a, c0), this.Fp_div2);
      const legendre = FpLegendre(Fp4, d);
      if (legendre === -1)
        d = Fp4.sub(d, a);
      const a0 = Fp4.sqrt(d);
      const candidateSqrt = Fp23.create({ c0: a0, c1: Fp4.div(Fp4.mul(c1, this.Fp_div2), a0) });
      if (!Fp23.eql(Fp23.sqr(candidateSqrt), num))
        throw new Error("Cannot find square root");
      const x1 = candidateSqrt;
      const x2 = Fp23.neg(x1);
      const { re: re1, im: im1 } = Fp23.reim(x1);
      const { re: re2, im: im2 } = Fp23.reim(x2);
      if (im1 > im2 || im1 === im2 && re1 > re2)
        return x1;
      return x2;
    }
    // Same as sgn0_m_eq_2 in RFC 9380
    isOdd(x) {
      const { re: x0, im: x1 } = this.reim(x);
      const sign_0 = x0 % _2n5;
      const zero_0 = x0 === _0n7;
      const sign_1 = x1 % _2n5;
      return BigInt(sign_0 || zero_0 && sign_1) == _1n7;
    }
    // Bytes util
    fromBytes(b) {
      const { Fp: Fp4 } = this;
      abytes2(b);
      if (b.length !== this.BYTES)
        throw new Error("fromBytes invalid length=" + b.length);
      return this.create({
        c0: Fp4.fromBytes(b.subarray(0, Fp4.BYTES)),
        c1: Fp4.fromBytes(b.subarray(Fp4.BYTES))
      });
    }
    toBytes({ c0, c1 }) {
      return concatBytes2(this.Fp.toBytes(c0), this.Fp.toBytes(c1));
    }
    cmov({ c0, c1 }, { c0: r0, c1: r1 }, c) {
      const { Fp: Fp4 } = this;
      return this.create({
        c0: Fp4.cmov(c0, r0, c),
        c1: Fp4.cmov(c1, r1, c)
      });
    }
    reim({ c0, c1 }) {
      return { re: c0, im: c1 };
    }
    Fp4Square(a, b) {
      const Fp23 = this;
      const a2 = Fp23.sqr(a);
      const b2 = Fp23.sqr(b);
      return {
        first: Fp23.add(Fp23.mulByNonresidue(b2), a2),
        // b² * Nonresidue + a²
        second: Fp23.sub(Fp23.sub(Fp23.sqr(Fp23.add(a, b)), a2), b2)
        // (a + b)² - a² - b²
      };
    }
    // multiply by u + 1
    mulByNonresidue({ c0, c1 }) {
      const { Fp: Fp4, NONRESIDUE: nr } = this;
      if (nr.c0 === Fp4.ONE && nr.c1 === Fp4.ONE) {
        return Object.freeze({ c0: Fp4.sub(c0, c1), c1: Fp4.add(c0, c1) });
      }
      if (nr.c1 === Fp4.ONE) {
        return Object.freeze({
          c0: Fp4.sub(Fp4.mul(c0, nr.c0), c1),
          c1: Fp4.add(c0, Fp4.mul(c1, nr.c0))
        });
      }
      return this.mul({ c0, c1 }, nr);
    }
    frobeniusMap(num, power) {
      const { c0, c1 } = num;
      const { Fp: Fp4 } = this;
      return Object.freeze({ c0, c1: power % 2 === 0 ? c1 : Fp4.neg(c1) });
    }
  };
  var _Field6 = class {
    ORDER;
    BITS;
    BYTES;
    isLE;
    ZERO;
    ONE;
    Fp2;
    constructor(Fp23) {
      this.Fp2 = Fp23;
      this.ORDER = Fp23.Fp.ORDER ** _6n;
      this.BITS = 3 * Fp23.BITS;
      this.BYTES = 3 * Fp23.BYTES;
      this.isLE = Fp23.isLE;
      this.ZERO = this.create({ c0: Fp23.ZERO, c1: Fp23.ZERO, c2: Fp23.ZERO });
      this.ONE = this.create({ c0: Fp23.ONE, c1: Fp23.ZERO, c2: Fp23.ZERO });
      Object.freeze(this);
    }
    // Most callers never touch Frobenius maps, so keep the sextic tables lazy:
    // eagerly deriving them dominates `bls12-381.js` / `bn254.js` import time.
    get FROBENIUS_COEFFICIENTS_1() {
      const frob2 = _FROBENIUS_COEFFICIENTS_6.get(this);
      if (frob2)
        return frob2[0];
      const { Fp2: Fp23 } = this;
      const { Fp: Fp4 } = Fp23;
      const rows = calcFrobeniusCoefficients(Fp23, Fp23.NONRESIDUE, Fp4.ORDER, 6, 2, 3);
      const cache = [Object.freeze(rows[0]), Object.freeze(rows[1])];
      _FROBENIUS_COEFFICIENTS_6.set(this, cache);
      return cache[0];
    }
    get FROBENIUS_COEFFICIENTS_2() {
      const frob2 = _FROBENIUS_COEFFICIENTS_6.get(this);
      if (frob2)
        return frob2[1];
      void this.FROBENIUS_COEFFICIENTS_1;
      return _FROBENIUS_COEFFICIENTS_6.get(this)[1];
    }
    add({ c0, c1, c2 }, { c0: r0, c1: r1, c2: r2 }) {
      const { Fp2: Fp23 } = this;
      return Object.freeze({
        c0: Fp23.add(c0, r0),
        c1: Fp23.add(c1, r1),
        c2: Fp23.add(c2, r2)
      });
    }
    sub({ c0, c1, c2 }, { c0: r0, c1: r1, c2: r2 }) {
      const { Fp2: Fp23 } = this;
      return Object.freeze({
        c0: Fp23.sub(c0, r0),
        c1: Fp23.sub(c1, r1),
        c2: Fp23.sub(c2, r2)
      });
    }
    mul({ c0, c1, c2 }, rhs) {
      const { Fp2: Fp23 } = this;
      if (typeof rhs === "bigint") {
        return Object.freeze({
          c0: Fp23.mul(c0, rhs),
          c1: Fp23.mul(c1, rhs),
          c2: Fp23.mul(c2, rhs)
        });
      }
      const { c0: r0, c1: r1, c2: r2 } = rhs;
      const t0 = Fp23.mul(c0, r0);
      const t1 = Fp23.mul(c1, r1);
      const t2 = Fp23.mul(c2, r2);
      return Object.freeze({
        // t0 + (c1 + c2) * (r1 * r2) - (T1 + T2) * (u + 1)
        c0: Fp23.add(t0, Fp23.mulByNonresidue(Fp23.sub(Fp23.mul(Fp23.add(c1, c2), Fp23.add(r1, r2)), Fp23.add(t1, t2)))),
        // (c0 + c1) * (r0 + r1) - (T0 + T1) + T2 * (u + 1)
        c1: Fp23.add(Fp23.sub(Fp23.mul(Fp23.add(c0, c1), Fp23.add(r0, r1)), Fp23.add(t0, t1)), Fp23.mulByNonresidue(t2)),
        // T1 + (c0 + c2) * (r0 + r2) - T0 + T2
        c2: Fp23.sub(Fp23.add(t1, Fp23.mul(Fp23.add(c0, c2), Fp23.add(r0, r2))), Fp23.add(t0, t2))
      });
    }
    sqr({ c0, c1, c2 }) {
      const { Fp2: Fp23 } = this;
      let t0 = Fp23.sqr(c0);
      let t1 = Fp23.mul(Fp23.mul(c0, c1), _2n5);
      let t3 = Fp23.mul(Fp23.mul(c1, c2), _2n5);
      let t4 = Fp23.sqr(c2);
      return Object.freeze({
        c0: Fp23.add(Fp23.mulByNonresidue(t3), t0),
        // T3 * (u + 1) + T0
        c1: Fp23.add(Fp23.mulByNonresidue(t4), t1),
        // T4 * (u + 1) + T1
        // T1 + (c0 - c1 + c2)² + T3 - T0 - T4
        c2: Fp23.sub(Fp23.sub(Fp23.add(Fp23.add(t1, Fp23.sqr(Fp23.add(Fp23.sub(c0, c1), c2))), t3), t0), t4)
      });
    }
    addN(a, b) {
      return this.add(a, b);
    }
    subN(a, b) {
      return this.sub(a, b);
    }
    mulN(a, b) {
      return this.mul(a, b);
    }
    sqrN(a) {
      return this.sqr(a);
    }
    create(num) {
      const { Fp2: Fp23 } = this;
      const c0 = Fp23.create(num.c0);
      const c1 = Fp23.create(num.c1);
      const c2 = Fp23.create(num.c2);
      return Object.freeze({ c0, c1, c2 });
    }
    isValid(num) {
      if (!isObj(num))
        throw new TypeError("invalid field element: expected object, got " + typeof num);
      const { c0, c1, c2 } = num;
      const { Fp2: Fp23 } = this;
      return Fp23.isValid(c0) && Fp23.isValid(c1) && Fp23.isValid(c2);
    }
    is0(num) {
      if (!isObj(num))
        return false;
      const { c0, c1, c2 } = num;
      const { Fp2: Fp23 } = this;
      return Fp23.is0(c0) && Fp23.is0(c1) && Fp23.is0(c2);
    }
    isValidNot0(num) {
      return !this.is0(num) && this.isValid(num);
    }
    neg({ c0, c1, c2 }) {
      const { Fp2: Fp23 } = this;
      return Object.freeze({ c0: Fp23.neg(c0), c1: Fp23.neg(c1), c2: Fp23.neg(c2) });
    }
    eql({ c0, c1, c2 }, { c0: r0, c1: r1, c2: r2 }) {
      const { Fp2: Fp23 } = this;
      return Fp23.eql(c0, r0) && Fp23.eql(c1, r1) && Fp23.eql(c2, r2);
    }
    sqrt(_) {
      return notImplemented();
    }
    // Do we need division by bigint at all? Should be done via order:
    div(lhs, rhs) {
      const { Fp2: Fp23 } = this;
      const { Fp: Fp4 } = Fp23;
      return this.mul(lhs, typeof rhs === "bigint" ? Fp4.inv(Fp4.create(rhs)) : this.inv(rhs));
    }
    pow(num, power) {
      return FpPow(this, num, power);
    }
    invertBatch(nums) {
      return FpInvertBatch(this, nums, true);
    }
    inv({ c0, c1, c2 }) {
      const { Fp2: Fp23 } = this;
      let t0 = Fp23.sub(Fp23.sqr(c0), Fp23.mulByNonresidue(Fp23.mul(c2, c1)));
      let t1 = Fp23.sub(Fp23.mulByNonresidue(Fp23.sqr(c2)), Fp23.mul(c0, c1));
      let t2 = Fp23.sub(Fp23.sqr(c1), Fp23.mul(c0, c2));
      let t4 = Fp23.inv(Fp23.add(Fp23.mulByNonresidue(Fp23.add(Fp23.mul(c2, t1), Fp23.mul(c1, t2))), Fp23.mul(c0, t0)));
      return Object.freeze({ c0: Fp23.mul(t4, t0), c1: Fp23.mul(t4, t1), c2: Fp23.mul(t4, t2) });
    }
    // Bytes utils
    fromBytes(b) {
      const { Fp2: Fp23 } = this;
      abytes2(b);
      if (b.length !== this.BYTES)
        throw new Error("fromBytes invalid length=" + b.length);
      const B2 = Fp23.BYTES;
      return this.create({
        c0: Fp23.fromBytes(b.subarray(0, B2)),
        c1: Fp23.fromBytes(b.subarray(B2, B2 * 2)),
        c2: Fp23.fromBytes(b.subarray(2 * B2))
      });
    }
    toBytes({ c0, c1, c2 }) {
      const { Fp2: Fp23 } = this;
      return concatBytes2(Fp23.toBytes(c0), Fp23.toBytes(c1), Fp23.toBytes(c2));
    }
    cmov({ c0, c1, c2 }, { c0: r0, c1: r1, c2: r2 }, c) {
      const { Fp2: Fp23 } = this;
      return this.create({
        c0: Fp23.cmov(c0, r0, c),
        c1: Fp23.cmov(c1, r1, c),
        c2: Fp23.cmov(c2, r2, c)
      });
    }
    fromBigSix(tuple) {
      const { Fp2: Fp23 } = this;
      if (!Array.isArray(tuple) || tuple.length !== 6)
        throw new Error("invalid Fp6.fromBigSix");
      for (let i = 0; i < 6; i++)
        if (typeof tuple[i] !== "bigint")
          throw new Error("invalid Fp6.fromBigSix");
      const t = tuple;
      return this.create({
        c0: Fp23.fromBigTuple(t.slice(0, 2)),
        c1: Fp23.fromBigTuple(t.slice(2, 4)),
        c2: Fp23.fromBigTuple(t.slice(4, 6))
      });
    }
    frobeniusMap(num, power) {
      const { c0, c1, c2 } = num;
      if (power % 6 === 0)
        return Object.freeze({ c0, c1, c2 });
      const { Fp2: Fp23 } = this;
      return Object.freeze({
        c0: Fp23.frobeniusMap(c0, power),
        c1: Fp23.mul(Fp23.frobeniusMap(c1, power), this.FROBENIUS_COEFFICIENTS_1[power % 6]),
        c2: Fp23.mul(Fp23.frobeniusMap(c2, power), this.FROBENIUS_COEFFICIENTS_2[power % 6])
      });
    }
    mulByFp2({ c0, c1, c2 }, rhs) {
      const { Fp2: Fp23 } = this;
      return Object.freeze({
        c0: Fp23.mul(c0, rhs),
        c1: Fp23.mul(c1, rhs),
        c2: Fp23.mul(c2, rhs)
      });
    }
    mulByNonresidue({ c0, c1, c2 }) {
      const { Fp2: Fp23 } = this;
      return Object.freeze({ c0: Fp23.mulByNonresidue(c2), c1: c0, c2: c1 });
    }
    // Sparse multiplication
    mul1({ c0, c1, c2 }, b1) {
      const { Fp2: Fp23 } = this;
      return Object.freeze({
        c0: Fp23.mulByNonresidue(Fp23.mul(c2, b1)),
        c1: Fp23.mul(c0, b1),
        c2: Fp23.mul(c1, b1)
      });
    }
    // Sparse multiplication
    mul01({ c0, c1, c2 }, b0, b1) {
      const { Fp2: Fp23 } = this;
      let t0 = Fp23.mul(c0, b0);
      let t1 = Fp23.mul(c1, b1);
      return Object.freeze({
        // ((c1 + c2) * b1 - T1) * (u + 1) + T0
        c0: Fp23.add(Fp23.mulByNonresidue(Fp23.sub(Fp23.mul(Fp23.add(c1, c2), b1), t1)), t0),
        // (b0 + b1) * (c0 + c1) - T0 - T1
        c1: Fp23.sub(Fp23.sub(Fp23.mul(Fp23.add(b0, b1), Fp23.add(c0, c1)), t0), t1),
        // (c0 + c2) * b0 - T0 + T1
        c2: Fp23.add(Fp23.sub(Fp23.mul(Fp23.add(c0, c2), b0), t0), t1)
      });
    }
  };
  var _FROBENIUS_COEFFICIENTS_6 = /* @__PURE__ */ new WeakMap();
  var _Field12 = class {
    ORDER;
    BITS;
    BYTES;
    isLE;
    ZERO;
    ONE;
    Fp6;
    X_LEN;
    finalExponentiate;
    constructor(Fp6, opts) {
      const { X_LEN, Fp12finalExponentiate } = opts;
      const { Fp2: Fp23 } = Fp6;
      const { Fp: Fp4 } = Fp23;
      this.Fp6 = Fp6;
      this.ORDER = Fp4.ORDER ** _12n;
      this.BITS = 2 * Fp6.BITS;
      this.BYTES = 2 * Fp6.BYTES;
      this.isLE = Fp6.isLE;
      this.ZERO = this.create({ c0: Fp6.ZERO, c1: Fp6.ZERO });
      this.ONE = this.create({ c0: Fp6.ONE, c1: Fp6.ZERO });
      this.X_LEN = X_LEN;
      this.finalExponentiate = (num) => {
        const copy2 = ({ c0, c1 }) => Object.freeze({ c0, c1 });
        const copy6 = ({ c0, c1, c2 }) => Object.freeze({ c0: copy2(c0), c1: copy2(c1), c2: copy2(c2) });
        const res = Fp12finalExponentiate(num);
        return Object.freeze({ c0: copy6(res.c0), c1: copy6(res.c1) });
      };
      Object.freeze(this);
    }
    // Keep the degree-12 Frobenius row lazy too; after the first lookup the cached
    // array is reused exactly like the old eager table.
    get FROBENIUS_COEFFICIENTS() {
      const frob2 = _FROBENIUS_COEFFICIENTS_12.get(this);
      if (frob2)
        return frob2;
      const { Fp2: Fp23 } = this.Fp6;
      const { Fp: Fp4 } = Fp23;
      const cache = Object.freeze(calcFrobeniusCoefficients(Fp23, Fp23.NONRESIDUE, Fp4.ORDER, 12, 1, 6)[0]);
      _FROBENIUS_COEFFICIENTS_12.set(this, cache);
      return cache;
    }
    create(num) {
      const { Fp6 } = this;
      const c0 = Fp6.create(num.c0);
      const c1 = Fp6.create(num.c1);
      return Object.freeze({ c0, c1 });
    }
    isValid(num) {
      if (!isObj(num))
        throw new TypeError("invalid field element: expected object, got " + typeof num);
      const { c0, c1 } = num;
      const { Fp6 } = this;
      return Fp6.isValid(c0) && Fp6.isValid(c1);
    }
    is0(num) {
      if (!isObj(num))
        return false;
      const { c0, c1 } = num;
      const { Fp6 } = this;
      return Fp6.is0(c0) && Fp6.is0(c1);
    }
    isValidNot0(num) {
      return !this.is0(num) && this.isValid(num);
    }
    neg({ c0, c1 }) {
      const { Fp6 } = this;
      return Object.freeze({ c0: Fp6.neg(c0), c1: Fp6.neg(c1) });
    }
    eql({ c0, c1 }, { c0: r0, c1: r1 }) {
      const { Fp6 } = this;
      return Fp6.eql(c0, r0) && Fp6.eql(c1, r1);
    }
    sqrt(_) {
      return notImplemented();
    }
    inv({ c0, c1 }) {
      const { Fp6 } = this;
      let t = Fp6.inv(Fp6.sub(Fp6.sqr(c0), Fp6.mulByNonresidue(Fp6.sqr(c1))));
      return Object.freeze({ c0: Fp6.mul(c0, t), c1: Fp6.neg(Fp6.mul(c1, t)) });
    }
    div(lhs, rhs) {
      const { Fp6 } = this;
      const { Fp2: Fp23 } = Fp6;
      const { Fp: Fp4 } = Fp23;
      return this.mul(lhs, typeof rhs === "bigint" ? Fp4.inv(Fp4.create(rhs)) : this.inv(rhs));
    }
    pow(num, power) {
      return FpPow(this, num, power);
    }
    invertBatch(nums) {
      return FpInvertBatch(this, nums, true);
    }
    // Normalized
    add({ c0, c1 }, { c0: r0, c1: r1 }) {
      const { Fp6 } = this;
      return Object.freeze({
        c0: Fp6.add(c0, r0),
        c1: Fp6.add(c1, r1)
      });
    }
    sub({ c0, c1 }, { c0: r0, c1: r1 }) {
      const { Fp6 } = this;
      return Object.freeze({
        c0: Fp6.sub(c0, r0),
        c1: Fp6.sub(c1, r1)
      });
    }
    mul({ c0, c1 }, rhs) {
      const { Fp6 } = this;
      if (typeof rhs === "bigint")
        return Object.freeze({ c0: Fp6.mul(c0, rhs), c1: Fp6.mul(c1, rhs) });
      let { c0: r0, c1: r1 } = rhs;
      let t1 = Fp6.mul(c0, r0);
      let t2 = Fp6.mul(c1, r1);
      return Object.freeze({
        c0: Fp6.add(t1, Fp6.mulByNonresidue(t2)),
        // T1 + T2 * v
        // (c0 + c1) * (r0 + r1) - (T1 + T2)
        c1: Fp6.sub(Fp6.mul(Fp6.add(c0, c1), Fp6.add(r0, r1)), Fp6.add(t1, t2))
      });
    }
    sqr({ c0, c1 }) {
      const { Fp6 } = this;
      let ab = Fp6.mul(c0, c1);
      return Object.freeze({
        // (c1 * v + c0) * (c0 + c1) - AB - AB * v
        c0: Fp6.sub(Fp6.sub(Fp6.mul(Fp6.add(Fp6.mulByNonresidue(c1), c0), Fp6.add(c0, c1)), ab), Fp6.mulByNonresidue(ab)),
        c1: Fp6.add(ab, ab)
      });
    }
    // NonNormalized stuff
    addN(a, b) {
      return this.add(a, b);
    }
    subN(a, b) {
      return this.sub(a, b);
    }
    mulN(a, b) {
      return this.mul(a, b);
    }
    sqrN(a) {
      return this.sqr(a);
    }
    // Bytes utils
    fromBytes(b) {
      const { Fp6 } = this;
      abytes2(b);
      if (b.length !== this.BYTES)
        throw new Error("fromBytes invalid length=" + b.length);
      return this.create({
        c0: Fp6.fromBytes(b.subarray(0, Fp6.BYTES)),
        c1: Fp6.fromBytes(b.subarray(Fp6.BYTES))
      });
    }
    toBytes({ c0, c1 }) {
      const { Fp6 } = this;
      return concatBytes2(Fp6.toBytes(c0), Fp6.toBytes(c1));
    }
    cmov({ c0, c1 }, { c0: r0, c1: r1 }, c) {
      const { Fp6 } = this;
      return this.create({
        c0: Fp6.cmov(c0, r0, c),
        c1: Fp6.cmov(c1, r1, c)
      });
    }
    // Utils
    // toString() {
    //   return '' + 'Fp12(' + this.c0 + this.c1 + '* w');
    // },
    // fromTuple(c: [Fp6, Fp6]) {
    //   return new Fp12(...c);
    // }
    fromBigTwelve(tuple) {
      const { Fp6 } = this;
      if (!Array.isArray(tuple) || tuple.length !== 12)
        throw new Error("invalid Fp12.fromBigTwelve");
      for (let i = 0; i < 12; i++)
        if (typeof tuple[i] !== "bigint")
          throw new Error("invalid Fp12.fromBigTwelve");
      const t = tuple;
      return this.create({
        c0: Fp6.fromBigSix(t.slice(0, 6)),
        c1: Fp6.fromBigSix(t.slice(6, 12))
      });
    }
    // Raises to q**i -th power
    frobeniusMap(lhs, power) {
      const p = power % 12;
      if (p === 0)
        return Object.freeze({ c0: lhs.c0, c1: lhs.c1 });
      if (p === 6)
        return this.conjugate(lhs);
      const { Fp6 } = this;
      const { Fp2: Fp23 } = Fp6;
      const { c0, c1, c2 } = Fp6.frobeniusMap(lhs.c1, power);
      const coeff = this.FROBENIUS_COEFFICIENTS[p];
      return Object.freeze({
        c0: Fp6.frobeniusMap(lhs.c0, power),
        c1: Object.freeze({
          c0: Fp23.mul(c0, coeff),
          c1: Fp23.mul(c1, coeff),
          c2: Fp23.mul(c2, coeff)
        })
      });
    }
    mulByFp2({ c0, c1 }, rhs) {
      const { Fp6 } = this;
      return Object.freeze({
        c0: Fp6.mulByFp2(c0, rhs),
        c1: Fp6.mulByFp2(c1, rhs)
      });
    }
    conjugate({ c0, c1 }) {
      return Object.freeze({ c0, c1: this.Fp6.neg(c1) });
    }
    // A cyclotomic group is a subgroup of Fp^n defined by
    //   GΦₙ(p) = {α ∈ Fpⁿ : α^Φₙ(p) = 1}
    // The result of any pairing is in a cyclotomic subgroup
    // https://eprint.iacr.org/2009/565.pdf
    // https://eprint.iacr.org/2010/354.pdf
    _cyclotomicSquare({ c0, c1 }) {
      const { Fp6 } = this;
      const { Fp2: Fp23 } = Fp6;
      const { c0: c0c0, c1: c0c1, c2: c0c2 } = c0;
      const { c0: c1c0, c1: c1c1, c2: c1c2 } = c1;
      const { first: t3, second: t4 } = Fp23.Fp4Square(c0c0, c1c1);
      const { first: t5, second: t6 } = Fp23.Fp4Square(c1c0, c0c2);
      const { first: t7, second: t8 } = Fp23.Fp4Square(c0c1, c1c2);
      const t9 = Fp23.mulByNonresidue(t8);
      return Object.freeze({
        c0: Object.freeze({
          c0: Fp23.add(Fp23.mul(Fp23.sub(t3, c0c0), _2n5), t3),
          // 2 * (T3 - c0c0)  + T3
          c1: Fp23.add(Fp23.mul(Fp23.sub(t5, c0c1), _2n5), t5),
          // 2 * (T5 - c0c1)  + T5
          c2: Fp23.add(Fp23.mul(Fp23.sub(t7, c0c2), _2n5), t7)
        }),
        // 2 * (T7 - c0c2)  + T7
        c1: Object.freeze({
          c0: Fp23.add(Fp23.mul(Fp23.add(t9, c1c0), _2n5), t9),
          // 2 * (T9 + c1c0) + T9
          c1: Fp23.add(Fp23.mul(Fp23.add(t4, c1c1), _2n5), t4),
          // 2 * (T4 + c1c1) + T4
          c2: Fp23.add(Fp23.mul(Fp23.add(t6, c1c2), _2n5), t6)
        })
      });
    }
    // https://eprint.iacr.org/2009/565.pdf
    _cyclotomicExp(num, n) {
      aInRange("cyclotomic exponent", n, _0n7, _1n7 << BigInt(this.X_LEN));
      if (n === _0n7)
        return this.ONE;
      let z = num;
      for (let i = bitLen(n) - 2; i >= 0; i--) {
        z = this._cyclotomicSquare(z);
        if (bitGet(n, i))
          z = this.mul(z, num);
      }
      return z;
    }
  };
  var _FROBENIUS_COEFFICIENTS_12 = /* @__PURE__ */ new WeakMap();
  function tower12(opts) {
    validateObject(opts, {
      ORDER: "bigint",
      X_LEN: "number",
      FP2_NONRESIDUE: "object",
      Fp2mulByB: "function",
      Fp12finalExponentiate: "function"
    }, { NONRESIDUE: "bigint" });
    asafenumber(opts.X_LEN, "X_LEN");
    if (opts.X_LEN < 1)
      throw new Error("invalid X_LEN");
    const nonresidue = opts.FP2_NONRESIDUE;
    if (!Array.isArray(nonresidue) || nonresidue.length !== 2)
      throw new Error("invalid FP2_NONRESIDUE");
    if (typeof nonresidue[0] !== "bigint" || typeof nonresidue[1] !== "bigint")
      throw new Error("invalid FP2_NONRESIDUE");
    const Fp4 = Field(opts.ORDER);
    const Fp23 = new _Field2(Fp4, opts);
    const Fp6 = new _Field6(Fp23);
    const Fp123 = new _Field12(Fp6, opts);
    return { Fp: Fp4, Fp2: Fp23, Fp6, Fp12: Fp123 };
  }

  // node_modules/@noble/curves/bn254.js
  /*! noble-curves - MIT License (c) 2022 Paul Miller (paulmillr.com) */
  var _0n8 = /* @__PURE__ */ BigInt(0);
  var _1n8 = /* @__PURE__ */ BigInt(1);
  var _2n6 = /* @__PURE__ */ BigInt(2);
  var _3n5 = /* @__PURE__ */ BigInt(3);
  var _6n2 = /* @__PURE__ */ BigInt(6);
  var BN_X = /* @__PURE__ */ BigInt("4965661367192848881");
  var BN_X_LEN = /* @__PURE__ */ (() => bitLen(BN_X))();
  var SIX_X_SQUARED = /* @__PURE__ */ (() => _6n2 * BN_X ** _2n6)();
  var bn254_G1_CURVE = {
    p: BigInt("0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47"),
    n: BigInt("0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001"),
    // The Ethereum specs define G1 as prime-order but do not spell out the
    // cofactor separately; `h = 1` is the implementation-derived value.
    h: _1n8,
    a: _0n8,
    b: _3n5,
    Gx: _1n8,
    Gy: BigInt(2)
  };
  var bn254_Fr = /* @__PURE__ */ (() => Field(bn254_G1_CURVE.n))();
  var Fp2B = /* @__PURE__ */ (() => ({
    c0: BigInt("19485874751759354771024239261021720505790618469301721065564631296452457478373"),
    c1: BigInt("266929791119991161246907387137283842545076965332900288569378510910307636690")
  }))();
  var Fp12;
  var bn254CyclotomicExpX = (num) => {
    const cyclSqrN = (n, count) => {
      for (let i = 0; i < count; i++)
        n = Fp12._cyclotomicSquare(n);
      return n;
    };
    const x10 = Fp12._cyclotomicSquare(num);
    const x100 = Fp12._cyclotomicSquare(x10);
    const x1000 = Fp12._cyclotomicSquare(x100);
    const x10000 = Fp12._cyclotomicSquare(x1000);
    const x10001 = Fp12.mul(x10000, num);
    const x10011 = Fp12.mul(x10001, x10);
    const x10100 = Fp12.mul(x10011, num);
    const x11001 = Fp12.mul(x1000, x10001);
    const x100010 = Fp12._cyclotomicSquare(x10001);
    const x100111 = Fp12.mul(x10011, x10100);
    const x101001 = Fp12.mul(x10, x100111);
    let r = cyclSqrN(x100010, 6);
    r = Fp12.mul(Fp12.mul(r, x100), x11001);
    r = Fp12.mul(cyclSqrN(r, 7), x11001);
    r = cyclSqrN(r, 8);
    r = Fp12.mul(Fp12.mul(r, x101001), x10);
    r = Fp12.mul(cyclSqrN(r, 6), x10001);
    r = Fp12.mul(cyclSqrN(r, 8), x101001);
    r = Fp12.mul(cyclSqrN(r, 6), x101001);
    r = Fp12.mul(cyclSqrN(r, 10), x100111);
    r = Fp12.mul(Fp12.mul(cyclSqrN(r, 6), x101001), x1000);
    return r;
  };
  var tower = /* @__PURE__ */ (() => {
    const res = tower12({
      ORDER: bn254_G1_CURVE.p,
      X_LEN: BN_X_LEN,
      // Public `Fp2.NONRESIDUE` below is the sextic-tower seed `(9, 1)`, not the
      // quadratic relation `i^2 + 1 = 0` from the EIP text.
      FP2_NONRESIDUE: [BigInt(9), _1n8],
      Fp2mulByB: (num) => Fp2.mul(num, Fp2B),
      Fp12finalExponentiate: (num) => {
        const powMinusX = (num2) => Fp12.conjugate(bn254CyclotomicExpX(num2));
        const r0 = Fp12.mul(Fp12.conjugate(num), Fp12.inv(num));
        const r = Fp12.mul(Fp12.frobeniusMap(r0, 2), r0);
        const y1 = Fp12._cyclotomicSquare(powMinusX(r));
        const y2 = Fp12.mul(Fp12._cyclotomicSquare(y1), y1);
        const y4 = powMinusX(y2);
        const y6 = powMinusX(Fp12._cyclotomicSquare(y4));
        const y8 = Fp12.mul(Fp12.mul(Fp12.conjugate(y6), y4), Fp12.conjugate(y2));
        const y9 = Fp12.mul(y8, y1);
        return Fp12.mul(Fp12.frobeniusMap(Fp12.mul(Fp12.conjugate(r), y9), 3), Fp12.mul(Fp12.frobeniusMap(y8, 2), Fp12.mul(Fp12.frobeniusMap(y9, 1), Fp12.mul(Fp12.mul(y8, y4), r))));
      }
    });
    Fp12 = res.Fp12;
    return res;
  })();
  var Fp = /* @__PURE__ */ (() => tower.Fp)();
  var Fp2 = /* @__PURE__ */ (() => tower.Fp2)();
  var frob;
  var getFrob = () => frob || (frob = psiFrobenius(Fp, Fp2, Fp2.NONRESIDUE));
  var psi = (x, y) => {
    const fn = getFrob().psi;
    psi = fn;
    return fn(x, y);
  };
  var G2psi = (c, P) => {
    const fn = getFrob().G2psi;
    G2psi = fn;
    return fn(c, P);
  };
  var _postPrecompute = (Rx, Ry, Rz, Qx, Qy, pointAdd) => {
    const q = psi(Qx, Qy);
    ({ Rx, Ry, Rz } = pointAdd(Rx, Ry, Rz, q[0], q[1]));
    const q2 = psi(q[0], q[1]);
    pointAdd(Rx, Ry, Rz, q2[0], Fp2.neg(q2[1]));
  };
  var bn254_G2_CURVE = /* @__PURE__ */ (() => ({
    p: Fp2.ORDER,
    n: bn254_G1_CURVE.n,
    // As with G1, the Ethereum specs do not spell out the G2 cofactor
    // separately; this literal is the implementation-derived value.
    h: BigInt("0x30644e72e131a029b85045b68181585e06ceecda572a2489345f2299c0f9fa8d"),
    a: Fp2.ZERO,
    b: Fp2B,
    Gx: Fp2.fromBigTuple([
      BigInt("10857046999023057135944570762232829481370756359578518086990519993285655852781"),
      BigInt("11559732032986387107991004021392285783925812861821192530917403151452391805634")
    ]),
    Gy: Fp2.fromBigTuple([
      BigInt("8495653923123431417604973247489272438418190587263600148770280649306958101930"),
      BigInt("4082367875863433681332203403145435568316851327593401208105741076214120093531")
    ])
  }))();
  var fields = /* @__PURE__ */ (() => ({ Fp, Fp2, Fp6: tower.Fp6, Fp12, Fr: bn254_Fr }))();
  var bn254_G1 = /* @__PURE__ */ weierstrass(bn254_G1_CURVE, {
    Fp,
    Fn: bn254_Fr,
    // Ethereum encodes infinity as `(0, 0)`, so the public point API accepts it
    // even though it is not an affine curve point, and `fromAffine()` stays lazy:
    // adversarial inputs still need `assertValidity()`.
    allowInfinityPoint: true
  });
  var bn254_G2 = /* @__PURE__ */ weierstrass(bn254_G2_CURVE, {
    Fp: Fp2,
    Fn: bn254_Fr,
    // Ethereum encodes infinity as `((0, 0), (0, 0))`, so the public point API
    // accepts it even though it is not an affine curve point.
    allowInfinityPoint: true,
    // Optimized BN254 G2 subgroup test used to satisfy the EIP-197 order check.
    isTorsionFree: (c, P) => P.multiplyUnsafe(SIX_X_SQUARED).equals(G2psi(c, P))
    // [p]P = [6X^2]P
  });
  var bn254_params = /* @__PURE__ */ (() => ({
    // Optimal-ate Miller loop parameter derived from the positive BN seed.
    ateLoopSize: BN_X * _6n2 + _2n6,
    r: bn254_Fr.ORDER,
    xNegative: false,
    // EIP-197 writes G2 as `y^2 = x^3 + 3 / (i + 9)`, so the pairing
    // configuration uses the divisive twist convention.
    twistType: "divisive",
    postPrecompute: _postPrecompute
  }))();
  var bn254 = /* @__PURE__ */ blsBasic(fields, bn254_G1, bn254_G2, bn254_params);

  // explorer/src/protocol/field.js
  var R = bn254_Fr.ORDER;
  var mod2 = (x) => bn254_Fr.create(x);
  var pow2 = (x, exponent) => bn254_Fr.pow(mod2(x), exponent);
  var inverse = (x) => bn254_Fr.inv(mod2(x));
  var product = (values) => values.reduce((total, x) => mod2(total * x), 1n);
  var combine = (terms, challenge) => terms.reduceRight((total, t) => mod2(total * challenge + t), 0n);
  var GENERATOR = 5n;
  var rootOfUnity = (log2) => pow2(GENERATOR, R - 1n >> BigInt(log2));

  // explorer/src/protocol/statement.js
  var LIMB_BITS = 24n;
  var LIMBS_PER_WORD = 10;
  var SEALED_TAG = keccak256(utf8("zkllm.v2.sealed claim"));
  var LIMB = (1n << LIMB_BITS) - 1n;
  var numLimbWords = (limbs) => Math.ceil(limbs / LIMBS_PER_WORD);
  var numWords = ({ N, k, sealed }) => sealed ? 1 + numLimbWords(k) : numLimbWords(N + 2);
  function unpackLimbs(words, count) {
    const expected = numLimbWords(count);
    if (words.length !== expected || words.some((w) => w < 0n || w >> LIMB_BITS * BigInt(LIMBS_PER_WORD))) {
      throw new Refused("statement", `it has not ${expected} words below 2^240`);
    }
    const limbs = words.flatMap(
      (w) => Array.from(
        { length: LIMBS_PER_WORD },
        (_, i) => Number(w >> LIMB_BITS * BigInt(LIMBS_PER_WORD - 1 - i) & LIMB)
      )
    );
    if (limbs.slice(count).some((limb) => limb !== 0))
      throw new Refused("statement", "limbs after the last id are not 0");
    return limbs.slice(0, count);
  }
  function statementOf(words, { N, k, sealed }) {
    if (sealed) {
      if (words.length === 0 || words[0] >= R) throw new Refused("statement", "P is not below r");
      return { sealed, sealedPrompt: words[0], answer: unpackLimbs(words.slice(1), k) };
    }
    const [T, ...ids] = unpackLimbs(words, N + 2);
    if (T < k || T > N) throw new Refused("statement", `T = ${T} is not between k = ${k} and N = ${N}`);
    return {
      sealed,
      prompt: ids.slice(0, T - k + 1),
      answer: ids.slice(T - k + 1, T + 1),
      padding: ids.slice(T + 1)
    };
  }
  var promptDigest = (prompt) => keccak256(...prompt.map((id) => toWord(id)));
  var claimId = (modelId, k, digest3) => keccak256(modelId, toWord(k), digest3);
  var sealedClaimId = (modelId, k, sealedPrompt) => keccak256(SEALED_TAG, modelId, toWord(k), toWord(sealedPrompt));
  var claimIdOf = (modelId, k, statement) => statement.sealed ? sealedClaimId(modelId, k, statement.sealedPrompt) : claimId(modelId, k, promptDigest(statement.prompt));
  var contextOf = (chainId, contract, sender, requestId) => keccak256(toWord(chainId), padded(contract), padded(sender), requestId);
  var padded = (address2) => concat(new Uint8Array(12), address2);

  // explorer/src/chain/abi.js
  var selector = (signature) => keccak256(utf8(signature)).subarray(0, 4);
  var topic = (signature) => toHex(keccak256(utf8(signature)));
  var SETTLE_TYPES = "(address,bytes32,uint256[],uint256[],bytes32[],bytes[])";
  var SETTLE = selector(`settle${SETTLE_TYPES}`);
  var SETTLE_MANY = selector(`settleMany(${SETTLE_TYPES}[])`);
  var VERIFY = selector("verify(bytes32,uint256[],uint256[])");
  var Reader = class {
    /** @param {Uint8Array} data */
    constructor(data) {
      this.data = data;
    }
    /** @param {number} at */
    word(at) {
      if (!Number.isSafeInteger(at) || at < 0 || at + WORD > this.data.length)
        throw new Malformed("the data end too early");
      return this.data.subarray(at, at + WORD);
    }
    /** @param {number} at */
    integer(at) {
      return toInteger(this.word(at));
    }
    /**
     * An integer that counts or places something in the data.
     * @param {number} at
     */
    size(at) {
      const value = this.integer(at);
      if (value > BigInt(this.data.length)) throw new Malformed("a length or a place is beyond the data");
      return Number(value);
    }
    /** @param {number} at */
    address(at) {
      const word = this.word(at);
      if (word.subarray(0, 12).some((byte) => byte)) throw new Malformed("an address has more than 20 bytes");
      return word.subarray(12);
    }
    /** @param {number} at */
    boolean(at) {
      const value = this.integer(at);
      if (value > 1n) throw new Malformed("a boolean is neither 0 nor 1");
      return value === 1n;
    }
    /**
     * The words of an array whose length is at `at`.
     * @param {number} at
     */
    words(at) {
      const count = this.size(at);
      return Array.from({ length: count }, (_, i) => this.word(at + WORD * (1 + i)));
    }
    /**
     * The bytes whose length is at `at`.
     * @param {number} at
     */
    bytes(at) {
      const start2 = at + WORD;
      const end = start2 + this.size(at);
      if (end > this.data.length) throw new Malformed("the data end too early");
      return this.data.subarray(start2, end);
    }
    /**
     * Several of them, each with its place relative to the first place.
     * @param {number} at
     */
    manyBytes(at) {
      const count = this.size(at);
      if (count * WORD > this.data.length) throw new Malformed("a length is beyond the data");
      return Array.from({ length: count }, (_, i) => this.bytes(at + WORD + this.size(at + WORD * (1 + i))));
    }
  };
  function settlementAt(reader, start2) {
    const place = (i) => start2 + reader.size(start2 + WORD * i);
    return {
      verifier: reader.address(start2),
      requestId: reader.word(start2 + WORD),
      words: reader.words(place(2)).map(toInteger),
      proof: concat(...reader.words(place(3))),
      siblings: reader.words(place(4)),
      tokens: reader.manyBytes(place(5))
    };
  }
  function settlementsOf(data) {
    const called = toHex(data.subarray(0, 4));
    const reader = new Reader(data.subarray(4));
    if (called === toHex(SETTLE)) return [settlementAt(reader, 0)];
    if (called !== toHex(SETTLE_MANY)) return null;
    const list2 = reader.size(0);
    const count = reader.size(list2);
    const first = list2 + WORD;
    if (count * WORD > reader.data.length) throw new Malformed("a length is beyond the data");
    return Array.from({ length: count }, (_, i) => settlementAt(reader, first + reader.size(first + WORD * i)));
  }
  function settlementsWithin(data) {
    const found = [];
    for (let at = 0; at + 4 <= data.length; at++) {
      const here = data.subarray(at, at + 4);
      if (![SETTLE, SETTLE_MANY].some((s) => s.every((byte, i) => byte === here[i]))) continue;
      try {
        found.push(...settlementsOf(data.subarray(at)) ?? []);
      } catch (error) {
        if (!(error instanceof Malformed)) throw error;
      }
    }
    return found;
  }
  var verifyCall = (context, words, proof) => concat(
    ...[VERIFY, context, toWord(3 * WORD), toWord((4 + words.length) * WORD)],
    ...[toWord(words.length), ...words.map((w) => toWord(w))],
    ...[toWord(proof.length / WORD), proof]
  );
  var call = (signature, ...words) => concat(selector(signature), ...words.map(padded2));
  var padded2 = (value) => concat(new Uint8Array(WORD - value.length), value);
  var TOPICS = {
    settled: topic("Settled(bytes32,bytes32,address,bytes32,bytes)"),
    requested: topic("Requested(bytes32,bytes32,address,bytes32,uint256,uint256,uint256,uint32[])"),
    fulfilled: topic("Fulfilled(bytes32,bytes32,address,uint256)"),
    returned: topic("Returned(bytes32,bytes32,uint256)"),
    registered: topic("VerifierRegistered(bytes32,address,uint256,uint256,bool)"),
    frozen: topic("VerifierFrozen(address)"),
    owner: topic("OwnershipTransferred(address,address)")
  };
  function topicOf(log, i) {
    const found = log.topics[i];
    if (found === void 0) throw new Malformed("an event lacks a topic");
    return found;
  }
  var addressOf = (word) => `0x${word.slice(26)}`;
  function claimOf(log) {
    const reader = new Reader(log.data);
    return {
      id: topicOf(log, 1),
      modelId: topicOf(log, 2),
      settler: addressOf(topicOf(log, 3)),
      promptDigest: toHex(reader.word(0)),
      text: reader.bytes(reader.size(WORD)),
      block: log.block,
      index: log.index,
      transaction: log.transaction,
      requestId: null,
      reward: 0n
    };
  }
  function requestOf(log) {
    const reader = new Reader(log.data);
    return {
      id: topicOf(log, 1),
      claimId: topicOf(log, 2),
      requester: addressOf(topicOf(log, 3)),
      modelId: toHex(reader.word(0)),
      k: number(reader.integer(WORD)),
      reward: reader.integer(2 * WORD),
      deadline: reader.integer(3 * WORD),
      prompt: reader.words(reader.size(4 * WORD)).map((word) => number(toInteger(word))),
      block: log.block
    };
  }
  var fulfilmentOf = (log) => ({
    requestId: topicOf(log, 1),
    claimId: topicOf(log, 2),
    reward: new Reader(log.data).integer(0)
  });
  function registeredOf(log) {
    const reader = new Reader(log.data);
    return {
      modelId: topicOf(log, 1),
      address: addressOf(topicOf(log, 2)),
      N: number(reader.integer(0)),
      k: number(reader.integer(WORD)),
      sealed: reader.boolean(2 * WORD)
    };
  }
  var frozenOf = (log) => addressOf(topicOf(log, 1));
  var isCreation = (log) => log.topics[0] === TOPICS.owner && /^0x0{64}$/.test(log.topics[1] ?? "");
  function number(value) {
    if (value >= 1n << 32n) throw new Malformed("a number is beyond all measure");
    return Number(value);
  }
  function eventOf(log) {
    try {
      switch (log.topics[0]) {
        case TOPICS.settled:
          return { kind: "settled", claim: claimOf(log) };
        case TOPICS.requested:
          return { kind: "requested", request: requestOf(log) };
        case TOPICS.fulfilled:
          return { kind: "fulfilled", ...fulfilmentOf(log) };
        case TOPICS.returned:
          return { kind: "returned", requestId: topicOf(log, 1) };
        case TOPICS.registered:
          return { kind: "registered", verifier: registeredOf(log) };
        case TOPICS.frozen:
          return { kind: "frozen", address: frozenOf(log) };
        default:
          return { kind: isCreation(log) ? "created" : "other" };
      }
    } catch (error) {
      if (error instanceof Malformed) return { kind: "malformed" };
      throw error;
    }
  }

  // explorer/src/chain/rpc.js
  var TIMEOUT_MS = 3e4;
  var MOST_TRIES = 4;
  var LONGEST_PAUSE_MS = 1e4;
  var LONGEST_MESSAGE = 200;
  var TOGETHER = 50;
  var AT_ONCE = 4;
  var RpcError = class extends Error {
    /**
     * @param {string} message
     * @param {string | null} data of a revert, 0x..
     * @param {boolean} answered whether the node gave the error itself
     */
    constructor(message, data = null, answered = false) {
      super(message);
      this.data = data;
      this.answered = answered;
    }
  };
  var Rpc = class {
    /**
     * @param {string} url http or https
     * @param {typeof fetch} request
     */
    constructor(url, request = (input, init) => fetch(input, init)) {
      if (!/^https?:\/\/[^/]/.test(url)) throw new RpcError("a node's URL begins with http:// or https://");
      this.url = url;
      this.request = request;
      this.number = 0;
      this.takesBatches = true;
    }
    /**
     * The result of one call.
     * @param {Call} call
     */
    async ask(...call2) {
      return resultOf(await this.post(this.encode(call2)));
    }
    /**
     * Results of several calls, in order; RpcError where one has none.
     * @param {readonly Call[]} calls
     * @returns {Promise<unknown[]>}
     */
    async askAll(calls) {
      const results = new Array(calls.length);
      let next = 0;
      const worker = async () => {
        while (next < calls.length) {
          const start2 = next;
          const some = calls.slice(start2, next += this.takesBatches ? TOGETHER : 1);
          for (const [i, result] of (await this.batch(some)).entries()) results[start2 + i] = result;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      return results;
    }
    /**
     * @param {readonly Call[]} calls
     * @returns {Promise<unknown[]>}
     */
    async batch(calls) {
      if (calls.length === 1) return [await this.ask(...calls[0])];
      if (this.takesBatches) {
        const encoded = calls.map((call2) => this.encode(call2));
        const answers = await this.post(encoded).catch((error) => {
          if (error instanceof RpcError && !error.answered) throw error;
          return null;
        });
        if (Array.isArray(answers) && answers.length === calls.length) {
          const byId = new Map(answers.map((answer) => [answer?.id, answer]));
          return encoded.map(({ id }) => resultOf(byId.get(id)));
        }
        this.takesBatches = false;
      }
      const results = [];
      for (const call2 of calls) results.push(await this.ask(...call2));
      return results;
    }
    /** @param {Call} call */
    encode([method, ...params]) {
      return { jsonrpc: "2.0", id: ++this.number, method, params };
    }
    /**
     * The JSON that comes back; asked again where the node is busy.
     * @param {unknown} body
     * @returns {Promise<unknown>}
     */
    async post(body) {
      for (let tries = 1; ; tries++) {
        const response = await this.send(JSON.stringify(body));
        if ([429, 502, 503].includes(response.status) && tries < MOST_TRIES) {
          const wanted = 1e3 * Number(response.headers.get("Retry-After") ?? 2 ** tries);
          await pause(Math.min(Number.isFinite(wanted) ? wanted : LONGEST_PAUSE_MS, LONGEST_PAUSE_MS));
          continue;
        }
        try {
          return await response.json();
        } catch {
          if (!response.ok)
            throw new RpcError(`the node answered HTTP ${response.status}`, null, response.status < 500);
          throw new RpcError("the node's answer is not JSON");
        }
      }
    }
    /** @param {string} body */
    async send(body) {
      try {
        return await this.request(this.url, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body,
          credentials: "omit",
          referrerPolicy: "no-referrer",
          signal: AbortSignal.timeout(TIMEOUT_MS)
        });
      } catch (error) {
        if (error instanceof Error && error.name === "TimeoutError")
          throw new RpcError("the node does not answer");
        throw new RpcError("the node cannot be reached, or does not let web pages ask it (CORS)");
      }
    }
  };
  function resultOf(answer) {
    if (typeof answer !== "object" || answer === null) throw new RpcError("the node's answer is malformed");
    const { result, error } = (
      /** @type {Answer} */
      answer
    );
    if (error !== void 0 && error !== null) {
      const data = typeof error.data === "string" && /^0x([0-9a-f]{2})*$/i.test(error.data) ? error.data : null;
      throw new RpcError(`the node says: ${String(error.message).slice(0, LONGEST_MESSAGE)}`, data, true);
    }
    if (result === void 0) throw new RpcError("the node's answer has no result");
    return result;
  }
  var pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  function bytesIn(value) {
    if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/i.test(value))
      throw new RpcError("the node's answer is malformed");
    return fromHex(value);
  }
  function digestIn(value, size = 32) {
    if (bytesIn(value).length !== size) throw new RpcError("the node's answer is malformed");
    return String(value).toLowerCase();
  }
  function integerIn(value) {
    if (typeof value !== "string" || !/^0x[0-9a-f]{1,64}$/i.test(value))
      throw new RpcError("the node's answer is malformed");
    return BigInt(value);
  }
  function numberIn(value) {
    const number2 = Number(integerIn(value));
    if (!Number.isSafeInteger(number2)) throw new RpcError("the node's answer is malformed");
    return number2;
  }
  function objectIn(value) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new RpcError("the node's answer is malformed");
    return (
      /** @type {Record<string, unknown>} */
      value
    );
  }
  var quantity = (value) => `0x${value.toString(16)}`;

  // explorer/src/chain/contract.js
  var view = async (rpc, address2, data) => bytesIn(await rpc.ask("eth_call", { to: address2, data: toHex(data) }, "latest"));
  async function goesThrough(rpc, address2, data) {
    try {
      await view(rpc, address2, data);
      return { reverted: false, data: "0x" };
    } catch (error) {
      if (error instanceof RpcError && error.data !== null && error.data.length >= 10)
        return { reverted: true, data: error.data };
      throw error;
    }
  }
  var codeAt = async (rpc, address2) => bytesIn(await rpc.ask("eth_getCode", address2, "latest"));
  async function parametersOf(rpc, address2) {
    const reader = new Reader(await view(rpc, address2, call("parameters()")));
    return {
      modelId: toHex(reader.word(0)),
      vocabularyRoot: reader.word(WORD),
      vocabularySize: Number(reader.integer(2 * WORD)),
      N: Number(reader.integer(3 * WORD)),
      k: Number(reader.integer(4 * WORD)),
      sealed: reader.boolean(5 * WORD)
    };
  }
  async function identityOf(rpc, address2) {
    const [id, development] = await Promise.all([
      view(rpc, address2, call("VERIFIER_ID()")),
      view(rpc, address2, call("DEVELOPMENT_SRS()"))
    ]);
    return { verifierId: toHex(new Reader(id).word(0)), developmentSrs: new Reader(development).boolean(0) };
  }
  async function storedAnswer(rpc, contract, claimId2) {
    const id = fromHex(claimId2);
    const settled = new Reader(await view(rpc, contract, call("isSettled(bytes32)", id))).boolean(0);
    if (!settled) return null;
    const [ids, text2] = await Promise.all([
      view(rpc, contract, call("tokensOf(bytes32)", id)),
      view(rpc, contract, call("textOf(bytes32)", id))
    ]);
    const [idReader, textReader] = [new Reader(ids), new Reader(text2)];
    return {
      ids: idReader.words(idReader.size(0)).map((word) => Number(toInteger(word))),
      text: textReader.bytes(textReader.size(0))
    };
  }
  var initialOwnerOf = async (rpc, contract) => new Reader(await view(rpc, contract, call("INITIAL_OWNER()"))).address(0);
  var ownerOf = async (rpc, contract) => new Reader(await view(rpc, contract, call("owner()"))).address(0);
  var chainIdOf = async (rpc) => numberIn(await rpc.ask("eth_chainId"));
  function transactionIn(value) {
    const fields2 = objectIn(value);
    return {
      to: fields2.to === null || fields2.to === void 0 ? null : digestIn(fields2.to, 20),
      from: digestIn(fields2.from, 20),
      input: bytesIn(fields2.input ?? fields2.data)
    };
  }
  async function costOf(rpc, hash) {
    const fields2 = objectIn(await rpc.ask("eth_getTransactionReceipt", hash));
    return {
      gas: integerIn(fields2.gasUsed),
      price: fields2.effectiveGasPrice === void 0 ? null : integerIn(fields2.effectiveGasPrice)
    };
  }
  async function timesOf(rpc, blocks) {
    const calls = blocks.map((block) => ["eth_getBlockByNumber", quantity(block), false]);
    return (await rpc.askAll(calls)).map((block) => numberIn(objectIn(block).timestamp));
  }

  // explorer/src/chain/calls.js
  var Calls = class {
    /**
     * @param {import("./rpc.js").Rpc} rpc
     * @param {import("./history.js").History} history
     */
    constructor(rpc, history2) {
      this.rpc = rpc;
      this.history = history2;
      this.known = /* @__PURE__ */ new Map();
      this.parameters = /* @__PURE__ */ new Map();
    }
    /**
     * Reads the calls of claims that are not known yet.
     * @param {readonly Claim[]} claims
     */
    async load(claims) {
      const missing = claims.filter(({ id }) => !this.known.has(id));
      const hashes = [...new Set(missing.map(({ transaction }) => transaction))];
      const questions = hashes.map((hash) => ["eth_getTransactionByHash", hash]);
      const answers = await this.rpc.askAll(questions);
      for (const [i, hash] of hashes.entries()) {
        const calls = await this.callsIn(answers[i]);
        for (const claim of missing.filter(({ transaction }) => transaction === hash)) {
          const found = calls.get(claim.id);
          if (found === void 0) this.known.set(claim.id, null);
          else {
            const { settlement: _, ...rest } = found;
            this.known.set(claim.id, rest);
          }
        }
      }
    }
    /**
     * The call that settled a claim, proof included; null where the transaction's data do not hold it.
     * @param {Claim} claim
     */
    async read(claim) {
      const calls = await this.callsIn(await this.rpc.ask("eth_getTransactionByHash", claim.transaction));
      return calls.get(claim.id) ?? null;
    }
    /**
     * The calls in a transaction's data by the claims that they settle.
     * @param {unknown} answer
     * @returns {Promise<Map<string, SettlingCall>>}
     */
    async callsIn(answer) {
      const found = /* @__PURE__ */ new Map();
      if (answer === null) return found;
      const transaction = transactionIn(answer);
      const direct = transaction.to === this.history.contract;
      const settlements = direct ? decoded(transaction.input) : settlementsWithin(transaction.input);
      for (const settlement of settlements) {
        const verifier = toHex(settlement.verifier);
        try {
          const parameters = await this.parametersOf(verifier);
          const statement = statementOf(settlement.words, parameters);
          const id = toHex(claimIdOf(fromHex(parameters.modelId), parameters.k, statement));
          const together = settlements.length;
          if (!found.has(id)) found.set(id, { settlement, parameters, statement, verifier, direct, together });
        } catch (error) {
          const unreadable = error instanceof Refused || error instanceof Malformed;
          if (!unreadable && !(error instanceof RpcError && error.answered)) throw error;
        }
      }
      return found;
    }
    /**
     * Of a registered verifier, or what a contract says of itself.
     * @param {string} verifier
     */
    parametersOf(verifier) {
      const registered = this.history.verifiers.get(verifier);
      if (registered) return Promise.resolve(registered);
      const asked = this.parameters.get(verifier) ?? parametersOf(this.rpc, verifier);
      this.parameters.set(verifier, asked);
      asked.catch(() => this.parameters.delete(verifier));
      return asked;
    }
  };
  function decoded(input) {
    try {
      return settlementsOf(input) ?? [];
    } catch (error) {
      if (error instanceof Malformed) return [];
      throw error;
    }
  }

  // explorer/src/chain/history.js
  var FIRST_SPAN = 1e4;
  var LARGEST_SPAN = 1 << 24;
  var GROWTH = 4;
  var UNSETTLED_BLOCKS = 64;
  var History = class _History {
    /**
     * @param {import("./rpc.js").Rpc} rpc
     * @param {string} contract
     * @param {number} firstBlock no event is older
     */
    constructor(rpc, contract, firstBlock = 0) {
      this.rpc = rpc;
      this.contract = contract.toLowerCase();
      this.firstBlock = firstBlock;
      this.span = FIRST_SPAN;
      this.head = null;
      this.oldest = 0;
      this.complete = false;
      this.entries = [];
      this.claims = [];
      this.claimsById = /* @__PURE__ */ new Map();
      this.requests = /* @__PURE__ */ new Map();
      this.verifiers = /* @__PURE__ */ new Map();
      this.malformed = 0;
    }
    /** Reads the next older range; the newest at first. Nothing where all was read. */
    async readOlder() {
      if (this.complete) return;
      if (this.head === null) {
        this.head = numberIn(await this.rpc.ask("eth_blockNumber"));
        this.oldest = this.head + 1;
      }
      const [entries, from] = await this.readRange(this.oldest - 1);
      this.oldest = from;
      this.complete = from <= this.firstBlock || entries.some(({ kind }) => kind === "created");
      if (entries.length) this.keep([...this.entries, ...entries]);
    }
    /** Reads what is new, and the newest blocks anew. */
    async readNewer() {
      if (this.head === null) {
        await this.readOlder();
        return;
      }
      const head = numberIn(await this.rpc.ask("eth_blockNumber"));
      const from = Math.max(this.oldest, Math.min(head, this.head) + 1 - UNSETTLED_BLOCKS);
      const entries = from <= head ? await this.entriesOf(from, head) : [];
      this.head = head;
      this.keep([...entries, ...this.entries.filter(({ block }) => block < from)]);
    }
    /**
     * A claim that a node finds without reading everything; null where it finds none. Nodes may refuse.
     * @param {string} id
     */
    async lookUp(id) {
      const range = { fromBlock: quantity(this.firstBlock), toBlock: "latest" };
      const [settled, fulfilled] = await Promise.all([
        this.ask({ ...range, topics: [null, id] }, Number.MAX_SAFE_INTEGER),
        this.ask({ ...range, topics: [null, null, id] }, Number.MAX_SAFE_INTEGER)
      ]);
      const found = new _History(this.rpc, this.contract);
      found.keep([...fulfilled, ...settled]);
      return found.claimsById.get(id) ?? null;
    }
    /**
     * Entries of a range that ends at `to`, and where it begins.
     * @param {number} to
     * @returns {Promise<[Entry[], number]>}
     */
    async readRange(to) {
      for (; ; ) {
        const from = Math.max(this.firstBlock, to + 1 - this.span);
        try {
          const entries = await this.entriesOf(from, to);
          this.span = Math.min(LARGEST_SPAN, this.span * GROWTH);
          return [entries, from];
        } catch (error) {
          if (!(error instanceof RpcError) || !error.answered || from === to) throw error;
          this.span = Math.max(1, Math.floor((to + 1 - from) / GROWTH));
        }
      }
    }
    /**
     * @param {number} from
     * @param {number} to
     */
    entriesOf(from, to) {
      return this.ask({ fromBlock: quantity(from), toBlock: quantity(to) }, to, from);
    }
    /**
     * @param {Readonly<Record<string, unknown>>} filter
     * @param {number} to
     * @returns {Promise<Entry[]>} newest first
     */
    async ask(filter, to, from = this.firstBlock) {
      const answer = await this.rpc.ask("eth_getLogs", { address: this.contract, ...filter });
      if (!Array.isArray(answer)) throw new RpcError("the node's answer is malformed");
      const entries = answer.flatMap((value) => this.entryOf(value));
      if (entries.some(({ block }) => block < from || block > to)) {
        throw new RpcError("the node gave events that were not asked for");
      }
      return entries.sort((a, b) => b.block - a.block || b.index - a.index);
    }
    /**
     * A log as a node gives it; nothing for one whose block was dropped.
     * @param {unknown} value
     * @returns {Entry[]}
     */
    entryOf(value) {
      const fields2 = objectIn(value);
      if (fields2.removed === true) return [];
      if (!Array.isArray(fields2.topics)) throw new RpcError("the node's answer is malformed");
      if (digestIn(fields2.address, 20) !== this.contract)
        throw new RpcError("the node gave events of another contract");
      const log = {
        topics: fields2.topics.map((topic2) => digestIn(topic2)),
        data: bytesIn(fields2.data),
        block: numberIn(fields2.blockNumber),
        index: numberIn(fields2.logIndex),
        transaction: digestIn(fields2.transactionHash)
      };
      return [{ ...eventOf(log), block: log.block, index: log.index }];
    }
    /**
     * Derives everything from the entries.
     * @param {Entry[]} entries newest first
     */
    keep(entries) {
      this.entries = entries;
      this.claimsById = /* @__PURE__ */ new Map();
      this.requests = /* @__PURE__ */ new Map();
      this.verifiers = /* @__PURE__ */ new Map();
      this.malformed = 0;
      for (let i = entries.length - 1; i >= 0; i--) this.take(entries[i]);
      this.claims = [...this.claimsById.values()].reverse();
    }
    /** @param {Entry} event */
    take(event) {
      switch (event.kind) {
        case "settled":
          this.claimsById.set(event.claim.id, event.claim);
          break;
        case "requested":
          this.requests.set(event.request.id, { ...event.request, state: "open" });
          break;
        case "fulfilled": {
          const { requestId, claimId: claimId2, reward } = event;
          const claim = this.claimsById.get(claimId2);
          if (claim) Object.assign(claim, { requestId, reward });
          this.close(requestId, "fulfilled");
          break;
        }
        case "returned":
          this.close(event.requestId, "returned");
          break;
        case "registered":
          this.verifiers.set(event.verifier.address, { ...event.verifier, frozen: false });
          break;
        case "frozen": {
          const verifier = this.verifiers.get(event.address);
          if (verifier) verifier.frozen = true;
          break;
        }
        case "malformed":
          this.malformed++;
          break;
        default:
      }
    }
    /**
     * @param {string} id
     * @param {"fulfilled" | "returned"} state
     */
    close(id, state) {
      const request = this.requests.get(id);
      if (request) request.state = state;
    }
  };

  // explorer/src/protocol/curve.js
  var G1_BYTES = 64;
  var { G1, G2 } = bn254;
  var { Fp: Fp3, Fp2: Fp22, Fp12: Fp122 } = bn254.fields;
  var GENERATOR2 = G1.Point.BASE;
  var GENERATOR_2 = G2.Point.BASE;
  var OffCurve = class extends Malformed {
  };
  function coordinates(bytes, count) {
    if (bytes.length !== count * WORD)
      throw new Malformed(`a point has ${count * WORD} bytes, not ${bytes.length}`);
    return Array.from({ length: count }, (_, i) => {
      const value = toInteger(bytes.subarray(i * WORD, (i + 1) * WORD));
      if (value >= Fp3.ORDER) throw new Malformed("a coordinate is not below p");
      return value;
    });
  }
  function decodeG1(bytes) {
    const [x, y] = coordinates(bytes, 2);
    if (x === 0n && y === 0n) return G1.Point.ZERO;
    if (Fp3.create(y * y - x * x * x - 3n) !== 0n) throw new OffCurve("it is not on the curve");
    return G1.Point.fromAffine({ x, y });
  }
  function decodeG2(bytes) {
    const [xImaginary, xReal, yImaginary, yReal] = coordinates(bytes, 4);
    const x = Fp22.fromBigTuple([xReal, xImaginary]);
    const y = Fp22.fromBigTuple([yReal, yImaginary]);
    if (Fp22.is0(x) && Fp22.is0(y)) throw new Malformed("it is the point at infinity");
    const point2 = G2.Point.fromAffine({ x, y });
    try {
      point2.assertValidity();
    } catch {
      throw new OffCurve("it is not a point of G2");
    }
    return point2;
  }
  var linearCombination = (terms) => terms.reduce((total, [scalar, point2]) => total.add(point2.multiplyUnsafe(mod2(scalar))), G1.Point.ZERO);
  function pairingProductIsOne(pairs) {
    const finite = pairs.filter(([p]) => !p.is0());
    return Fp122.eql(bn254.pairingBatch(finite.map(([g1, g2]) => ({ g1, g2 }))), Fp122.ONE);
  }

  // explorer/src/generated/poseidon2.js
  var DIAGONAL = [
    0x10dc6e9c006ea38b04b1e03b4bd9490c0d03f98929ca1d7fb56821fd19d3b6e7n,
    0x0c28145b6a44df3e0149b3d0a30b3bb599df9756d4dd9b84a86b38cfb45a740bn,
    0x00544b8338791518b2c7645a50392798b21f75bb60e3596170067d00141cac15n,
    0x222c01175718386f2e2e82eb122789e352e105a3b8fa852613bc534433ee428bn
  ];

  // explorer/src/protocol/gates.js
  var SELECTORS = ["q1", "q2", "q3", "q4", "qM", "qC", "qE", "qI", "qL"];
  var WIRES = ["a", "b", "c", "d"];
  var COSET_SHIFTS = [1n, 5n, 7n, 11n];
  var EXTERNAL = [
    [5n, 7n, 1n, 3n],
    [4n, 6n, 1n, 1n],
    [1n, 3n, 5n, 7n],
    [1n, 1n, 4n, 6n]
  ];
  var external = (s) => EXTERNAL.map((row) => row.reduce((total, m, i) => total + m * s[i], 0n));
  function internal(s) {
    const total = s.reduce((sum, x) => sum + x, 0n);
    return s.map((x, i) => total + DIAGONAL[i] * x);
  }
  function gateTerms(selectors, wires, next) {
    const [q1, q2, q3, q4, qM, qC, qE, qI, qL] = selectors;
    const [a, b, c, d] = wires;
    const flags = qE + qI + qL;
    const arithmetic = (1n - flags) * (q1 * a + q2 * b + q3 * c + q4 * d + qM * a * b + qC);
    const u = [q1, q2, q3, q4].map((q, i) => pow2(wires[i] + q, 5n));
    const full = external(u);
    const partial = internal([u[0], b, c, d]);
    const first = external(wires);
    const rounds = next.map((w, i) => flags * w - qE * full[i] - qI * partial[i] - qL * first[i]);
    return [arithmetic, ...rounds].map(mod2);
  }
  function permutationNumerator(wires, sigma, x, grand, grandNext, beta, gamma) {
    let left = grand;
    let right = grandNext;
    wires.forEach((w, j) => {
      left = mod2(left * (w + beta * COSET_SHIFTS[j] * x + gamma));
      right = mod2(right * (w + beta * sigma[j] + gamma));
    });
    return mod2(left - right);
  }
  var grandProduct = (x, reduced) => mod2(1n + (x - 1n) * reduced);

  // explorer/src/protocol/transcript.js
  var STATEMENT_TAG = keccak256(utf8("zkllm.v2.statement"));
  var SIGMAS = ["sigma1", "sigma2", "sigma3", "sigma4"];
  var PREPROCESSED = [...SELECTORS, ...SIGMAS];
  var WIRES_NEXT = WIRES.map((w) => `${w}_next`);
  var EVALUATIONS = [
    ...PREPROCESSED,
    // at y
    ...WIRES,
    // at y
    ...WIRES_NEXT,
    // at w y
    "z",
    // z'(y)
    ...["z_next", "Tp_next", "Tg_next"],
    // z', Tp, Tg at w y
    ...["g_zeta", "g_zeta_inv", "h_zeta", "h_zeta_inv", "S_zeta", "S_zeta_inv"]
  ];
  var points = (...names) => names.map((name) => ({ name, point: true }));
  var scalars = (...names) => names.map((name) => ({ name, point: false }));
  var SCHEDULE = [
    { challenge: "theta", messages: scalars("delta") },
    { challenge: "alpha", messages: [...scalars("v"), ...points("h")] },
    { challenge: "gamma", messages: points("q", "g") },
    { challenge: "zeta", messages: points("SD") },
    { challenge: "beta_p", messages: [...scalars("pc", "pci", "pr", "pri"), ...points("C1")] },
    { challenge: "gamma_p", messages: [] },
    { challenge: "alpha_p", messages: [] },
    { challenge: "y", messages: points("C2") },
    { challenge: "beta", messages: scalars(...EVALUATIONS) },
    { challenge: "z", messages: points("W") },
    { challenge: "omega", messages: points("W_prime") }
  ];
  var INVERSE = "inverse";
  var publicInputNames = (numWords2) => [
    "seed",
    ...Array.from({ length: numWords2 }, (_, i) => `word${i}`),
    ...["delta", "theta", "zeta", "v", "pc", "pci", "pr", "pri"]
  ];
  var statementDigest = (verifierId, context, words, witness) => keccak256(STATEMENT_TAG, verifierId, context, ...words.map((w) => toWord(w)), ...witness);
  var seedOf = (digest3) => toInteger(digest3) >> 8n;
  function drawChallenges(verifierId, digest3, encoded) {
    const challenges = {};
    let state = concat(verifierId, digest3);
    for (const { challenge, messages } of SCHEDULE) {
      state = keccak256(state, ...messages.map(({ name }) => encoded[name]));
      challenges[challenge] = mod2(toInteger(state));
    }
    return challenges;
  }
  var bodyElements = (numWitness) => [
    ...points(...Array.from({ length: numWitness }, (_, i) => `witness${i}`)),
    ...SCHEDULE.flatMap(({ messages }) => messages),
    { name: INVERSE, point: false }
  ];
  var bytesOf = ({ point: point2 }) => point2 ? G1_BYTES : WORD;
  function decodeBody(body, numWitness) {
    const elements = bodyElements(numWitness);
    const expected = elements.reduce((total, element) => total + bytesOf(element), 0);
    if (body.length !== expected) {
      throw new Refused("length", `the proof's body has ${body.length} bytes instead of ${expected}`);
    }
    const decoded2 = { witness: [], encoded: {}, scalars: {}, points: {} };
    let at = 0;
    for (const element of elements) {
      const data = body.subarray(at, at += bytesOf(element));
      if (element.point) {
        decoded2.points[element.name] = point(element.name, data);
      } else {
        const value = toInteger(data);
        if (value >= R) throw new Refused("canonical scalar", `${element.name} is not below r`);
        decoded2.scalars[element.name] = value;
      }
      if (element.name.startsWith("witness")) decoded2.witness.push(data);
      else decoded2.encoded[element.name] = data;
    }
    return decoded2;
  }
  function point(name, data) {
    try {
      return decodeG1(data);
    } catch (error) {
      if (error instanceof OffCurve) throw new Refused("point on curve", `${name} is not a point of G1`);
      throw new Refused("canonical point", `a coordinate of ${name} is not below p`);
    }
  }

  // explorer/src/protocol/opening.js
  var OPENINGS = [
    { commitment: "C0", point: "y", remainder: PREPROCESSED },
    { commitment: "C1", point: "y", remainder: WIRES },
    { commitment: "C1", point: "y_next", remainder: WIRES_NEXT },
    { commitment: "C2", point: "y", remainder: ["z", "Tp", "Tg"] },
    { commitment: "C2", point: "y_next", remainder: ["z_next", "Tp_next", "Tg_next"] },
    { commitment: "g", point: "zeta", remainder: ["g_zeta"] },
    { commitment: "g", point: "zeta", remainder: ["g_zeta_inv"], inverted: true },
    { commitment: "h", point: "zeta", remainder: ["h_zeta"] },
    { commitment: "h", point: "zeta", remainder: ["h_zeta_inv"], inverted: true },
    { commitment: "h", point: "alpha", remainder: ["h_alpha"] },
    { commitment: "SD", point: "zeta", remainder: ["S_zeta", "D_zeta"] },
    { commitment: "SD", point: "zeta", remainder: ["S_zeta_inv", "D_zeta_inv"], inverted: true }
  ];
  var Domain = class {
    /**
     * @param {number} log2Size
     * @param {bigint} root
     */
    constructor(log2Size, root) {
      this.size = 1n << BigInt(log2Size);
      this.root = root;
    }
    /**
     * Where a polynomial has the value that it has on the next row at x.
     * @param {bigint} x
     */
    next(x) {
      return mod2(x * this.root);
    }
    /** @param {bigint} x */
    vanishingAt(x) {
      return mod2(pow2(x, this.size) - 1n);
    }
  };
  function modulusAt({ point: point2, remainder, inverted }, z, at) {
    const power = pow2(z, BigInt(remainder.length));
    return inverted ? mod2(at[point2] * power - 1n) : mod2(power - at[point2]);
  }
  var pointsOf = (domain, challenges) => ({ ...challenges, y_next: domain.next(challenges.y) });
  var modulusName = (o) => `${o.remainder.length} ${o.point} ${o.inverted ?? false}`;
  function denominatorsProduct(domain, numPublic, challenges) {
    const { y, z, zeta } = challenges;
    const at = pointsOf(domain, challenges);
    const values = [domain.vanishingAt(y), zeta];
    for (let i = 0, w = 1n; i < numPublic; i++, w = domain.next(w)) values.push(mod2(y - w));
    const distinct = new Map(OPENINGS.map((o) => [modulusName(o), o]));
    for (const opening of distinct.values()) values.push(modulusAt(opening, z, at));
    return product(values);
  }
  function publicPolynomialOverVanishing(domain, inputs, y) {
    let total = 0n;
    let w = 1n;
    for (const value of inputs) {
      total += value * w * inverse(y - w);
      w = domain.next(w);
    }
    return mod2(-mod2(total) * inverse(domain.size));
  }
  function derive(domain, bLog2, words, seed, scalars2, challenges) {
    const { y, zeta, gamma } = challenges;
    const e = scalars2;
    const named2 = {
      ...scalars2,
      ...challenges,
      seed,
      ...Object.fromEntries(words.map((w, i) => [`word${i}`, w]))
    };
    const inputs = publicInputNames(words.length).map((name) => named2[name]);
    const vanishingInverse = inverse(domain.vanishingAt(y));
    const values = (names) => names.map((name) => e[name]);
    const [wires, next] = [values(WIRES), values(WIRES_NEXT)];
    const gates = combine(gateTerms(values(SELECTORS), wires, next), challenges.alpha_p);
    const numerator = permutationNumerator(
      wires,
      values(SIGMAS),
      y,
      grandProduct(y, e.z),
      grandProduct(domain.next(y), e.z_next),
      challenges.beta_p,
      challenges.gamma_p
    );
    const zetaInverse = inverse(zeta);
    const twice = e.g_zeta * e.pci + e.g_zeta_inv * e.pc + gamma * (e.h_zeta * e.pri + e.h_zeta_inv * e.pr - 2n * e.v) - zeta * e.S_zeta - zetaInverse * e.S_zeta_inv;
    const last = (1n << BigInt(bLog2)) - 1n;
    return {
      Tg: mod2(gates * vanishingInverse + publicPolynomialOverVanishing(domain, inputs, y)),
      Tp: mod2(numerator * vanishingInverse),
      h_alpha: mod2(twice * inverse(2n)),
      D_zeta: mod2(pow2(zeta, last) * e.g_zeta_inv),
      D_zeta_inv: mod2(pow2(zetaInverse, last) * e.g_zeta)
    };
  }
  function batch(domain, values, challenges) {
    const { z, beta } = challenges;
    const at = pointsOf(domain, challenges);
    const weights = {};
    let remainders = 0n;
    let power = 1n;
    for (const opening of OPENINGS) {
      const s = mod2(power * inverse(modulusAt(opening, z, at)));
      const remainder = combine(
        opening.remainder.map((name) => values[name]),
        z
      );
      weights[opening.commitment] = mod2((weights[opening.commitment] ?? 0n) + s);
      remainders = mod2(remainders + s * remainder);
      power = mod2(power * beta);
    }
    return { weights, remainders };
  }

  // explorer/src/protocol/key.js
  var VERSION = 2;
  var TAG = keccak256(utf8("zkllm.v2.verifier"));
  var SRS_KINDS = ["development", "ceremony"];
  var INTEGERS = (
    /** @type {const} */
    [
      ...["version", "N", "k", "n_log2", "num_words", "num_witness_columns", "mu", "b_log2"],
      ...["vocab_size", "pad_id", "n_ctx"]
    ]
  );
  var MAX_POSITIONS = (1 << 16) - 1;
  var MAX_MU = 26;
  var MAX_CIRCUIT_LOG2 = 25;
  var MAX_VOCABULARY = 1 << 24;
  var MAX_COLUMNS = 1 << 8;
  var isDevelopment = (g2Tau) => GENERATOR_2.multiply(
    mod2(toInteger(keccak256(utf8("zkllm development SRS v1: insecure, tau is public"))))
  ).equals(decodeG2(g2Tau));
  var VerifyingKey = class {
    /** @param {unknown} data what vk.json holds */
    constructor(data) {
      const fields2 = record(data);
      for (const name of INTEGERS) {
        const value = fields2[name];
        if (!Number.isInteger(value) || Number(value) < 0 || Number(value) >= 2 ** 32) {
          throw new Malformed(`the key's ${name} is no number`);
        }
      }
      const integer = (name) => Number(fields2[name]);
      const bytes = (name, size) => bytesOf2(fields2[name], name, size);
      if (typeof fields2.sealed !== "boolean") throw new Malformed("the key's sealed is not true or false");
      if (!Array.isArray(fields2.fixed_commitments)) throw new Malformed("the key has no commitments");
      this.version = integer("version");
      this.shape = { N: integer("N"), k: integer("k"), sealed: fields2.sealed };
      this.nLog2 = integer("n_log2");
      this.numWords = integer("num_words");
      this.numWitness = integer("num_witness_columns");
      this.mu = integer("mu");
      this.bLog2 = integer("b_log2");
      this.vocabularySize = integer("vocab_size");
      this.padId = integer("pad_id");
      this.nCtx = integer("n_ctx");
      this.modelId = bytes("model_id", 32);
      this.configDigest = bytes("config_digest", 32);
      this.vocabularyRoot = bytes("vocabulary_root", 32);
      this.srsDigest = bytes("srs_digest", 32);
      this.srsKind = String(fields2.srs_kind);
      this.c0 = bytes("c0", 64);
      this.g2Tau = bytes("g2_tau", 128);
      this.g2TauB = bytes("g2_tau_b", 128);
      this.fixedCommitments = fields2.fixed_commitments.map((c) => bytesOf2(c, "commitment", 64));
      this.check();
      this.points = {
        c0: decodeG1(this.c0),
        fixed: this.fixedCommitments.map(decodeG1),
        g2: GENERATOR_2,
        g2Tau: decodeG2(this.g2Tau),
        g2TauB: decodeG2(this.g2TauB)
      };
      this.domain = new Domain(this.nLog2, rootOfUnity(this.nLog2));
      this.numPublic = publicInputNames(this.numWords).length;
      this.verifierId = this.digest();
    }
    /** Ranges, in an order in which each bounds what the later ones compute. */
    check() {
      const { N, k } = this.shape;
      const conditions = [
        ["1 <= k <= N <= n_ctx", 1 <= k && k <= N && N <= this.nCtx && this.nCtx <= MAX_POSITIONS],
        ["num_words", this.numWords === numWords(this.shape)],
        ["vocab_size", this.padId < this.vocabularySize && this.vocabularySize <= MAX_VOCABULARY],
        ["mu", 0 < this.bLog2 && this.bLog2 < this.mu && this.mu <= MAX_MU && this.nLog2 <= MAX_CIRCUIT_LOG2],
        ["rows", publicInputNames(this.numWords).length < 2 ** this.nLog2],
        ["columns", [this.numWitness, this.fixedCommitments.length].every((n) => 1 <= n && n <= MAX_COLUMNS)],
        ["version", this.version === VERSION],
        ["srs_kind", SRS_KINDS.includes(this.srsKind)],
        [
          "srs_kind (a development SRS that calls itself a ceremony's)",
          this.developmentSrs || !isDevelopment(this.g2Tau)
        ]
      ];
      for (const [name, holds] of conditions) {
        if (!holds) throw new Malformed(`the key's ${name} is out of range`);
      }
    }
    /** Whether anyone can forge under it. */
    get developmentSrs() {
      return this.srsKind === "development";
    }
    /** VERIFIER_ID: of the tag, the integers as words, the digests and the points. */
    digest() {
      const { N, k, sealed } = this.shape;
      const integers = [
        ...[
          this.version,
          N,
          k,
          Number(sealed),
          this.nLog2,
          this.numWords,
          this.numWitness,
          this.mu,
          this.bLog2
        ],
        ...[
          this.vocabularySize,
          this.padId,
          this.nCtx,
          SRS_KINDS.indexOf(this.srsKind),
          this.fixedCommitments.length
        ]
      ];
      return keccak256(
        TAG,
        ...integers.map((x) => toWord(x)),
        ...[this.modelId, this.configDigest, this.vocabularyRoot, this.srsDigest],
        ...[this.g2Tau, this.g2TauB, this.c0],
        ...this.fixedCommitments
      );
    }
  };
  function record(data) {
    if (typeof data !== "object" || data === null || Array.isArray(data))
      throw new Malformed("it is no verifying key");
    return (
      /** @type {Record<string, unknown>} */
      data
    );
  }
  function bytesOf2(text2, name, size) {
    if (typeof text2 !== "string" || text2.length !== 2 * size)
      throw new Malformed(`the key's ${name} has another length`);
    return fromHex(`0x${text2}`);
  }

  // explorer/src/protocol/vocabulary.js
  var LEAF = Uint8Array.of(0);
  var NODE = Uint8Array.of(1);
  var EMPTY = new Uint8Array(32);
  var PAUSE_EVERY = 2048;
  var leafOf = (id, bytes) => keccak256(LEAF, toWord(id, 4), bytes);
  var nodeOf = (left, right) => keccak256(NODE, left, right);
  var depthOf = (size) => size <= 1 ? 0 : 32 - Math.clz32(size - 1);
  var Vocabulary = class {
    /**
     * @param {Uint8Array} packed for each id the length of its bytes (LEB128), then the bytes
     * @param {number} size how many ids
     */
    constructor(packed, size) {
      this.packed = packed;
      this.size = size;
      this.places = new Uint32Array(2 * size);
      let at = 0;
      for (let id = 0; id < size; id++) {
        let length = 0;
        for (let shift = 0, byte = 128; byte & 128; shift += 7) {
          byte = packed[at++];
          length |= (byte & 127) << shift;
        }
        this.places[2 * id] = at;
        this.places[2 * id + 1] = at += length;
      }
      if (at !== packed.length) throw new Malformed("the vocabulary's file is damaged");
    }
    /**
     * What an id stands for.
     * @param {number} id below `size`
     */
    bytesOf(id) {
      return this.packed.subarray(this.places[2 * id], this.places[2 * id + 1]);
    }
    /**
     * What ids stand for, together; null where one is not of the vocabulary.
     * @param {readonly number[]} ids
     */
    textOf(ids) {
      return ids.every((id) => id < this.size) ? concat(...ids.map((id) => this.bytesOf(id))) : null;
    }
    /**
     * Root of the tree over all ids. Takes a second for 50,000: gives way in between.
     * @param {() => Promise<void>} pause
     */
    async root(pause2) {
      let level = [];
      for (let id = 0; id < this.size; id++) {
        level.push(leafOf(id, this.bytesOf(id)));
        if (id % PAUSE_EVERY === PAUSE_EVERY - 1) await pause2();
      }
      let padding = EMPTY;
      for (let depth = depthOf(this.size); depth > 0; depth--) {
        if (level.length % 2) level.push(padding);
        const above = [];
        for (let i = 0; i < level.length; i += 2) {
          above.push(nodeOf(level[i], level[i + 1]));
          if (i % (2 * PAUSE_EVERY) === 0) await pause2();
        }
        level = above;
        padding = nodeOf(padding, padding);
      }
      return level[0];
    }
  };
  function isOfVocabulary(root, size, ids, tokens, siblings) {
    const distinct = [...new Set(ids)].sort((a, b) => a - b);
    if (distinct.length !== tokens.length || distinct.some((id) => id >= size)) return false;
    let nodes2 = distinct.map((id, i) => ({ at: id, value: leafOf(id, tokens[i]) }));
    let used = 0;
    for (let depth = depthOf(size); depth > 0; depth--) {
      const above = [];
      for (let i = 0; i < nodes2.length; i++) {
        const { at, value } = nodes2[i];
        const together = at % 2 === 0 && i + 1 < nodes2.length && nodes2[i + 1].at === at + 1;
        const other = together ? nodes2[++i].value : siblings[used++];
        if (other === void 0) return false;
        above.push({ at: at >> 1, value: at % 2 ? nodeOf(other, value) : nodeOf(value, other) });
      }
      nodes2 = above;
    }
    return used === siblings.length && equal(nodes2[0].value, root);
  }
  function answerText(ids, tokens) {
    const distinct = [...new Set(ids)].sort((a, b) => a - b);
    return concat(...ids.map((id) => tokens[distinct.indexOf(id)] ?? new Uint8Array()));
  }

  // explorer/src/site.js
  var Site = class {
    /** @param {unknown} data of data/site.js; undefined where there is none */
    constructor(data) {
      const given = record2(data ?? {});
      const network = record2(given.network ?? {});
      this.version = text(given.version, 40);
      this.network = text(network.name, 60);
      this.chainId = typeof network.chain_id === "number" ? network.chain_id : null;
      this.explorer = webAddress(network.explorer);
      this.confirmations = typeof network.confirmations === "number" ? network.confirmations : 1;
      this.rpcUrl = webAddress(given.rpc_url);
      this.contract = address(given.contract);
      this.firstBlock = typeof given.first_block === "number" ? given.first_block : 0;
      this.models = /* @__PURE__ */ new Map();
      this.keys = /* @__PURE__ */ new Map();
      for (const model of list(given.models)) this.addModel(record2(model));
    }
    /** @param {Record<string, unknown>} model */
    addModel(model) {
      const id = digest(model.model_id);
      this.models.set(id, {
        id,
        name: text(model.name, 100),
        vocabulary: typeof model.vocabulary === "string" && DATA_FILE.test(model.vocabulary) ? model.vocabulary : null,
        vocabularySize: Number(model.vocabulary_size)
      });
      for (const verifier of list(model.verifiers)) {
        const { key, code_digest: code } = record2(verifier);
        this.addKey(key, code === null ? null : digest(code), false);
      }
    }
    /**
     * @param {unknown} data what vk.json holds
     * @param {string | null} codeDigest keccak256 of the verifier's code that is generated from it
     * @param {boolean} given
     */
    addKey(data, codeDigest, given) {
      const key = new VerifyingKey(data);
      const id = toHex(key.verifierId);
      if (!this.keys.has(id)) this.keys.set(id, { key, codeDigest, given });
      return key;
    }
    /** @param {string} modelId */
    nameOf(modelId) {
      return this.models.get(modelId)?.name ?? null;
    }
  };
  var DATA_FILE = /^data\/[0-9a-f]{64}\.js$/;
  function record2(value) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new Malformed("the page's data are damaged");
    return (
      /** @type {Record<string, unknown>} */
      value
    );
  }
  var list = (value) => Array.isArray(value) ? value : [];
  var text = (value, most) => typeof value === "string" ? value.slice(0, most) : "";
  var webAddress = (value) => typeof value === "string" && /^https?:\/\/[^/]/.test(value) ? value : null;
  function digest(value) {
    if (typeof value !== "string" || fromHex(value).length !== 32)
      throw new Malformed("the page's data are damaged");
    return value.toLowerCase();
  }
  var address = (value) => typeof value === "string" && /^0x[0-9a-f]{40}$/i.test(value) ? value.toLowerCase() : null;
  var siteData;
  var awaited = /* @__PURE__ */ new Map();
  var door = Object.freeze({
    /** @param {unknown} data */
    site(data) {
      siteData = data;
    },
    /** @param {string} file @param {string} base64 */
    vocabulary(file, base64) {
      awaited.get(file)?.(base64);
    }
  });
  var readSite = () => new Site(siteData);
  var policy = (
    /** @type {any} */
    globalThis.trustedTypes?.createPolicy("zkllm-data", {
      /** @param {string} url */
      createScriptURL(url) {
        if (!DATA_FILE.test(url)) throw new TypeError("not a file of data");
        return url;
      }
    })
  );
  function loadVocabulary({ vocabulary: file, vocabularySize }) {
    if (file === null) return Promise.resolve(null);
    return new Promise((resolve) => {
      const script = document.createElement("script");
      const end = (found) => {
        awaited.delete(file);
        script.remove();
        resolve(found);
      };
      awaited.set(file, (base64) => {
        try {
          const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
          end(new Vocabulary(packed, vocabularySize));
        } catch {
          end(null);
        }
      });
      script.addEventListener("error", () => end(null));
      script.addEventListener("load", () => end(null));
      script.src = policy ? policy.createScriptURL(file) : file;
      document.head.append(script);
    });
  }

  // explorer/src/app.js
  var CHOICE = "zkllm-explorer";
  var App = class {
    /** @param {import("./site.js").Site} site */
    constructor(site) {
      this.site = site;
      this.vocabularies = /* @__PURE__ */ new Map();
      this.choice = { rpcUrl: null, contract: null };
      this.contract = null;
      this.rpc = null;
      this.history = null;
      this.calls = null;
      this.times = /* @__PURE__ */ new Map();
      this.chain = null;
      this.connect(savedChoice());
    }
    /**
     * Begins anew with another node or contract.
     * @param {Choice} choice
     */
    connect(choice) {
      this.choice = choice;
      this.contract = choice.contract ?? this.site.contract;
      const url = choice.rpcUrl ?? this.site.rpcUrl;
      this.rpc = url === null ? null : new Rpc(url);
      const first = this.contract === this.site.contract ? this.site.firstBlock : 0;
      this.history = this.rpc && this.contract ? new History(this.rpc, this.contract, first) : null;
      this.calls = this.rpc && this.history ? new Calls(this.rpc, this.history) : null;
      this.times = /* @__PURE__ */ new Map();
      this.chain = null;
    }
    /** @param {Choice} choice */
    choose(choice) {
      try {
        sessionStorage.setItem(CHOICE, JSON.stringify(choice));
      } catch {
      }
      this.connect(choice);
    }
    /**
     * What reading needs.
     * @returns {{ rpc: Rpc, history: History, calls: Calls, contract: string }}
     */
    connection() {
      const { rpc, history: history2, calls, contract } = this;
      if (!rpc || !history2 || !calls || !contract) throw new RpcError("no node or no contract is chosen");
      return { rpc, history: history2, calls, contract };
    }
    /** The node's chain id; RpcError where the site is of another chain. */
    chainId() {
      this.chain ??= this.askChain();
      this.chain.catch(() => this.chain = null);
      return this.chain;
    }
    async askChain() {
      const id = await chainIdOf(this.connection().rpc);
      const { chainId, network } = this.site;
      if (chainId !== null && id !== chainId && this.contract === this.site.contract) {
        throw new RpcError(`the node is on chain ${id}, this page is of chain ${chainId} (${network})`);
      }
      return id;
    }
    /**
     * The bytes of a model's ids; null where the page does not have them.
     * @param {string} modelId
     */
    vocabulary(modelId) {
      const model = this.site.models.get(modelId);
      if (!model) return Promise.resolve(null);
      const loading = this.vocabularies.get(modelId) ?? loadVocabulary(model);
      this.vocabularies.set(modelId, loading);
      return loading;
    }
    /**
     * Unix times of blocks.
     * @param {readonly number[]} blocks
     */
    async loadTimes(blocks) {
      const missing = [...new Set(blocks)].filter((block) => !this.times.has(block));
      const times = await timesOf(this.connection().rpc, missing);
      missing.forEach((block, i) => this.times.set(block, times[i]));
    }
  };
  function savedChoice() {
    try {
      const saved = JSON.parse(sessionStorage.getItem(CHOICE) ?? "{}");
      return { rpcUrl: saved.rpcUrl ?? null, contract: saved.contract ?? null };
    } catch {
      return { rpcUrl: null, contract: null };
    }
  }

  // explorer/src/dom.js
  function h(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (typeof value === "function") element.addEventListener(name.slice(2), value);
      else if (value !== false) element.setAttribute(name, value === true ? "" : String(value));
    }
    element.append(...nodes(children));
    return element;
  }
  function nodes(children) {
    return children.flat().filter((child) => child !== null && child !== void 0 && child !== false).map((child) => child instanceof Node ? child : String(child));
  }
  var fill = (element, ...children) => element.replaceChildren(...nodes(children));
  var link = (route, ...children) => h("a", { href: `#${route}` }, ...children);
  var outside = (url, text2) => h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text2);
  var facts = (rows) => h(
    "dl",
    { class: "facts" },
    rows.filter((row) => row !== null).map(
      ([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, ...Array.isArray(value) ? value : [value]))
    )
  );

  // explorer/src/reader.js
  var AGAIN_MS = 15e3;
  var Reader2 = class extends EventTarget {
    /** @param {import("./app.js").App} app */
    constructor(app) {
      super();
      this.app = app;
      this.error = null;
      this.running = false;
    }
    /** Reads on until something goes wrong; nothing where it is reading already. */
    async run() {
      const { history: history2 } = this.app;
      if (this.running || history2 === null) return;
      this.running = true;
      this.error = null;
      this.changed();
      try {
        await this.app.chainId();
        while (history2 === this.app.history) {
          if (!history2.complete) await history2.readOlder();
          else {
            await pause(AGAIN_MS);
            if (document.visibilityState === "visible") await history2.readNewer();
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
  };

  // explorer/src/generated/settlement.js
  var SETTLEMENT_CREATION = () => fromHex("0x60a060405234801561000f575f5ffd5b506040516142b03803806142b083398101604081905261002e916100e4565b80806001600160a01b03811661005d57604051631e4fbdf760e01b81525f600482015260240160405180910390fd5b61006681610079565b506001600160a01b031660805250610111565b600180546001600160a01b031916905561009281610095565b50565b5f80546001600160a01b038381166001600160a01b0319831681178455604051919092169283917f8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e09190a35050565b5f602082840312156100f4575f5ffd5b81516001600160a01b038116811461010a575f5ffd5b9392505050565b6080516141876101295f395f61043201526141875ff3fe6080604052600436106101af575f3560e01c806396afb365116100e7578063be65b62111610087578063eacb140811610062578063eacb140814610516578063f2fde38b14610542578063f85d51b114610561578063fd9969291461058d575f5ffd5b8063be65b621146104ad578063d7d2b897146104c0578063e30c3978146104ec575f5ffd5b8063a36250d8116100c2578063a36250d814610421578063b1724b4614610454578063b7b83a141461046b578063bd07f3c91461047e575f5ffd5b806396afb365146103aa57806397a5d5b5146103c95780639db22f71146103f5575f5ffd5b806376db9006116101525780637f599dd71161012d5780637f599dd71461030357806384690b12146103225780638d1fdf2f146103415780638da5cb5b14610360575f5ffd5b806376db9006146102bd57806379ba5097146102dc5780637e04ee0a146102f0575f5ffd5b80634420e4861161018d5780634420e4861461023e57806351cff8d91461025f578063715018a61461027e5780637580725014610292575f5ffd5b806308a7b65e146101b357806326844e57146101e557806333bfe84514610212575b5f5ffd5b3480156101be575f5ffd5b506101d26101cd36600461391d565b6105ac565b6040519081526020015b60405180910390f35b3480156101f0575f5ffd5b506102046101ff366004613a07565b6106a5565b6040516101dc929190613a73565b34801561021d575f5ffd5b5061023161022c366004613a91565b610769565b6040516101dc9190613aa8565b348015610249575f5ffd5b5061025d610258366004613b00565b6107df565b005b34801561026a575f5ffd5b5061025d610279366004613b00565b610b62565b348015610289575f5ffd5b5061025d610caa565b34801561029d575f5ffd5b506101d26102ac366004613b00565b60056020525f908152604090205481565b3480156102c8575f5ffd5b506101d26102d7366004613b1b565b610cbd565b3480156102e7575f5ffd5b5061025d610d08565b6101d26102fe366004613b5c565b610d7f565b34801561030e575f5ffd5b506101d261031d366004613b9f565b610dc4565b34801561032d575f5ffd5b506101d261033c366004613bc8565b610dda565b34801561034c575f5ffd5b5061025d61035b366004613b00565b610e2e565b34801561036b575f5ffd5b505f5473ffffffffffffffffffffffffffffffffffffffff165b60405173ffffffffffffffffffffffffffffffffffffffff90911681526020016101dc565b3480156103b5575f5ffd5b5061025d6103c4366004613a91565b610eb3565b3480156103d4575f5ffd5b506103e86103e3366004613b00565b610f4b565b6040516101dc9190613c79565b348015610400575f5ffd5b5061041461040f366004613a91565b610f85565b6040516101dc9190613ccc565b34801561042c575f5ffd5b506103857f000000000000000000000000000000000000000000000000000000000000000081565b34801561045f575f5ffd5b506101d26301e1338081565b6101d2610479366004613b5c565b611037565b348015610489575f5ffd5b5061049d610498366004613a91565b611047565b60405190151581526020016101dc565b6101d26104bb366004613cde565b61105c565b3480156104cb575f5ffd5b506104df6104da366004613a91565b6110ff565b6040516101dc9190613d4a565b3480156104f7575f5ffd5b5060015473ffffffffffffffffffffffffffffffffffffffff16610385565b348015610521575f5ffd5b50610535610530366004613a91565b611112565b6040516101dc9190613d5c565b34801561054d575f5ffd5b5061025d61055c366004613b00565b611208565b34801561056c575f5ffd5b5061058061057b366004613dbe565b6112b7565b6040516101dc9190613dfd565b348015610598575f5ffd5b506103856105a7366004613e41565b6113f9565b5f366105c060048b8b8b8b8b8b8b8b6114d3565b146105f7576040517f8129bbcd00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5f61060f6106048d611585565b8b8b89898989611653565b90508060800151515f0361065a5780516040517fb196a44a00000000000000000000000000000000000000000000000000000000815260048101919091526024015b60405180910390fd5b61068b7fe7cb115d000000000000000000000000000000000000000000000000000000008d8d8d8d8d8d5f80611822565b6106958b826118e8565b9c9b505050505050505050505050565b5f60605f6106b28561197b565b90506106c2816020015160f01c90565b84106106fd576040517f1ff907f800000000000000000000000000000000000000000000000000000000815260048101859052602401610651565b5f61070782611a74565b90505f5b85811015610739576022600582028401015160d81c61ffff1661072e8184613eac565b92505060010161070b565b506022600586028301015160e881901c945060d81c61ffff1661075d838383611a99565b93505050509250929050565b5f818152600360209081526040918290208054835181840281018401909452808452606093928301828280156107d357602002820191905f5260205f20905b815473ffffffffffffffffffffffffffffffffffffffff1681526001909101906020018083116107a8575b50505050509050919050565b6107e7611af4565b5f6107f182610f4b565b600281111561080257610802613c17565b14610851576040517f45ed80e900000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff82166004820152602401610651565b8073ffffffffffffffffffffffffffffffffffffffff163b5f036108b9576040517f581a047c00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff82166004820152602401610651565b46600114801561093157508073ffffffffffffffffffffffffffffffffffffffff1663eeaa177f6040518163ffffffff1660e01b8152600401602060405180830381865afa15801561090d573d5f5f3e3d5ffd5b505050506040513d601f19601f820116820180604052508101906109319190613ebf565b15610968576040517f4058474c00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b61099d6040518060c001604052805f81526020015f81526020015f81526020015f81526020015f81526020015f151581525090565b5f6109a88383611b46565b90505f610a01835f0151846060015185608001518660a001516040805160208082019690965280820194909452606084019290925215156080808401919091528151808403909101815260a09092019052805191012090565b5f8181526004602052604090205490915073ffffffffffffffffffffffffffffffffffffffff1615610a885782516060840151608085015160a08601516040517f99c7402800000000000000000000000000000000000000000000000000000000815260048101949094526024840192909252604483015215156064820152608401610651565b73ffffffffffffffffffffffffffffffffffffffff84165f8181526002602090815260408083208690558483526004825280832080547fffffffffffffffffffffffff000000000000000000000000000000000000000090811686179091558751845260038352818420805460018101825590855293839020909301805490931684179092558551606080880151608089015160a08a015186519283529482015292151583850152925190927fd5e6c8119d4fc830b6fc6f906f8398cb453638af52d2177199ead4fb05b757f8928290030190a350505050565b335f9081526005602052604081205490819003610bab576040517fd0d04f6000000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b335f81815260056020526040808220919091555173ffffffffffffffffffffffffffffffffffffffff841691907fd1c19fbcd4551a5edfb66d43d2e337c04837afda3482b42bdf569a8fccdae5fb90610c079085815260200190565b60405180910390a35f8273ffffffffffffffffffffffffffffffffffffffff16826040515f6040518083038185875af1925050503d805f8114610c65576040519150601f19603f3d011682016040523d82523d5f602084013e610c6a565b606091505b5050905080610ca5576040517f90b8ec1800000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b505050565b610cb2611af4565b610cbb5f611c0a565b565b6040805173ffffffffffffffffffffffffffffffffffffffff841660208201529081018290525f906060015b6040516020818303038152906040528051906020012090505b92915050565b600154339073ffffffffffffffffffffffffffffffffffffffff168114610d73576040517f118cdaa700000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff82166004820152602401610651565b610d7c81611c0a565b50565b5f610dba86610da4888789604080519384526020840192909252908201526060902090565b604080515f815260208101909152878787611c3b565b9695505050505050565b5f610dd0848484611f12565b90505b9392505050565b5f610e2385858585604051602001610df3929190613f07565b60405160208183030381529060405280519060200120604080519384526020840192909252908201526060902090565b90505b949350505050565b610e36611af4565b6001610e4182610f4b565b6002811115610e5257610e52613c17565b14610e6057610e6081611fcf565b73ffffffffffffffffffffffffffffffffffffffff81165f81815260026020819052604080832091909155517f45f2b13d3c68e6d1218e58a39eb4b018ffb64587259ed8324f83bc9e914beb789190a250565b5f610ebd82612084565b805490915074010000000000000000000000000000000000000000900467ffffffffffffffff164211801590610f03575060018101545f90815260076020526040902054155b15610f3d576040517fb5b6d7ac00000000000000000000000000000000000000000000000000000000815260048101839052602401610651565b610f478282612179565b5050565b73ffffffffffffffffffffffffffffffffffffffff81165f90815260026020819052604082205460ff1690811115610d0257610d02613c17565b60605f610f918361197b565b9050610fa1816020015160f01c90565b67ffffffffffffffff811115610fb957610fb9613eda565b604051908082528060200260200182016040528015610fe2578160200160208202803683370190505b5091505f5b8251811015611030576022600582028301015160e881901c905083828151811061101357611013613f3e565b63ffffffff90921660209283029190910190910152600101610fe7565b5050919050565b5f610dba86610da4888789611f12565b5f818152600760205260408120541515610d02565b5f848103611096576040517f41abc80100000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5f6110af88868989604051602001610df3929190613f07565b90506110f388828989808060200260200160405190810160405280939291908181526020018383602002808284375f920191909152508b92508a9150899050611c3b565b98975050505050505050565b6060610d0261110d8361197b565b61223d565b6111416040805160a0810182525f80825260208201819052909182019081526020015f81526020015f81525090565b5f82815260066020908152604091829020825160a081018452815473ffffffffffffffffffffffffffffffffffffffff8116825274010000000000000000000000000000000000000000810467ffffffffffffffff1693820193909352929091908301907c0100000000000000000000000000000000000000000000000000000000900460ff1660028111156111d9576111d9613c17565b60028111156111ea576111ea613c17565b81526001820154602082015260029091015460409091015292915050565b611210611af4565b6001805473ffffffffffffffffffffffffffffffffffffffff83167fffffffffffffffffffffffff000000000000000000000000000000000000000090911681179091556112725f5473ffffffffffffffffffffffffffffffffffffffff1690565b73ffffffffffffffffffffffffffffffffffffffff167f38d16b8cac22d99fc7c124b9cd0de2d3fa1faef420bfe791d8c362d765e2270060405160405180910390a350565b60606112c38383612262565b6112f9576040517f8129bbcd00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b8167ffffffffffffffff81111561131257611312613eda565b60405190808252806020026020018201604052801561133b578160200160208202803683370190505b5090505f61134883612331565b90505f5b838110156113a75761138285858381811061136957611369613f3e565b905060200281019061137b9190613f6b565b83856123e0565b83828151811061139457611394613f3e565b602090810291909101015260010161134c565b506113b181612525565b5f036113e9576040517f618104e800000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6113f281612548565b5092915050565b604080516020808201879052818301869052606082018590528315156080808401919091528351808403909101815260a090920183528151918101919091205f9081526004909152205473ffffffffffffffffffffffffffffffffffffffff16806114a9576040517f0781b12a0000000000000000000000000000000000000000000000000000000081526004810186905260248101859052604481018490528215156064820152608401610651565b60016114b482610f4b565b60028111156114c5576114c5613c17565b14610e2657610e2681611fcf565b600587811b8a0186821b81019185901b8201610140019a5f9260e09091018b14610100909201891491909116610120909101861416838b14168061151a575f915050611578565b8260051b840191505f5b8381101561157557823580840160200193600583901b870135870114620100008210169290921691601f16801561156c57808403358160031b1b158316925080602003840193505b50600101611524565b50025b9998505050505050505050565b6115ba6040518060c001604052805f81526020015f81526020015f81526020015f81526020015f81526020015f151581525090565b73ffffffffffffffffffffffffffffffffffffffff82165f9081526002602052604090205460ff81166001146115f3576115f383611fcf565b806115fe8484611b46565b1461164d576040517f29ce456000000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff84166004820152602401610651565b50919050565b6116826040518060a001604052805f81526020015f81526020015f815260200160608152602001606081525090565b60608860a001511561174a5761169b896080015161287b565b6116a6906001613eac565b87146116de576040517f8129bbcd00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b87875f8181106116f0576116f0613f3e565b6020029190910135604084015250885160808a015161172691908a8a5f8161171a5761171a613f3e565b90506020020135611f12565b8252611743611738886001818c613fa7565b5f8c6080015161289e565b90506117d9565b6117638960600151600261175e9190613eac565b61287b565b871461179b576040517f8129bbcd00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6117af88888b606001518c6080015161293a565b60408481018390528b5160808d015182519182526020820152908101929092526060909120835290505b8851602083015281516117f9905f90815260076020526040902054151590565b6118165761180b8982888888886129c3565b606084015260808301525b50979650505050505050565b5f604051468152306020820152336040820152886060820152608081208b825280600483015250606060248201528660051b608001604482015284870160051b6040018060208a036064840137838582606401848e5afa611885573d5f833e3d82fd5b5050813d10159050806118dc576040517f581a047c00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff8a166004820152602401610651565b50505050505050505050565b805160808201516118f890612c84565b60075f8381526020019081526020015f20819055503373ffffffffffffffffffffffffffffffffffffffff168260200151827ffb8afb1c535b8ae416da15858038a32e4857361f760b6bad4cb104bbae16aa9385604001518660600151604051611963929190613fd2565b60405180910390a48215610d0257610d028382612cd8565b5f818152600760205260408120546060918190036119c8576040517f1d46cb0500000000000000000000000000000000000000000000000000000000815260048101849052602401610651565b60ff81167fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff018101611a0057610e26606083901c612e5c565b8067ffffffffffffffff811115611a1957611a19613eda565b6040519080825280601f01601f191660200182016040528015611a43576020820181803683370190505b507fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0090921660208301525092915050565b5f611a83826020015160f01c90565b611a8e906005613fea565b610d02906002613eac565b60608167ffffffffffffffff811115611ab457611ab4613eda565b6040519080825280601f01601f191660200182016040528015611ade576020820181803683370190505b50905081836020860101602083015e9392505050565b5f5473ffffffffffffffffffffffffffffffffffffffff163314610cbb576040517f118cdaa7000000000000000000000000000000000000000000000000000000008152336004820152602401610651565b7f89035730000000000000000000000000000000000000000000000000000000005f818152908160c084600483885afa60a085015160c086207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0016600117945060021160bf3d1190911616905080611c02576040517f581a047c00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff86166004820152602401610651565b505092915050565b600180547fffffffffffffffffffffffff0000000000000000000000000000000000000000169055610d7c81612ed4565b5f835f03611c75576040517f41abc80100000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b428367ffffffffffffffff16111580611ca45750611c976301e1338042613eac565b8367ffffffffffffffff16115b15611ce7576040517f277b2d7400000000000000000000000000000000000000000000000000000000815267ffffffffffffffff84166004820152602401610651565b611cf13383610cbd565b5f81815260066020526040812091925081547c0100000000000000000000000000000000000000000000000000000000900460ff166002811115611d3757611d37613c17565b14611d71576040517fa4a99c6100000000000000000000000000000000000000000000000000000000815260048101839052602401610651565b6040805160a08101825233815267ffffffffffffffff861660208201529081016001815260208082018a9052346040928301525f85815260068252829020835181549285015167ffffffffffffffff1674010000000000000000000000000000000000000000027fffffffff0000000000000000000000000000000000000000000000000000000090931673ffffffffffffffffffffffffffffffffffffffff909116179190911780825591830151909182907fffffff00ffffffffffffffffffffffffffffffffffffffffffffffffffffffff167c0100000000000000000000000000000000000000000000000000000000836002811115611e7657611e76613c17565b021790555060608201518160010155608082015181600201559050503373ffffffffffffffffffffffffffffffffffffffff1687837fe461175d6535c4dbe29c2d0ea444bf49a36d58baa6f7899f34884ed985af670e8b89348a8d604051611ee2959493929190614001565b60405180910390a45f8781526007602052604090205415611f0757611f078282612179565b509695505050505050565b5f7f30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f00000018210611f6f576040517f5ff7a33900000000000000000000000000000000000000000000000000000000815260048101839052602401610651565b604080517f498878948ebd9b194fa0434900637badf6ffa4095cabb253b60cfd34c872c17e6020820152908101859052606081018490526080810183905260a0016040516020818303038152906040528051906020012090509392505050565b6002611fda82610f4b565b6002811115611feb57611feb613c17565b0361203a576040517f58fccb4d00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff82166004820152602401610651565b6040517f72a161ab00000000000000000000000000000000000000000000000000000000815273ffffffffffffffffffffffffffffffffffffffff82166004820152602401610651565b5f8181526006602052604081209081547c0100000000000000000000000000000000000000000000000000000000900460ff1660028111156120c8576120c8613c17565b03612102576040517f7bbe34c900000000000000000000000000000000000000000000000000000000815260048101839052602401610651565b600281547c0100000000000000000000000000000000000000000000000000000000900460ff16600281111561213a5761213a613c17565b03612174576040517f2edf717f00000000000000000000000000000000000000000000000000000000815260048101839052602401610651565b919050565b80547c02000000000000000000000000000000000000000000000000000000007fffffff00ffffffffffffffffffffffffffffffffffffffffffffffffffffffff8216178255600282015473ffffffffffffffffffffffffffffffffffffffff9091165f90815260056020526040812080548392906121f9908490613eac565b9091555050600182015460405182815284907ff40c65e7b6646f44e7cfcda094f2cd55d5049077fb2009840e5dfb4e3240f8839060200160405180910390a3505050565b60605f61224983611a74565b9050610dd3838283865161225d9190614040565b611a99565b5f8261227060046040613eac565b811461227f575f915050610d02565b5f61228b846020613fea565b6122959083613eac565b90505f5b8481101561232657368686838181106122b4576122b4613f3e565b90506020028101906122c69190613f6b565b90508093508284146122de575f945050505050610d02565b61231b846122ef6040840184614053565b6122fc6060860186614053565b6123096080880188614053565b61231660a08a018a614053565b6114d3565b925050600101612299565b503614949350505050565b60608161234160206102a06140b7565b61234b9190613fea565b612356906002613eac565b67ffffffffffffffff81111561236e5761236e613eda565b604051908082528060200260200182016040528015612397578160200160208202803683370190505b5090507f01947ea701d5e703e06b4918be99107d005fbcb60d2a4b1db3b8c960ddd464a65f1c815f815181106123cf576123cf613f3e565b602002602001018181525050919050565b5f806124266123fa6123f56020880188613b00565b611585565b6124076040880188614053565b61241460808a018a614053565b61242160a08c018c614053565b611653565b90508060800151515f036124ad575f5b83518110156124a257815f015184828151811061245557612455613f3e565b60200260200101510361249a5781516040517fb196a44a0000000000000000000000000000000000000000000000000000000081526004810191909152602401610651565b600101612436565b505f9150610dd39050565b61250e7fc4b65fb6000000000000000000000000000000000000000000000000000000006124de6020880188613b00565b60208801356124f060408a018a614053565b6124fd60608c018c614053565b6125068c612f48565b6102a0611822565b61251c8560200135826118e8565b95945050505050565b5f8160018151811061253957612539613f3e565b60200260200101519050919050565b5f61255282612525565b90505f61255e83612f7c565b90505f60c061256e846002613eac565b6125789190613fea565b67ffffffffffffffff81111561259057612590613eda565b6040519080825280601f01601f1916602001820160405280156125ba576020820181803683370190505b509050602081015f6125ce60c06003613fea565b6125d89083613eac565b90505f6125e5875f612fe6565b9050612605836125f6606084613eac565b6126008686614040565b613024565b6001805b87811015612827577f30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f000000187830991505f6126428a83612fe6565b9050612669612652602083613eac565b61265d602087613eac565b60409081902091201490565b61269f576040517f7559d43d00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6126c46126ad60a083613eac565b6126b860a087613eac565b60809081902091201490565b6126fa576040517f7559d43d00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b61271561270961016083613eac565b6126b861016087613eac565b61274b576040517f7559d43d00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6127608661275a606084613eac565b8561302d565b61277a61276e60c088613eac565b61275a61012084613eac565b5f61278760c06002613fea565b6127919088613eac565b90505b85811080156127ba57506127b86127ac604083613eac565b6126b861022085613eac565b155b156127d1576127ca60c082613eac565b9050612794565b858103612807576127f96127e6604083613eac565b6127f261022085613eac565b6080613024565b61280460c087613eac565b95505b61281d816128176101e085613eac565b8661302d565b5050600101612609565b5061283b846128368186614040565b61309c565b612871576040517f4df45e2f00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5050505050505050565b5f600a600161288a8285613eac565b6128949190614040565b610d0291906140b7565b60606040519050818152602081018260051b810160608101808760051b8901895b818110156128dc57803560101b8352601e909201916020016128bf565b50506002016040526003860201825b8281101561292e57815160e890811c82526003830151811c60208301526006830151811c60408301526009830151901c6060820152600c909101906080016128eb565b50505050949350505050565b5f6060853560d81c8381108061294f57508481115b15612989576040517fc67eee4b00000000000000000000000000000000000000000000000000000000815260048101829052602401610651565b5f6129a08888600161299b8682613eac565b61289e565b9185900360010160051b6020830181902092019485525096929550919350505050565b6060805f5f8851600103612ab75760018514612a0b576040517f8129bbcd00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5f895f81518110612a1e57612a1e613f3e565b60200260200101519050612a558188885f818110612a3e57612a3e613f3e565b9050602002810190612a5091906140ef565b6130e7565b9095509350612a7563ffffffff8216612a6e8187613163565b8b8b613186565b60408c01519093507fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff90810190890181901c89151790891c1516915050612c2f565b5f612ac18a613230565b80519091508614612afe576040517f8129bbcd00000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b612b0a8a82898961330c565b9450612b158561223d565b93505f815167ffffffffffffffff811115612b3257612b32613eda565b604051908082528060200260200182016040528015612b5b578160200160208202803683370190505b5090505f5b8251811015612c0857612be3838281518110612b7e57612b7e613f3e565b60200260200101518a8a84818110612b9857612b98613f3e565b9050602002810190612baa91906140ef565b8080601f0160208091040260200160405190810160405280939291908181526020018383808284375f9201919091525061316392505050565b828281518110612bf557612bf5613f3e565b6020908102919091010152600101612b60565b505f612c178d60400151613501565b9050612c2683838d8d8561351f565b90955093505050505b801580612c40575089602001518214155b15612c77576040517fad7550d500000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5050965096945050505050565b80515f90601f811115612cc95760ff612c9c84613714565b60601b7fffffffffffffffffffffffffffffffffffffffff00000000000000000000000016179392505050565b80603f84015350506020015190565b5f612ce283612084565b905081816001015414612d315760018101546040517f2d2e564a000000000000000000000000000000000000000000000000000000008152610651918591600401918252602082015260400190565b805474010000000000000000000000000000000000000000900467ffffffffffffffff16421115612d90576040517e63c7a500000000000000000000000000000000000000000000000000000000815260048101849052602401610651565b80547fffffff00ffffffffffffffffffffffffffffffffffffffffffffffffffffffff167c020000000000000000000000000000000000000000000000000000000017815560028101548015612e0457335f9081526005602052604081208054839290612dfe908490613eac565b90915550505b3373ffffffffffffffffffffffffffffffffffffffff1683857fc3a7772d3fd9a7c185d1e36d56e7dba5e4187cfa83570519525226b3b3d5df4084604051612e4e91815260200190565b60405180910390a450505050565b6060612e80600173ffffffffffffffffffffffffffffffffffffffff84163b614040565b67ffffffffffffffff811115612e9857612e98613eda565b6040519080825280601f01601f191660200182016040528015612ec2576020820181803683370190505b5090508051600160208301843c919050565b5f805473ffffffffffffffffffffffffffffffffffffffff8381167fffffffffffffffffffffffff0000000000000000000000000000000000000000831681178455604051919092169283917f8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e09190a35050565b5f610d028283600181518110612f6057612f60613f3e565b602002602001018051809190612f7590614150565b9052612fe6565b5f5f612f8783612525565b612f9460206102a06140b7565b612f9e9190613fea565b612fa9906002613eac565b612fb4906020613fea565b90507f30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f000000181602085012006915050919050565b5f8082612ff660206102a06140b7565b6130009190613fea565b61300c60026001613eac565b6130169190613eac565b60051b939093019392505050565b8082845e505050565b5f604051604084825e60408181018490528160608160075afa9150604085604083015e8160408660808460065afa1691505080613096576040517f84e8169200000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b50505050565b5f5f60205f848660085afa905060015f51149150806113f2576040517f84e8169200000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b6040518181526060908284602083013760078301603f84017fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe016820190815265010000000000601087901b85171760c81b60208201529150828460278401375f83602701830152601f1960668401168201604052935093915050565b5f6040518360d81b8152825160208401600583015e915160050190912092915050565b60405183906001601f538560051b9550838360051b81015f60018616156131ce57602089169050848160200152823581604003526041601f2094508860011c98506020830192505b5b8183101561322257602089169050848160200152823581604003526041601f20945060208960011c169050848160200152602083013581604003526041601f2094508860021c98506040830192506131cf565b505050604052949350505050565b6060815167ffffffffffffffff81111561324c5761324c613eda565b604051908082528060200260200182016040528015613275578160200160208202803683370190505b509050602081018060208401845160051b81015b808210156132ff578151835b858111156132d05781602082035111156132d0577fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe001613295565b81602082035114868211166132f25780850381602083015e8181526020850194505b5050602082019150613289565b50500360051c8152919050565b60605f845167ffffffffffffffff81111561332957613329613eda565b604051908082528060200260200182016040528015613352578160200160208202803683370190505b5090505f5b85518110156133a257365f86868481811061337457613374613f3e565b905060200281019061338691906140ef565b60109190911b17600584901b8501602001525050600101613357565b505f865167ffffffffffffffff8111156133be576133be613eda565b6040519080825280602002602001820160405280156133e7578160200160208202803683370190505b5090505f875160056133f99190613fea565b613404906002613eac565b90505f5b88518110156134a4578361343b8a838151811061342757613427613f3e565b602002602001015163ffffffff168a6137d5565b8151811061344b5761344b613f3e565b602002602001015183828151811061346557613465613f3e565b60200260200101818152505082818151811061348357613483613f3e565b602002602001015161ffff168261349a9190613eac565b9150600101613408565b508067ffffffffffffffff8111156134be576134be613eda565b6040519080825280601f01601f1916602001820160405280156134e8576020820181803683370190505b5093506134f68489846137f7565b505050949350505050565b5f5b81816001901b10156121745761351881614150565b9050613503565b84515f90819081805b858110156136b5575f805b848110156136aa575f8c828151811061354e5761354e613f3e565b602002602001015190505f8c838061356590614150565b94508151811061357757613577613f3e565b602002602001015190505f826001165f14801561359357508784105b80156135c157506135a5836001613eac565b8f85815181106135b7576135b7613f3e565b6020026020010151145b156135f2578d846135d181614150565b9550815181106135e3576135e3613f3e565b60200260200101519050613634565b8b870361360d57505f985088975061370a9650505050505050565b8c8c8861361981614150565b995081811061362a5761362a613f3e565b9050602002013590505b600183901c8f868151811061364b5761364b613f3e565b6020908102919091010152600183161561366e576136698183613868565b613678565b6136788282613868565b8e868151811061368a5761368a613f3e565b602002602001018181525050505050816136a390614150565b9150613533565b509250600101613528565b50875f815181106136c8576136c8613f3e565b6020026020010151896001846136de9190614040565b815181106136ee576136ee613f3e565b60200260200101515f14801561370357508187145b9350935050505b9550959350505050565b80515f90615fff811115613757576040517fca62396b00000000000000000000000000000000000000000000000000000000815260048101829052602401610651565b5f6040613765836001613eac565b6a61000080600a3d393df300911b178085529050600b8201601585015ff0828552925073ffffffffffffffffffffffffffffffffffffffff8316611030576040517f8fead4d200000000000000000000000000000000000000000000000000000000815260040160405180910390fd5b5f60208201805b805185146137ec576020016137dc565b0360051c9392505050565b60208301600183510160051b835160f01b82526002820191508351600502820160205b8281101561385f578085015161ffff8116601b860381848a015160101b17815160281c60281b17815250600586019550808260101c853792909201915060200161381a565b50505050505050565b6040517f0100000000000000000000000000000000000000000000000000000000000000602082015260218101839052604181018290525f90606101610ce9565b73ffffffffffffffffffffffffffffffffffffffff81168114610d7c575f5ffd5b8035612174816138a9565b5f5f83601f8401126138e5575f5ffd5b50813567ffffffffffffffff8111156138fc575f5ffd5b6020830191508360208260051b8501011115613916575f5ffd5b9250929050565b5f5f5f5f5f5f5f5f5f5f60c08b8d031215613936575f5ffd5b61393f8b6138ca565b995060208b0135985060408b013567ffffffffffffffff811115613961575f5ffd5b61396d8d828e016138d5565b90995097505060608b013567ffffffffffffffff81111561398c575f5ffd5b6139988d828e016138d5565b90975095505060808b013567ffffffffffffffff8111156139b7575f5ffd5b6139c38d828e016138d5565b90955093505060a08b013567ffffffffffffffff8111156139e2575f5ffd5b6139ee8d828e016138d5565b915080935050809150509295989b9194979a5092959850565b5f5f60408385031215613a18575f5ffd5b50508035926020909101359150565b5f81518084528060208401602086015e5f6020828601015260207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f83011685010191505092915050565b63ffffffff83168152604060208201525f610dd06040830184613a27565b5f60208284031215613aa1575f5ffd5b5035919050565b602080825282518282018190525f918401906040840190835b81811015613af557835173ffffffffffffffffffffffffffffffffffffffff16835260209384019390920191600101613ac1565b509095945050505050565b5f60208284031215613b10575f5ffd5b8135610dd3816138a9565b5f5f60408385031215613b2c575f5ffd5b8235613b37816138a9565b946020939093013593505050565b803567ffffffffffffffff81168114612174575f5ffd5b5f5f5f5f5f60a08688031215613b70575f5ffd5b853594506020860135935060408601359250613b8e60608701613b45565b949793965091946080013592915050565b5f5f5f60608486031215613bb1575f5ffd5b505081359360208301359350604090920135919050565b5f5f5f5f60608587031215613bdb575f5ffd5b8435935060208501359250604085013567ffffffffffffffff811115613bff575f5ffd5b613c0b878288016138d5565b95989497509550505050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b60038110610d7c577f4e487b71000000000000000000000000000000000000000000000000000000005f52602160045260245ffd5b60208101613c8683613c44565b91905290565b5f8151808452602084019350602083015f5b82811015613cc257815163ffffffff16865260209586019590910190600101613c9e565b5093949350505050565b602081525f610dd36020830184613c8c565b5f5f5f5f5f5f60a08789031215613cf3575f5ffd5b86359550602087013567ffffffffffffffff811115613d10575f5ffd5b613d1c89828a016138d5565b90965094505060408701359250613d3560608801613b45565b95989497509295919493608090920135925050565b602081525f610dd36020830184613a27565b815173ffffffffffffffffffffffffffffffffffffffff16815260208083015167ffffffffffffffff1690820152604082015160a0820190613d9d81613c44565b80604084015250606083015160608301526080830151608083015292915050565b5f5f60208385031215613dcf575f5ffd5b823567ffffffffffffffff811115613de5575f5ffd5b613df1858286016138d5565b90969095509350505050565b602080825282518282018190525f918401906040840190835b81811015613af5578351835260209384019390920191600101613e16565b8015158114610d7c575f5ffd5b5f5f5f5f60808587031215613e54575f5ffd5b8435935060208501359250604085013591506060850135613e7481613e34565b939692955090935050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b80820180821115610d0257610d02613e7f565b5f60208284031215613ecf575f5ffd5b8151610dd381613e34565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52604160045260245ffd5b5f8184825b85811015613af557813563ffffffff8116808214613f28575f5ffd5b8452506020928301929190910190600101613f0c565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b5f82357fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff41833603018112613f9d575f5ffd5b9190910192915050565b5f5f85851115613fb5575f5ffd5b83861115613fc1575f5ffd5b5050600583901b0193919092039150565b828152604060208201525f610dd06040830184613a27565b8082028115828204841417610d0257610d02613e7f565b85815284602082015283604082015267ffffffffffffffff8316606082015260a060808201525f61403560a0830184613c8c565b979650505050505050565b81810381811115610d0257610d02613e7f565b5f5f83357fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe1843603018112614086575f5ffd5b83018035915067ffffffffffffffff8211156140a0575f5ffd5b6020019150600581901b3603821315613916575f5ffd5b5f826140ea577f4e487b71000000000000000000000000000000000000000000000000000000005f52601260045260245ffd5b500490565b5f5f83357fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe1843603018112614122575f5ffd5b83018035915067ffffffffffffffff82111561413c575f5ffd5b602001915036819003821315613916575f5ffd5b5f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff820361418057614180613e7f565b506001019056");

  // explorer/src/protocol/verify.js
  function verify(key, context, words, body) {
    if (context.length !== WORD)
      throw new Refused("context", `it has ${context.length} bytes instead of ${WORD}`);
    checkWords(key, words);
    const { witness, encoded, scalars: scalars2, points: points2 } = decodeBody(body, key.numWitness);
    const digest3 = statementDigest(key.verifierId, context, words, witness);
    const challenges = drawChallenges(key.verifierId, digest3, encoded);
    if (mod2(denominatorsProduct(key.domain, key.numPublic, challenges) * scalars2[INVERSE]) !== 1n) {
      throw new Refused("inverse", "it is not that of the product of the denominators");
    }
    const derived = derive(key.domain, key.bLog2, words, seedOf(digest3), scalars2, challenges);
    if (!pairingProductIsOne(openingPairs(key, { ...scalars2, ...derived }, points2, challenges))) {
      throw new Refused("pairing", "the opening does not hold");
    }
  }
  function checkWords(key, words) {
    const statement = statementOf(words, key.shape);
    const ids = statement.sealed ? statement.answer : [...statement.prompt, ...statement.answer, ...statement.padding];
    const largest = Math.max(...ids);
    if (largest >= key.vocabularySize) {
      throw new Refused("statement", `id ${largest} is not below the vocabulary's size ${key.vocabularySize}`);
    }
    if (!statement.sealed && statement.padding.some((id) => id !== key.padId)) {
      throw new Refused("statement", `an id after x_T is not the pad id ${key.padId}`);
    }
  }
  function openingPairs(key, values, points2, challenges) {
    const { z, omega, alpha, theta } = challenges;
    const { weights, remainders } = batch(key.domain, values, challenges);
    const commitments = { ...points2, C0: key.points.c0 };
    const terms = Object.entries(weights).map(([name, weight]) => [weight, commitments[name]]);
    terms.push([-remainders, GENERATOR2], [-1n, points2.W], [z, points2.W_prime]);
    terms.push([-omega, points2.g], [omega * alpha, points2.q]);
    let power = omega;
    const witness = Array.from({ length: key.numWitness }, (_, i) => points2[`witness${i}`]);
    for (const column of [...key.points.fixed, ...witness]) {
      terms.push([power, column]);
      power = mod2(power * theta);
    }
    return [
      [linearCombination(terms), key.points.g2],
      [points2.W_prime.negate(), key.points.g2Tau],
      [linearCombination([[omega, points2.q]]).negate(), key.points.g2TauB]
    ];
  }

  // explorer/src/check/checks.js
  var TITLES = {
    call: "The call's data are this claim's",
    proof: "The proof, verified in this page",
    tokens: "The answer's text, by the vocabulary's tree",
    prompt: "The prompt's text, by the whole vocabulary",
    stored: "What the contract stores",
    "call-verify": "The verifier contract, asked through the node",
    "verifier-code": "The verifier's code",
    "settlement-code": "The settlement contract's code"
  };
  var PROXY = fromHex("0x4e59b44847b379578588920ca78fbf26c0b4956c");
  var PROOF_CHECKS = (
    /** @type {Readonly<Record<string, string>>} */
    {
      inverse: "the proof was made for another statement, context or model, or it was changed",
      pairing: "the pairing equation does not hold",
      "canonical scalar": "a number of the proof is out of range",
      "canonical point": "a commitment of the proof is out of range",
      "point on curve": "a commitment of the proof is not a point of the curve",
      statement: "the statement is not one of this shape",
      length: "the proof has another length"
    }
  );
  async function* checks(subject, pause2) {
    const list2 = [
      ["call", () => checkCall(subject)],
      ["proof", () => checkProof(subject, subject.call.settlement)],
      ["tokens", () => checkTokens(subject)],
      ["prompt", () => checkPrompt(subject, pause2)],
      ["stored", () => checkStored(subject)],
      ["call-verify", () => checkByNode(subject, subject.call.settlement)],
      ["verifier-code", () => checkVerifierCode(subject)],
      ["settlement-code", () => checkSettlementCode(subject)]
    ];
    for (const [id, check] of list2) {
      await pause2();
      yield await guarded(id, check);
    }
  }
  async function guarded(id, check) {
    try {
      return await check();
    } catch (error) {
      if (error instanceof RpcError) return finding(id, "unknown", `not checked: ${error.message}`);
      if (error instanceof Malformed || error instanceof Refused) return finding(id, "fails", error.message);
      throw error;
    }
  }
  var finding = (id, outcome, words) => ({ id, title: TITLES[id], outcome, words });
  function checkCall({ claim, call: call2 }) {
    const { statement } = call2;
    const digest3 = statement.sealed ? toWord(statement.sealedPrompt) : promptDigest(statement.prompt);
    if (call2.parameters.modelId !== claim.modelId || toHex(digest3) !== claim.promptDigest) {
      return finding("call", "fails", "the announcement names another model or prompt than the call");
    }
    const how = call2.direct ? "" : " It was called by another contract, and found among that call's data.";
    return finding(
      "call",
      "holds",
      `The claim's id is the digest of the model, the prompt and the answer's length in the call's data.${how}`
    );
  }
  async function checkProof({ app, claim, call: call2, chainId, contract }, settlement) {
    const { rpc } = app.connection();
    const known = await keyOf(app, call2.verifier, rpc);
    if (known === null) {
      return finding(
        "proof",
        "unknown",
        "This page has no verifying key of the verifier that settled the claim. Give its vk.json below."
      );
    }
    const { key } = known;
    const { N, k, sealed } = call2.parameters;
    if (toHex(key.modelId) !== claim.modelId || key.shape.N !== N || key.shape.k !== k || key.shape.sealed !== sealed) {
      return finding("proof", "fails", "The verifier names a key of another model or shape.");
    }
    const started = performance.now();
    try {
      verify(key, contextFor({ claim, chainId, contract }, settlement), settlement.words, settlement.proof);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return finding(
        "proof",
        "fails",
        `Refused: ${PROOF_CHECKS[error.check] ?? error.check} (${error.message}).`
      );
    }
    const taken = Math.round(performance.now() - started);
    const whose = known.given ? "the key that you gave" : "the key of this page";
    return finding(
      "proof",
      "holds",
      `Accepted in ${taken} ms under ${whose}, for this chain, contract, sender and request.`
    );
  }
  var contextFor = ({ claim, chainId, contract }, settlement) => contextOf(BigInt(chainId), fromHex(contract), fromHex(claim.settler), settlement.requestId);
  async function keyOf(app, verifier, rpc) {
    const { verifierId } = await identityOf(rpc, verifier);
    return app.site.keys.get(verifierId) ?? null;
  }
  async function checkTokens({ app, claim, call: call2 }) {
    const { answer } = call2.statement;
    const { tokens, siblings } = call2.settlement;
    const { rpc } = app.connection();
    const known = await keyOf(app, call2.verifier, rpc);
    const said2 = known ? { root: known.key.vocabularyRoot, size: known.key.vocabularySize } : await parametersOf(rpc, call2.verifier).then((p) => ({
      root: p.vocabularyRoot,
      size: p.vocabularySize
    }));
    if (!isOfVocabulary(said2.root, said2.size, answer, tokens, siblings)) {
      return finding(
        "tokens",
        "fails",
        "The bytes in the call are not those of the answer's ids in the vocabulary."
      );
    }
    if (!equal(answerText(answer, tokens), claim.text)) {
      return finding("tokens", "fails", "The announced text is not that of the answer's ids.");
    }
    const whose = known ? "to which the verifying key commits" : "that the verifier contract names";
    return finding(
      "tokens",
      "holds",
      `The bytes shown are those of the token ${answer.length === 1 ? "id" : "ids"} ${answer.join(", ")} under the vocabulary root ${whose}.`
    );
  }
  async function checkPrompt({ app, claim, call: call2 }, pause2) {
    if (call2.statement.sealed) {
      return finding(
        "prompt",
        "unknown",
        "The prompt is sealed: only who has its salt can tell which it is (zkllm settle show)."
      );
    }
    const vocabulary = await app.vocabulary(claim.modelId);
    if (vocabulary === null) {
      return finding(
        "prompt",
        "unknown",
        "This page does not have the model's vocabulary: only the prompt's ids are known."
      );
    }
    const known = await keyOf(app, call2.verifier, app.connection().rpc);
    const root = known?.key.vocabularyRoot ?? (await parametersOf(app.connection().rpc, call2.verifier)).vocabularyRoot;
    if (!equal(await vocabulary.root(pause2), root)) {
      return finding(
        "prompt",
        "fails",
        "This page's vocabulary is not the one to which the verifier commits: do not believe the prompt's text."
      );
    }
    return finding(
      "prompt",
      "holds",
      `The tree over all ${vocabulary.size} tokens of this page has the verifier's vocabulary root.`
    );
  }
  async function checkStored({ app, claim, call: call2, contract }) {
    const stored = await storedAnswer(app.connection().rpc, contract, claim.id);
    if (stored === null)
      return finding("stored", "fails", "The node says that the contract has no such claim.");
    const { answer } = call2.statement;
    const same = stored.ids.length === answer.length && stored.ids.every((id, i) => id === answer[i]);
    if (!same || !equal(stored.text, claim.text)) {
      return finding("stored", "fails", "The contract stores another answer than the call's.");
    }
    return finding("stored", "holds", "The node says that the claim is settled with this answer.");
  }
  async function checkByNode(subject, settlement) {
    const { app, call: call2 } = subject;
    const data = verifyCall(contextFor(subject, settlement), settlement.words, settlement.proof);
    const { reverted, data: error } = await goesThrough(app.connection().rpc, call2.verifier, data);
    return reverted ? finding(
      "call-verify",
      "fails",
      `The verifier contract rejects it (${ERRORS[error.slice(0, 10)] ?? error.slice(0, 10)}).`
    ) : finding("call-verify", "holds", "The node says that the verifier contract accepts the proof.");
  }
  var ERRORS = Object.fromEntries(
    [
      "InvalidCalldata",
      "WordOutOfRange",
      "ScalarOutOfRange",
      "InvalidPoint",
      "InverseMismatch",
      "PrecompileFailed",
      "PairingFailed"
    ].map((name) => [toHex(keccak256(new TextEncoder().encode(`${name}()`)).subarray(0, 4)), name])
  );
  async function checkVerifierCode({ app, call: call2 }) {
    const { rpc } = app.connection();
    const [code, known] = await Promise.all([codeAt(rpc, call2.verifier), keyOf(app, call2.verifier, rpc)]);
    if (known === null || known.codeDigest === null) {
      return finding(
        "verifier-code",
        "unknown",
        "This page has no digest of the code that is generated for this verifier."
      );
    }
    return toHex(keccak256(code)) === known.codeDigest ? finding(
      "verifier-code",
      "holds",
      "The node says that the verifier's code is, to the byte, what is generated from the verifying key."
    ) : finding(
      "verifier-code",
      "fails",
      "The verifier's code is NOT what is generated from the verifying key: it may accept anything."
    );
  }
  async function checkSettlementCode({ app, contract }) {
    const owner = await initialOwnerOf(app.connection().rpc, contract);
    return contract === toHex(settlementAddress(owner)) ? finding(
      "settlement-code",
      "holds",
      "The contract's address follows from the released code and its first owner: it is that code, and its storage began empty."
    ) : finding(
      "settlement-code",
      "fails",
      "The contract's address does not follow from the code that this version releases: it may be anything."
    );
  }
  function settlementAddress(owner) {
    const initCode = concat(SETTLEMENT_CREATION(), new Uint8Array(12), owner);
    return keccak256(Uint8Array.of(255), PROXY, new Uint8Array(32), keccak256(initCode)).subarray(12);
  }
  var bitsOf = (settlement) => 8 * (32 * settlement.words.length + settlement.proof.length);
  function flipped(settlement, bit) {
    const words = settlement.words.map((word) => toWord(word));
    const data = concat(...words, settlement.proof);
    data[bit >> 3] ^= 128 >> (bit & 7);
    const at = 32 * words.length;
    return {
      ...settlement,
      words: words.map((_, i) => toInteger(data.subarray(32 * i, 32 * (i + 1)))),
      proof: data.subarray(at)
    };
  }

  // explorer/src/text/visible.js
  var HIDDEN = /[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
  var MARK = /\p{M}/u;
  var MOST_MARKS = 4;
  var NAMES = {
    0: "NUL",
    9: "tab",
    10: "new line",
    13: "carriage return",
    27: "escape",
    127: "delete"
  };
  var SHORT = { 9: "\\t", 10: "\\n", 13: "\\r" };
  function* codePoints(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const [point2, length] = decodeAt(bytes, at);
      yield point2;
      at += length;
    }
  }
  function decodeAt(bytes, at) {
    const lead = bytes[at];
    if (lead < 128) return [lead, 1];
    const length = lead >= 240 ? 4 : lead >= 224 ? 3 : 2;
    const least = [0, 0, 128, 2048, 65536][length];
    let point2 = lead & 127 >> length;
    for (let i = 1; i < length; i++) {
      const next = bytes[at + i];
      if (next === void 0 || (next & 192) !== 128) return [-1 - lead, 1];
      point2 = point2 << 6 | next & 63;
    }
    const surrogate = point2 >= 55296 && point2 < 57344;
    const valid = lead >= 194 && lead < 245 && point2 >= least && point2 <= 1114111 && !surrogate;
    return valid ? [point2, length] : [-1 - lead, 1];
  }
  function visible(bytes, most = Number.POSITIVE_INFINITY) {
    const segments = [];
    let plain = "";
    let marks = 0;
    let count = 0;
    const flush = () => {
      if (plain) segments.push({ text: plain, escape: false });
      plain = "";
    };
    for (const point2 of codePoints(bytes)) {
      if (count++ === most) {
        flush();
        return { segments, rest: true };
      }
      const character = point2 < 0 ? "" : String.fromCodePoint(point2);
      marks = MARK.test(character) ? marks + 1 : 0;
      const alone = marks > 0 && plain === "";
      if (point2 < 0 || HIDDEN.test(character) || marks > MOST_MARKS || alone) {
        flush();
        segments.push(escapeOf(point2));
      } else {
        plain += character;
      }
    }
    flush();
    return { segments, rest: false };
  }
  function escapeOf(point2) {
    if (point2 < 0) {
      const digits2 = (-1 - point2).toString(16).padStart(2, "0");
      return {
        text: `\\x${digits2}`,
        escape: true,
        title: `the byte 0x${digits2}, which is not UTF-8 here`,
        breaks: false
      };
    }
    const digits = point2.toString(16).toUpperCase().padStart(4, "0");
    return {
      text: SHORT[point2] ?? `\\u{${digits}}`,
      escape: true,
      title: NAMES[point2] ? `${NAMES[point2]} (U+${digits})` : `the character U+${digits}`,
      breaks: point2 === 10
    };
  }
  function oneLine(bytes, most) {
    const { segments, rest } = visible(bytes, most);
    return segments.map(({ text: text2 }) => text2).join("") + (rest ? "…" : "");
  }
  var searchable = (bytes) => new TextDecoder().decode(bytes).toLowerCase();

  // explorer/src/format.js
  var WEI = 10n ** 18n;
  var FIRST_SHOWN = 4e3;
  var grouped = (value) => value.toString().replace(/\B(?=(\d{3})+$)/g, ",");
  var several = (count, one, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`;
  function ether(wei) {
    const fraction = (wei % WEI).toString().padStart(18, "0").replace(/0+$/, "");
    return `${grouped(wei / WEI)}${fraction ? `.${fraction}` : ""} ETH`;
  }
  var ROUGH_DIGITS = 4;
  function roughEther(wei) {
    const digits = wei.toString().length;
    const unit = 10n ** BigInt(Math.max(0, digits - ROUGH_DIGITS));
    const rough = wei / unit * unit;
    return `${rough === wei ? "" : "about "}${ether(rough)}`;
  }
  var COMMAND = /(zkllm (?:setup|prove|key|settle)(?: --[a-z]+| (?:show|reclaim)\b)?)/;
  var withCommands = (text2) => text2.split(COMMAND).map((part, i) => i % 2 ? h("code", { class: "command" }, part) : part);
  function time(seconds) {
    const milliseconds = 1e3 * Number(seconds);
    if (!(milliseconds < 864e13)) return h("span", {}, "beyond all time");
    const text2 = new Date(milliseconds).toISOString();
    return h("time", { datetime: text2 }, `${text2.slice(0, 10)} ${text2.slice(11, 16)} UTC`);
  }
  function digest2(hex, short = false) {
    const text2 = short ? `${hex.slice(0, 10)}…${hex.slice(-4)}` : hex;
    return h("code", { class: "digest", title: short ? hex : false }, text2);
  }
  function account(hex, short = false) {
    const hash = toHex(keccak256(utf8(hex.slice(2)))).slice(2);
    const digits = [...hex.slice(2)].map((digit, i) => hash[i] >= "8" ? digit.toUpperCase() : digit);
    return digest2(`0x${digits.join("")}`, short);
  }
  function said(bytes, { most = FIRST_SHOWN, label = "", whole = true } = {}) {
    const { segments, rest } = visible(bytes, most);
    const text2 = h("bdi", {
      class: "said",
      dir: "ltr",
      "aria-label": label || false,
      role: label ? "group" : false
    });
    for (const segment of segments) {
      if (!segment.escape) text2.append(h("span", { class: "plain" }, segment.text));
      else {
        text2.append(h("span", { class: "escape", title: segment.title }, segment.text));
        if (segment.breaks) text2.append(h("br"));
      }
    }
    if (bytes.length === 0) text2.append(h("span", { class: "nothing" }, "(no bytes)"));
    if (rest && !whole) text2.append("…");
    if (rest && whole) {
      const more = h("button", { type: "button", class: "more" }, `show all ${grouped(bytes.length)} bytes`);
      more.addEventListener(
        "click",
        () => text2.replaceWith(said(bytes, { most: Number.POSITIVE_INFINITY, label }))
      );
      text2.append("… ", more);
    }
    return text2;
  }
  var named = (text2) => said(utf8(text2));
  function idsOnly(ids, most = 200) {
    const shown = ids.slice(0, most).join(", ") + (ids.length > most ? ", …" : "");
    return h(
      "span",
      { class: "ids" },
      h("span", { class: "note" }, `${several(ids.length, "token id")}, whose bytes this page does not have: `),
      h("code", {}, shown)
    );
  }

  // explorer/src/views/parts.js
  var LONGEST_TITLE = 80;
  var breathe = () => new Promise((resolve) => setTimeout(resolve));
  function modelLink(app, modelId) {
    const name = app.site.nameOf(modelId);
    return link(`/model/${modelId}`, name === null ? digest2(modelId, true) : named(name));
  }
  async function promptOf(app, modelId, ids, options = {}) {
    const text2 = (await app.vocabulary(modelId))?.textOf(ids) ?? null;
    return text2 === null ? idsOnly(ids) : said(text2, options);
  }
  function progress(app, reader) {
    const { history: history2 } = app;
    const status = h("p", { class: "status", role: "status" });
    if (history2 === null) {
      status.append("No node is chosen. ", link("/about", "Choose one"), " to read the chain.");
    } else if (reader.error !== null) {
      const again = h("button", { type: "button", onclick: () => void reader.run() }, "Try again");
      status.append(
        h("strong", {}, "Reading stopped: "),
        `${reader.error}. `,
        again,
        " ",
        link("/about", "Choose another node")
      );
    } else if (history2.head === null) {
      status.append("Asking the node …");
    } else {
      const read = `${several(history2.claims.length, "claim")} in blocks ${grouped(history2.oldest)} to ${grouped(history2.head)}`;
      status.append(history2.complete ? `${read}: all there are.` : `${read}; reading older blocks …`);
    }
    if (history2?.malformed) status.append(` ${several(history2.malformed, "event")} could not be read.`);
    return status;
  }
  var transactionLink = (app, hash) => [
    digest2(hash),
    ...app.site.explorer ? [" ", outside(`${app.site.explorer}/tx/${hash}`, "on the block explorer")] : []
  ];
  function show(main, title, ...rest) {
    const heading = h("h1", { tabindex: -1 }, named(title));
    main.replaceChildren(heading, ...rest);
    document.title = `${oneLine(utf8(title), LONGEST_TITLE)} · zkLLM explorer`;
    return heading;
  }
  function follow({ reader, signal }, update) {
    reader.addEventListener("change", update, { signal });
    update();
  }
  var isDigest = (text2) => /^0x[0-9a-f]{64}$/.test(text2);

  // explorer/src/views/about.js
  function aboutView(context) {
    const { app, main } = context;
    const contract = h("div");
    show(
      main,
      "About this page",
      h(
        "p",
        {},
        "It shows what language models were proved to have said. It asks one Ethereum node, and nobody else; everything is computed in your browser. Nothing is stored but your choice below, for this tab."
      ),
      h(
        "section",
        { "aria-labelledby": "contract" },
        h("h2", { id: "contract" }, "The settlement contract"),
        contract
      ),
      choiceForm(context),
      h(
        "section",
        { "aria-labelledby": "keys" },
        h("h2", { id: "keys" }, "Verifying keys of this page"),
        app.site.keys.size ? h("ul", {}, ...[...app.site.keys.values()].map((known) => keyItem(app, known))) : h("p", {}, "None: proofs can be verified here with a key that you give, on a claim's page.")
      ),
      h(
        "p",
        { class: "note" },
        app.site.version ? `Exported by zkllm ${app.site.version}.` : "This page was exported without any data."
      )
    );
    void describe(context, contract);
  }
  function keyItem(app, { key, given }) {
    const { N, k, sealed } = key.shape;
    const model = app.site.nameOf(toHex(key.modelId)) ?? "an unnamed model";
    return h(
      "li",
      {},
      named(model),
      `, N = ${N}, k = ${k}${sealed ? ", sealed" : ""}${given ? " (given by you)" : ""}: VERIFIER_ID `,
      digest2(toHex(key.verifierId))
    );
  }
  async function describe({ app, signal }, place) {
    const { site, rpc, contract } = app;
    const rows = [
      [
        "Chain",
        site.chainId === null ? "not fixed by this page" : `${site.network} (chain id ${site.chainId})`
      ],
      ["Address", contract === null ? "none is chosen" : account(contract)]
    ];
    fill(place, facts(rows));
    if (rpc === null || contract === null) return;
    try {
      await app.chainId();
      const [first, owner] = await Promise.all([initialOwnerOf(rpc, contract), ownerOf(rpc, contract)]);
      if (signal.aborted) return;
      const released = toHex(settlementAddress(first)) === contract;
      rows.push(
        ["First owner", account(toHex(first))],
        [
          "Owner",
          owner.some((byte) => byte) ? [account(toHex(owner)), ": trusted to register only verifiers that do not lie"] : "nobody: no verifier is added or frozen any more"
        ],
        [
          "Code",
          released ? "the released contract: its address follows from that code and the first owner" : "NOT the contract that this version releases: its address does not follow from that code"
        ]
      );
      fill(place, facts(rows));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      if (!signal.aborted)
        place.append(
          h("p", { class: "problem", role: "alert" }, `The node did not say more: ${error.message}.`)
        );
    }
  }
  function choiceForm({ app, reader }) {
    const url = h("input", {
      type: "url",
      id: "rpc",
      placeholder: "https://…",
      value: app.choice.rpcUrl ?? app.site.rpcUrl ?? "",
      autocomplete: "off",
      spellcheck: "false"
    });
    const contract = h("input", {
      type: "text",
      id: "address",
      placeholder: "0x…",
      value: app.contract ?? "",
      autocomplete: "off",
      spellcheck: "false"
    });
    const answer = h("p", { role: "status" });
    const form = h(
      "form",
      { "aria-labelledby": "choice" },
      h("h2", { id: "choice" }, "Your own node"),
      h(
        "p",
        {},
        "The node's word counts for what a proof does not show. Ask one that you trust: your own, or two, one after the other."
      ),
      h("label", { for: "rpc" }, "URL of the node (JSON-RPC)"),
      url,
      h("label", { for: "address" }, "Settlement contract"),
      contract,
      h("div", { class: "row" }, h("button", { type: "submit", class: "primary" }, "Use them")),
      answer
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const chosen = address(contract.value.trim());
      if (chosen === null) {
        answer.textContent = "The contract is no address: 0x and 40 hexadecimal digits.";
        return;
      }
      answer.textContent = "Asking the node …";
      try {
        const id = await chainIdOf(new Rpc(url.value.trim()));
        app.choose({ rpcUrl: url.value.trim(), contract: chosen });
        answer.textContent = `The node is on chain ${id}. Reading from it now.`;
        void reader.run();
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        answer.textContent = `Not taken: ${error.message}.`;
      }
    });
    return form;
  }

  // explorer/src/check/conclusion.js
  var srsInWords = (development) => development ? "development: its secret is published, so anyone can forge proofs. For tests only." : "of a ceremony: nobody can forge proofs unless all of its participants worked together.";
  function conclude(findings, { developmentSrs, givenKey, sealed }) {
    const outcomes = new Map(findings.map(({ id, outcome }) => [id, outcome]));
    const holds = (id) => outcomes.get(id) === "holds";
    const wrong = findings.filter(({ outcome }) => outcome === "fails").map(({ title }) => title);
    const known = [];
    const trusted = [];
    if (holds("proof") && developmentSrs === false) {
      known.push(
        sealed ? "The model answers the sealed prompt with these tokens. That follows from the proof, whoever gave it to this page: the node cannot make one up." : "The model answers this prompt with these tokens. That follows from the proof, whoever gave it to this page: the node cannot make one up.",
        "The proof was made for this chain, contract, sender and request: it is no copy of another one."
      );
      trusted.push(
        "That BN254, keccak256 and Poseidon2 are what they are taken for, and that the ceremony of the SRS had one honest participant."
      );
    }
    if (holds("proof") && developmentSrs !== false) {
      known.push(
        "The proof has the form of a valid one. Under a development SRS that says nothing: anyone can make such a proof of anything."
      );
    }
    if (holds("proof")) {
      trusted.push(
        givenKey ? "That the verifying key that you gave is the model's: zkllm setup --check makes it again from the checkpoint." : "That this page's files are what its author exported, and that its verifying key is the model's: zkllm setup --check makes it again from the checkpoint."
      );
    }
    if (holds("tokens"))
      known.push("The answer's bytes are those of its token ids, by the vocabulary that model_id commits to.");
    if (holds("prompt")) known.push("The prompt's text is that of its token ids, by the same vocabulary.");
    if (holds("call-verify") && !holds("proof"))
      known.push(
        "The node says that the verifier contract accepts the proof. This page has not seen that itself."
      );
    if (holds("verifier-code"))
      known.push(
        "The node says that the registered verifier is the generated one: it settles what is proved, and nothing else."
      );
    if (holds("settlement-code"))
      known.push("The settlement contract is the released one, whatever the node says about its code.");
    if (["stored", "call-verify", "verifier-code"].some((id) => holds(
      /** @type {CheckId} */
      id
    ))) {
      trusted.push(
        "The node, for what is said above to be its word, and for not keeping anything back. Ask another node to compare."
      );
    }
    trusted.push(
      "Not shown by any proof: that what the model said is true, and how close the integer program is to the float model."
    );
    return { ...verdictOf(wrong, holds("proof"), developmentSrs), known, trusted };
  }
  function verdictOf(wrong, proved, developmentSrs) {
    if (wrong.length)
      return { verdict: "wrong", headline: `Do not rely on this claim. What failed: ${wrong.join("; ")}.` };
    if (proved && developmentSrs === false)
      return { verdict: "proved", headline: "The proof holds: this page verified it itself." };
    if (proved)
      return {
        verdict: "forgeable",
        headline: "The proof has the right form, but its SRS is a development one: anyone can forge it."
      };
    return {
      verdict: "open",
      headline: "This page could not verify the proof itself; what is known rests on the node's word."
    };
  }

  // explorer/src/views/check.js
  var MARKS = { holds: "✓", fails: "✗", unknown: "–" };
  var OUTCOMES = { holds: "holds", fails: "fails", unknown: "not checked" };
  function checkPanel(context, claim, call2) {
    const heading = h("h2", { id: "check" }, "Check it yourself");
    const panel = h("section", { class: "check", "aria-labelledby": "check" }, heading);
    if (call2 === null) {
      panel.append(
        h(
          "p",
          {},
          "There is nothing to check here: the call that settled this claim, with its proof, is not in the transaction's data."
        )
      );
      return panel;
    }
    const findings = h("ol", { class: "findings" });
    const conclusion = h("div", { class: "conclusion", role: "status" });
    const start2 = h("button", { type: "button", class: "primary" }, "Check this claim");
    const problem = h("p", { class: "problem", role: "alert" });
    panel.append(
      h(
        "p",
        {},
        "The proof is verified here, in your browser, from the transaction's data; then the node is asked what the contracts say."
      ),
      start2,
      problem,
      findings,
      conclusion,
      damagePanel(context, claim, call2),
      keyPanel(context, call2)
    );
    start2.addEventListener("click", async () => {
      start2.disabled = true;
      problem.textContent = "";
      fill(findings);
      fill(conclusion);
      try {
        const subject = await subjectOf(context, claim, call2);
        const all = [];
        for await (const finding2 of checks(subject, breathe)) {
          if (context.signal.aborted) return;
          all.push(finding2);
          findings.append(rowOf(finding2));
        }
        const known = await keyOf(context.app, call2.verifier, context.app.connection().rpc);
        const said2 = await developmentOf(context, call2, known);
        fill(
          conclusion,
          ...conclusionOf(
            all,
            {
              developmentSrs: known ? known.key.developmentSrs : null,
              givenKey: known?.given ?? false,
              sealed: call2.statement.sealed
            },
            said2
          )
        );
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        problem.textContent = `The checks were not made: ${error.message}.`;
      } finally {
        start2.disabled = false;
      }
    });
    return panel;
  }
  var subjectOf = async ({ app }, claim, call2) => ({
    app,
    claim,
    call: call2,
    chainId: await app.chainId(),
    contract: app.connection().contract
  });
  async function developmentOf({ app }, call2, known) {
    if (known) return `The SRS: ${srsInWords(known.key.developmentSrs)}`;
    const { developmentSrs } = await identityOf(app.connection().rpc, call2.verifier);
    return `The SRS, as the verifier contract says: ${srsInWords(developmentSrs)}`;
  }
  var rowOf = ({ id, title, outcome, words }) => h(
    "li",
    { class: `finding ${outcome}`, "data-check": id },
    h("span", { class: "mark", "aria-hidden": "true" }, MARKS[outcome]),
    h(
      "div",
      {},
      h("strong", {}, title),
      h("span", { class: "outcome" }, `: ${OUTCOMES[outcome]}`),
      h("p", {}, withCommands(words))
    )
  );
  function conclusionOf(findings, facts2, srs) {
    const { verdict, headline, known, trusted } = conclude(findings, facts2);
    return [
      h("p", { class: `verdict ${verdict}`, "data-verdict": verdict }, headline),
      h("p", { class: "srs" }, srs),
      h("h3", {}, "What is known now"),
      known.length ? h("ul", {}, ...known.map((text2) => h("li", {}, withCommands(text2)))) : h("p", {}, "Nothing."),
      h("h3", {}, "What is trusted all the same"),
      h("ul", {}, ...trusted.map((text2) => h("li", {}, withCommands(text2))))
    ];
  }
  function damagePanel(context, claim, call2) {
    const bits = bitsOf(call2.settlement);
    const input = h("input", {
      type: "number",
      id: "bit",
      min: 0,
      max: bits - 1,
      step: 1,
      value: Math.floor(Math.random() * bits)
    });
    const results = h("ol", { class: "findings" });
    const verdict = h("p", { role: "status", class: "refused" });
    const button = h("button", { type: "submit" }, "Flip it, and check again");
    const form = h(
      "form",
      { class: "damage" },
      h("label", { for: "bit" }, `One of the ${grouped(bits)} bits of statement and proof`),
      h("div", { class: "row" }, input, button)
    );
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const bit = input.valueAsNumber;
      if (!Number.isInteger(bit) || bit < 0 || bit >= bits) return;
      button.disabled = true;
      fill(results);
      verdict.textContent = "";
      try {
        const subject = await subjectOf(context, claim, call2);
        const damaged = flipped(call2.settlement, bit);
        const found = [await checkProof(subject, damaged), await checkByNode(subject, damaged)];
        fill(results, ...found.map(rowOf));
        verdict.textContent = damageVerdict(found.map(({ outcome }) => outcome));
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        verdict.textContent = `Not checked: ${error.message}.`;
      } finally {
        button.disabled = false;
      }
    });
    return h(
      "details",
      {},
      h("summary", {}, "See a forged proof fail"),
      h(
        "p",
        {},
        "A check that cannot fail checks nothing. Change one bit of what was proved, or of the proof:"
      ),
      form,
      results,
      verdict
    );
  }
  function damageVerdict(outcomes) {
    if (outcomes.includes("holds"))
      return "A FORGED PROOF WAS ACCEPTED: do not rely on this page, this key or this verifier.";
    return outcomes.includes("fails") ? "The forged proof is refused." : "Not checked.";
  }
  function keyPanel({ app }, call2) {
    const answer = h("p", { role: "status" });
    const input = h("input", { type: "file", id: "key", accept: ".json,application/json" });
    input.addEventListener("change", async () => {
      const file = input.files?.[0];
      if (!file) return;
      try {
        const key = app.site.addKey(JSON.parse(await file.text()), null, true);
        const known = await keyOf(app, call2.verifier, app.connection().rpc);
        answer.textContent = known?.key === key ? "This is the key that the verifier names. Check the claim now." : known ? "The page has the verifier's key already." : "This is the key of another verifier.";
      } catch (error) {
        if (!(error instanceof Malformed || error instanceof SyntaxError || error instanceof RpcError))
          throw error;
        answer.textContent = `Not taken: ${error.message}.`;
      }
    });
    return h(
      "details",
      {},
      h("summary", {}, "Use a verifying key of your own"),
      h(
        "p",
        {},
        withCommands("zkllm setup, zkllm prove and zkllm key write one (vk.json). It stays in this tab.")
      ),
      h("label", { for: "key" }, "Verifying key (vk.json)"),
      h("div", { class: "row" }, input),
      answer
    );
  }

  // explorer/src/views/claim.js
  function claimView(context, id) {
    const { app, reader, main, signal } = context;
    const status = h("div");
    show(main, "Claim", h("p", {}, digest2(id)), status);
    let found = false;
    const present = (claim) => {
      if (found || signal.aborted) return;
      found = true;
      void presentClaim(context, claim);
    };
    follow(context, () => {
      if (found) return;
      const claim = app.history?.claimsById.get(id);
      if (claim) {
        present(claim);
        return;
      }
      fill(status, progress(app, reader));
      if (app.history?.complete)
        status.append(
          h(
            "p",
            {},
            "This contract has settled no such claim. Perhaps it is asked for: ",
            link("/requests", "open requests"),
            "."
          )
        );
    });
    app.history?.lookUp(id).then(
      (claim) => claim && present(claim),
      (error) => {
        if (!(error instanceof RpcError)) throw error;
      }
    );
  }
  async function presentClaim(context, claim) {
    const { app, main, signal } = context;
    const question = h(
      "div",
      { class: "dialogue" },
      h("h2", {}, "Prompt"),
      h("p", { class: "prompt" }, h("span", { class: "note" }, "reading …"))
    );
    const answer = h(
      "div",
      { class: "dialogue" },
      h("h2", {}, "Answer"),
      h("p", { class: "answer" }, said(claim.text, { label: "answer" }))
    );
    const details = h(
      "section",
      { "aria-labelledby": "details" },
      h("h2", { id: "details" }, "Details"),
      h("p", { class: "note" }, "reading …")
    );
    const panel = h("div");
    show(main, "Claim", question, answer, details, panel).focus({ preventScroll: true });
    try {
      const call2 = await app.connection().calls.read(claim);
      if (signal.aborted) return;
      question.lastElementChild?.replaceChildren(await promptText(app, claim, call2));
      if (call2) answer.append(await tokensOf(app, claim, call2));
      const [cost] = await Promise.all([
        costOf(app.connection().rpc, claim.transaction),
        app.loadTimes([claim.block])
      ]);
      if (signal.aborted) return;
      details.replaceChildren(h("h2", { id: "details" }, "Details"), factsOf(app, claim, call2, cost));
      panel.replaceWith(checkPanel(context, claim, call2));
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      details.append(h("p", { class: "problem" }, `Not everything could be read: ${error.message}.`));
    }
  }
  async function promptText(app, claim, call2) {
    if (call2 === null) {
      return h(
        "span",
        { class: "note" },
        "The call that settled this claim is not in its transaction's data (another contract made it): the prompt cannot be shown. Its digest is ",
        digest2(claim.promptDigest),
        "."
      );
    }
    if (call2.statement.sealed) {
      return h(
        "span",
        { class: "note" },
        "The prompt is sealed: P = ",
        digest2(claim.promptDigest),
        " stands for it, and only who has its salt can tell which it is."
      );
    }
    return promptOf(app, claim.modelId, call2.statement.prompt, { label: "prompt" });
  }
  async function tokensOf(app, claim, call2) {
    const ids = call2.statement.answer;
    const distinct = [...new Set(ids)].sort((a, b) => a - b);
    const rows = ids.map(
      (id) => h(
        "li",
        {},
        h("code", {}, String(id)),
        " ",
        said(call2.settlement.tokens[distinct.indexOf(id)] ?? new Uint8Array())
      )
    );
    const prompt = call2.statement.sealed ? null : call2.statement.prompt;
    const vocabulary = await app.vocabulary(claim.modelId);
    return h(
      "details",
      {},
      h("summary", {}, several(ids.length, "certified token")),
      h("ol", { class: "tokens" }, rows),
      prompt && h(
        "p",
        {},
        h("span", { class: "note" }, `The prompt's ${several(prompt.length, "id")}: `),
        vocabulary ? h("code", {}, prompt.join(", ")) : idsOnly(prompt)
      )
    );
  }
  function factsOf(app, claim, call2, cost) {
    const { history: history2 } = app.connection();
    const depth = (history2.head ?? claim.block) - claim.block + 1;
    const final = depth >= app.site.confirmations ? "" : ` (${depth} of ${app.site.confirmations} blocks deep: it may still be undone)`;
    const shape = call2 && `${several(call2.parameters.N, "position")}, ${several(call2.parameters.k, "certified token")}${call2.parameters.sealed ? ", sealed prompts" : ""}`;
    const price = cost.price === null ? "" : `, ${roughEther(cost.gas * cost.price)}`;
    const together = call2 && call2.together > 1 ? ` for ${several(call2.together, "claim")} together` : "";
    const request = claim.requestId;
    return facts([
      ["Model", [modelLink(app, claim.modelId), " ", digest2(claim.modelId)]],
      ["Settled", [time(app.times.get(claim.block) ?? 0), `, block ${grouped(claim.block)}${final}`]],
      ["Settled by", account(claim.settler)],
      [
        "Reward",
        request === null ? "none: not settled in the name of a request" : [ether(claim.reward), ", request ", digest2(request)]
      ],
      ["Gas", `${grouped(cost.gas)}${price}${together}`],
      ["Verifier", call2 ? [account(call2.verifier), ` ${shape}`] : "not known"],
      ["Proof", call2 ? `${several(call2.settlement.proof.length, "byte")}` : "not in the transaction's data"],
      ["Transaction", transactionLink(app, claim.transaction)],
      ["Claim id", digest2(claim.id)],
      [call2?.statement.sealed ? "Sealed prompt P" : "Prompt's digest", digest2(claim.promptDigest)]
    ]);
  }

  // explorer/src/search.js
  function parse(given) {
    const text2 = given.trim();
    if (text2 === "") return { kind: "all" };
    if (/^0x[0-9a-f]{2,64}$/i.test(text2)) return { kind: "hex", hex: text2.toLowerCase() };
    if (/^\d{1,8}(\s*,\s*\d{1,8})+$/.test(text2)) {
      return {
        kind: "ids",
        digest: toHex(promptDigest(text2.split(",").map(Number))),
        text: text2.toLowerCase()
      };
    }
    return { kind: "text", text: given.trim().toLowerCase() };
  }
  var Index = class {
    /** @param {(modelId: string) => string | null} nameOf */
    constructor(nameOf) {
      this.nameOf = nameOf;
      this.texts = /* @__PURE__ */ new WeakMap();
      this.prompts = /* @__PURE__ */ new Map();
    }
    /**
     * @param {string} claimId
     * @param {readonly number[]} ids none where the prompt is not known
     * @param {Uint8Array | null} text what they stand for
     */
    addPrompt(claimId2, ids, text2) {
      this.prompts.set(claimId2, text2 === null ? ids.join(",") : searchable(text2));
    }
    /** @param {Uint8Array} bytes */
    textOf(bytes) {
      const text2 = this.texts.get(bytes) ?? searchable(bytes);
      this.texts.set(bytes, text2);
      return text2;
    }
    /**
     * @param {Claim} claim
     * @param {Query} query
     */
    matches(claim, query) {
      switch (query.kind) {
        case "all":
          return true;
        case "hex":
          return [
            claim.id,
            claim.modelId,
            claim.promptDigest,
            claim.transaction,
            claim.settler,
            claim.requestId ?? ""
          ].some((id) => id.startsWith(query.hex));
        case "ids":
          return claim.promptDigest === query.digest || this.hasText(claim, query.text);
        case "text":
          return this.hasText(claim, query.text);
      }
    }
    /**
     * @param {Claim} claim
     * @param {string} text lower case
     */
    hasText(claim, text2) {
      const name = this.nameOf(claim.modelId) ?? "";
      return [this.textOf(claim.text), this.prompts.get(claim.id) ?? "", name.toLowerCase()].some(
        (t) => t.includes(text2)
      );
    }
  };

  // explorer/src/views/card.js
  var SHOWN = 280;
  var SHOWN_IDS = 30;
  var cardOf = (app, claim) => h(
    "li",
    { class: "card", "data-claim": claim.id },
    h("p", { class: "prompt" }, h("span", { class: "note" }, "reading the prompt …")),
    h("p", { class: "answer" }, said(claim.text, { most: SHOWN, whole: false })),
    h(
      "p",
      { class: "meta" },
      modelLink(app, claim.modelId),
      h("span", {}, "block ", grouped(claim.block), h("span", { class: "when" })),
      h("span", {}, "by ", account(claim.settler, true)),
      claim.reward > 0n && h("span", {}, "for ", ether(claim.reward)),
      link(`/claim/${claim.id}`, "Claim ", digest2(claim.id, true))
    )
  );
  async function complete(app, claims, list2, signal) {
    const { calls } = app.connection();
    const partOf = (claim, part) => list2.querySelector(`[data-claim="${claim.id}"] .${part}`);
    try {
      await Promise.all([calls.load(claims), app.loadTimes(claims.map(({ block }) => block))]);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      const words = `the prompt could not be read: ${error.message}`;
      for (const claim of claims) partOf(claim, "prompt")?.replaceChildren(h("span", { class: "note" }, words));
      return;
    }
    for (const claim of claims) {
      const prompt = await promptOf2(app, claim);
      if (signal.aborted) return;
      partOf(claim, "prompt")?.replaceChildren(prompt);
      partOf(claim, "when")?.replaceChildren(", ", time(app.times.get(claim.block) ?? 0));
    }
  }
  async function promptOf2(app, claim) {
    const call2 = app.calls?.known.get(claim.id) ?? null;
    if (call2 === null) return h("span", { class: "note" }, "the prompt is not in the transaction's data");
    if (call2.statement.sealed) return h("span", { class: "note" }, "a sealed prompt");
    const text2 = (await app.vocabulary(claim.modelId))?.textOf(call2.statement.prompt) ?? null;
    return text2 === null ? idsOnly(call2.statement.prompt, SHOWN_IDS) : said(text2, { most: SHOWN, whole: false });
  }

  // explorer/src/views/claims.js
  var PAGE = 25;
  var CHUNK = 500;
  var TYPING_MS = 200;
  var indices = /* @__PURE__ */ new WeakMap();
  function claimsView(context) {
    new ClaimsView(context).start();
  }
  var ClaimsView = class {
    /** @param {Context} context */
    constructor(context) {
      const { app, parameters } = context;
      this.context = context;
      this.app = app;
      this.index = indices.get(app.calls ?? app) ?? new Index((id) => app.site.nameOf(id));
      indices.set(app.calls ?? app, this.index);
      const words = parameters.get("q") ?? "";
      this.query = parse(words);
      this.page = Math.max(1, Number.parseInt(parameters.get("page") ?? "1", 10) || 1);
      this.shown = [];
      this.reading = false;
      this.input = h("input", {
        ...{ type: "search", id: "search", name: "q", value: words, autocomplete: "off", spellcheck: "false" }
      });
      this.status = h("div");
      this.found = h("div", { class: "status", role: "status" });
      this.list = h("ol", { class: "claims" });
      this.pager = h("nav", { class: "pager", "aria-label": "Pages of claims" });
    }
    start() {
      const { main, signal } = this.context;
      const form = h(
        "form",
        { role: "search", class: "search" },
        h("label", { for: "search" }, "Search by prompt, answer, model or id"),
        h("div", { class: "row" }, this.input, h("button", { type: "submit" }, "Search"))
      );
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.search();
      });
      let typing = 0;
      this.input.addEventListener("input", () => {
        clearTimeout(typing);
        typing = window.setTimeout(() => this.search(), TYPING_MS);
      });
      signal.addEventListener("abort", () => clearTimeout(typing));
      show(main, "Settled claims", form, this.status, this.found, this.list, this.pager);
      follow(this.context, () => {
        this.update();
        if (this.app.history?.complete) void this.readPrompts(false);
      });
    }
    /** Begins the search that the field asks for. */
    search() {
      this.page = 1;
      this.query = parse(this.input.value);
      history.replaceState(null, "", routeOf(1, this.input.value));
      this.update();
      void this.readPrompts(false);
    }
    get claims() {
      return this.app.history?.claims ?? [];
    }
    /** Whether what is looked for may be in a prompt. */
    get wantsPrompts() {
      return this.query.kind === "text" || this.query.kind === "ids";
    }
    /** Shows what there is now; cards that stay are left alone. */
    update() {
      fill(this.status, progress(this.app, this.context.reader));
      const claims = this.claims.filter((claim) => this.index.matches(claim, this.query));
      const pages = Math.max(1, Math.ceil(claims.length / PAGE));
      const current = Math.min(this.page, pages);
      fill(this.found, ...this.outcome(claims.length));
      fill(this.pager, ...pagerOf(current, pages, this.input.value));
      const slice = claims.slice((current - 1) * PAGE, current * PAGE);
      if (slice.length === this.shown.length && slice.every((claim, i) => isSame(claim, this.shown[i]))) return;
      this.shown = slice;
      this.list.start = (current - 1) * PAGE + 1;
      fill(this.list, ...slice.map((claim) => cardOf(this.app, claim)));
      void complete(this.app, slice, this.list, this.context.signal);
    }
    /**
     * What was found, and whether more prompts can be searched.
     * @param {number} count
     */
    outcome(count) {
      if (this.query.kind === "all") return [];
      const words = `${several(count, "claim")} found.`;
      const unread = this.wantsPrompts ? this.claims.filter(({ id }) => !this.index.prompts.has(id)).length : 0;
      if (unread === 0) return [words];
      if (this.reading) return [`${words} Reading prompts: ${grouped(unread)} are left …`];
      const more = h("button", { type: "button" }, `Search ${several(unread, "more prompt")}`);
      more.addEventListener("click", () => void this.readPrompts(true));
      return [words, " ", more, " (reads their transactions)"];
    }
    /**
     * Reads the prompts of claims, newest first, so that they can be searched.
     * @param {boolean} all however many there are
     */
    async readPrompts(all) {
      if (!this.wantsPrompts || this.reading) return;
      const unread = this.claims.filter(({ id }) => !this.index.prompts.has(id));
      if (unread.length === 0 || unread.length > CHUNK && !all) return;
      this.reading = true;
      try {
        for (let start2 = 0; start2 < unread.length && !this.context.signal.aborted; start2 += CHUNK) {
          this.update();
          await this.indexPrompts(unread.slice(start2, start2 + CHUNK));
          await breathe();
        }
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        this.reading = false;
        this.update();
        this.found.append(` Prompts could not be read: ${error.message}.`);
        return;
      }
      this.reading = false;
      if (!this.context.signal.aborted) this.update();
    }
    /** @param {readonly Claim[]} claims */
    async indexPrompts(claims) {
      const { calls } = this.app.connection();
      await calls.load(claims);
      for (const claim of claims) {
        const statement = calls.known.get(claim.id)?.statement;
        const prompt = statement && !statement.sealed ? statement.prompt : [];
        const text2 = (await this.app.vocabulary(claim.modelId))?.textOf(prompt);
        this.index.addPrompt(claim.id, prompt, text2 ?? null);
      }
    }
  };
  var isSame = (a, b) => a.id === b.id && a.block === b.block && a.reward === b.reward;
  function routeOf(page, query) {
    const parameters = new URLSearchParams();
    if (query) parameters.set("q", query);
    if (page > 1) parameters.set("page", String(page));
    const text2 = parameters.toString();
    return `#/${text2 ? `?${text2}` : ""}`;
  }
  function pagerOf(current, pages, query) {
    if (pages === 1) return [];
    const to = (page, text2) => page < 1 || page > pages || page === current ? h("span", { class: "nowhere" }, text2) : h("a", { href: routeOf(page, query) }, text2);
    return [
      ...[to(1, "Newest"), to(current - 1, "Newer")],
      h("span", {}, `Page ${grouped(current)} of ${grouped(pages)}`),
      ...[to(current + 1, "Older"), to(pages, "Oldest")]
    ];
  }

  // explorer/src/views/models.js
  var UNKNOWN = "A model that this page does not know";
  function modelsView(context) {
    const { app, reader, main } = context;
    const status = h("div");
    const list2 = h("ul", { class: "cards" });
    show(main, "Models", status, list2);
    let shown = -1;
    follow(context, () => {
      fill(status, progress(app, reader));
      const models = byModel(app);
      const size = app.history?.entries.length ?? 0;
      if (size === shown) return;
      shown = size;
      fill(list2, ...[...models].map(([id, verifiers]) => cardOf2(app, id, verifiers)));
      if (!models.size && app.history?.complete) list2.append(h("li", {}, "No verifier is registered."));
    });
  }
  function byModel(app) {
    const models = /* @__PURE__ */ new Map();
    for (const verifier of app.history?.verifiers.values() ?? []) {
      models.set(verifier.modelId, [...models.get(verifier.modelId) ?? [], verifier]);
    }
    return models;
  }
  function cardOf2(app, id, verifiers) {
    const claims = app.history?.claims.filter(({ modelId }) => modelId === id).length ?? 0;
    return h(
      "li",
      { class: "card" },
      h("h2", {}, link(`/model/${id}`, named(app.site.nameOf(id) ?? UNKNOWN))),
      h("p", {}, digest2(id)),
      h(
        "p",
        { class: "meta" },
        h("span", {}, several(verifiers.length, "verifier")),
        link(`/?q=${id}`, several(claims, "settled claim"))
      )
    );
  }
  function modelView(context, id) {
    const { app, reader, main } = context;
    const status = h("div");
    const list2 = h("ul", { class: "cards" });
    const model = app.site.models.get(id);
    show(
      main,
      model?.name ?? UNKNOWN,
      facts([
        ["model_id", digest2(id)],
        [
          "Vocabulary",
          model ? `${grouped(model.vocabularySize)} tokens${model.vocabulary ? "" : ", whose bytes this page does not have"}` : "not known to this page"
        ],
        ["Claims", link(`/?q=${id}`, "those of this model")]
      ]),
      h("h2", {}, "Verifiers, by length"),
      status,
      list2
    );
    let shown = "";
    follow(context, () => {
      const verifiers = (byModel(app).get(id) ?? []).sort(
        (a, b) => a.N - b.N || a.k - b.k || Number(a.sealed) - Number(b.sealed)
      );
      fill(status, progress(app, reader));
      const state = verifiers.map(({ address: address2, frozen }) => `${address2} ${frozen}`).join();
      if (state === shown) return;
      shown = state;
      fill(list2, ...verifiers.map((verifier) => verifierCard(context, verifier)));
    });
  }
  function verifierCard(context, { address: address2, N, k, sealed, frozen }) {
    const details = h("div", {}, h("p", { class: "note" }, "asking the node …"));
    const card = h(
      "li",
      { class: "card verifier", "data-verifier": address2 },
      h(
        "h3",
        {},
        `Up to ${several(N, "position")}, ${several(k, "certified token")}${sealed ? ", sealed prompts" : ""}`
      ),
      facts([
        ["Address", account(address2)],
        ["State", frozen ? "frozen: it settles nothing any more; what it settled stays" : "active"]
      ]),
      details
    );
    describe2(context, address2).then(
      (rows) => fill(details, rows),
      (error) => {
        if (!(error instanceof RpcError)) throw error;
        fill(details, h("p", { class: "problem" }, `The node did not say more: ${error.message}.`));
      }
    );
    return card;
  }
  async function describe2({ app }, address2) {
    const { rpc } = app.connection();
    const [{ verifierId, developmentSrs }, code] = await Promise.all([
      identityOf(rpc, address2),
      codeAt(rpc, address2)
    ]);
    const known = app.site.keys.get(verifierId);
    const same = known?.codeDigest === toHex(keccak256(code));
    return facts([
      ["VERIFIER_ID", digest2(verifierId)],
      ["SRS", srsInWords(known ? known.key.developmentSrs : developmentSrs)],
      [
        "Code",
        known?.codeDigest ? h(
          "span",
          { class: same ? "holds" : "fails" },
          same ? "what is generated from this page's verifying key, to the byte" : "NOT what is generated from this page's verifying key: do not rely on it"
        ) : "not compared: this page has no digest of it"
      ],
      ["Code's keccak256", digest2(toHex(keccak256(code)))]
    ]);
  }

  // explorer/src/views/requests.js
  function requestsView(context) {
    const { app, reader, main } = context;
    const status = h("div");
    const list2 = h("ul", { class: "cards" });
    const note = h(
      "p",
      { class: "note" },
      withCommands(
        "Whoever settles the claim in the request's name before its deadline is credited with the reward (zkllm settle --request)."
      )
    );
    show(main, "Open requests", note, status, list2);
    let shown = "?";
    follow(context, () => {
      fill(status, progress(app, reader));
      const open = [...app.history?.requests.values() ?? []].filter(({ state: state2 }) => state2 === "open").reverse();
      const state = open.map(({ id, claimId: claimId2 }) => `${id}${app.history?.claimsById.has(claimId2)}`).join();
      if (state === shown) return;
      shown = state;
      fill(list2, ...open.map((request) => cardOf3(app, request)));
      if (!open.length && app.history?.complete) list2.append(h("li", {}, "No request is open."));
    });
  }
  function cardOf3(app, request) {
    const prompt = h("p", { class: "prompt" }, h("span", { class: "note" }, "reading …"));
    if (request.prompt.length) {
      void promptOf(app, request.modelId, request.prompt).then((text2) => prompt.replaceChildren(text2));
    } else {
      fill(
        prompt,
        h(
          "span",
          { class: "note" },
          "The prompt is not told: only its digest, or what it is sealed with, was posted."
        )
      );
    }
    return h(
      "li",
      { class: "card", "data-request": request.id },
      prompt,
      facts([
        ["Reward", ether(request.reward)],
        ["Asked of", [modelLink(app, request.modelId), `, ${several(request.k, "token")}`]],
        ["Until", [time(request.deadline), ...stateOf(app, request)]],
        ["Requested by", account(request.requester)],
        ["Claim", link(`/claim/${request.claimId}`, digest2(request.claimId))],
        ["Request", digest2(request.id)]
      ])
    );
  }
  function stateOf(app, request) {
    if (app.history?.claimsById.has(request.claimId))
      return withCommands(": answered without it; the reward can be given back (zkllm settle reclaim)");
    if (request.deadline * 1000n < BigInt(Date.now()))
      return withCommands(": expired; the reward can be given back (zkllm settle reclaim)");
    return [];
  }

  // explorer/src/main.js
  Object.defineProperty(globalThis, "zkllmExplorer", { value: door });
  var NOWHERE = "The address names nothing that this page shows. What it shows begins with: ";
  var VIEWS = {
    "": claimsView,
    claim: claimView,
    models: modelsView,
    model: modelView,
    requests: requestsView,
    about: aboutView
  };
  var WITH_ID = ["claim", "model"];
  function start() {
    const main = (
      /** @type {HTMLElement} */
      document.getElementById("main")
    );
    let problem = null;
    let site = new Site(void 0);
    try {
      site = readSite();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      problem = error.message;
    }
    const app = new App(site);
    const reader = new Reader2(app);
    let left = new AbortController();
    const route = (moved) => {
      left.abort();
      left = new AbortController();
      const [path, query] = location.hash.replace(/^#?\/?/, "").split("?");
      const [name, id = "", ...rest] = path.split("/");
      const context = { app, reader, main, signal: left.signal, parameters: new URLSearchParams(query) };
      for (const link2 of document.querySelectorAll("header nav a")) {
        if (link2.getAttribute("href") === `#/${name}`) link2.setAttribute("aria-current", "page");
        else link2.removeAttribute("aria-current");
      }
      const view2 = Object.hasOwn(VIEWS, name) ? VIEWS[name] : void 0;
      const fits = WITH_ID.includes(name) ? isDigest(id) : id === "";
      if (view2 && fits && !rest.length) view2(context, id);
      else show(main, "There is no such page", h("p", {}, NOWHERE, link("/", "Settled claims"), "."));
      if (moved) main.querySelector("h1")?.focus();
      window.scrollTo(0, 0);
    };
    addEventListener("hashchange", () => route(true));
    document.querySelector(".skip")?.addEventListener("click", (event) => {
      event.preventDefault();
      main.querySelector("h1")?.focus();
    });
    route(false);
    if (problem)
      main.prepend(
        h("p", { class: "problem", role: "alert" }, `data/site.js: ${problem}; export the page again.`)
      );
    if (app.history === null && location.hash === "") location.hash = "/about";
    void reader.run();
  }
  addEventListener("DOMContentLoaded", start);
})();
