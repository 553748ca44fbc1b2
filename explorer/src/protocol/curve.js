/**
 * G1 and G2 of BN254 in the encodings of proofs, keys and calldata. G1: x, y; infinity is 64 zero bytes. G2:
 * x imaginary, x real, y imaginary, y real, the order of EIP-197.
 */

import { bn254 } from "@noble/curves/bn254.js";
import { Malformed, WORD, toInteger } from "../bytes.js";
import { mod } from "./field.js";

export const G1_BYTES = 64;
export const G2_BYTES = 128;

const { G1, G2 } = bn254;
const { Fp, Fp2, Fp12 } = bn254.fields;

/** @typedef {InstanceType<typeof G1.Point>} Point */
/** @typedef {InstanceType<typeof G2.Point>} Point2 */

export const GENERATOR = G1.Point.BASE;
export const GENERATOR_2 = G2.Point.BASE;

/** Coordinates that are no point. */
export class OffCurve extends Malformed {}

/**
 * The numbers of `count` coordinates, each below p.
 * @param {Uint8Array} bytes
 * @param {number} count
 */
function coordinates(bytes, count) {
  if (bytes.length !== count * WORD)
    throw new Malformed(`a point has ${count * WORD} bytes, not ${bytes.length}`);
  return Array.from({ length: count }, (_, i) => {
    const value = toInteger(bytes.subarray(i * WORD, (i + 1) * WORD));
    if (value >= Fp.ORDER) throw new Malformed("a coordinate is not below p");
    return value;
  });
}

/**
 * The point of an encoding, of which each point has one. G1 has cofactor 1.
 * @param {Uint8Array} bytes
 * @returns {Point}
 */
export function decodeG1(bytes) {
  const [x, y] = coordinates(bytes, 2);
  if (x === 0n && y === 0n) return G1.Point.ZERO;
  if (Fp.create(y * y - x * x * x - 3n) !== 0n) throw new OffCurve("it is not on the curve");
  return G1.Point.fromAffine({ x, y });
}

/**
 * A point of order r other than infinity.
 * @param {Uint8Array} bytes
 * @returns {Point2}
 */
export function decodeG2(bytes) {
  const [xImaginary, xReal, yImaginary, yReal] = coordinates(bytes, 4);
  const x = Fp2.fromBigTuple([xReal, xImaginary]);
  const y = Fp2.fromBigTuple([yReal, yImaginary]);
  if (Fp2.is0(x) && Fp2.is0(y)) throw new Malformed("it is the point at infinity");
  const point = G2.Point.fromAffine({ x, y });
  try {
    point.assertValidity(); // on the twist, and of order r
  } catch {
    throw new OffCurve("it is not a point of G2");
  }
  return point;
}

/**
 * sum scalar * point.
 * @param {readonly (readonly [bigint, Point])[]} terms
 */
export const linearCombination = (terms) =>
  terms.reduce((total, [scalar, point]) => total.add(point.multiplyUnsafe(mod(scalar))), G1.Point.ZERO);

/**
 * Whether prod e(P, Q) = 1.
 * @param {readonly (readonly [Point, Point2])[]} pairs
 */
export function pairingProductIsOne(pairs) {
  const finite = pairs.filter(([p]) => !p.is0()); // e(infinity, Q) = 1
  return Fp12.eql(bn254.pairingBatch(finite.map(([g1, g2]) => ({ g1, g2 }))), Fp12.ONE);
}
