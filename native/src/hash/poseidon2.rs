//! The Poseidon2 permutation, t = 4 (eprint 2023/323). Twin: `zkllm/poseidon2.py`.

use super::poseidon2_constants::{DIAGONAL, FULL_ROUNDS, PARTIAL_ROUNDS};
use crate::field::Fr;
use ark_ff::{AdditiveGroup, Field};

pub type State = [Fr; 4];

#[inline]
pub fn fifth_power(x: Fr) -> Fr {
    x.square().square() * x
}

/// M4 times the state, M4 = [[5,7,1,3],[4,6,1,1],[1,3,5,7],[1,1,4,6]].
#[inline]
pub fn external_matrix(s: &State) -> State {
    let ab = s[0] + s[1];
    let cd = s[2] + s[3];
    let t2 = s[1].double() + cd;
    let t3 = s[3].double() + ab;
    let t4 = cd.double().double() + t3;
    let t5 = ab.double().double() + t2;
    [t3 + t5, t5, t2 + t4, t4]
}

/// (J + diag) times the state, J all ones.
#[inline]
pub fn internal_matrix(s: &State) -> State {
    let total = s[0] + s[1] + s[2] + s[3];
    [0, 1, 2, 3].map(|i| total + DIAGONAL[i] * s[i])
}

#[inline]
pub fn full_round(s: &State, constants: &State) -> State {
    external_matrix(&[0, 1, 2, 3].map(|i| fifth_power(s[i] + constants[i])))
}

#[inline]
pub fn partial_round(s: &State, constant: Fr) -> State {
    internal_matrix(&[fifth_power(s[0] + constant), s[1], s[2], s[3]])
}

pub fn permute(state: &State) -> State {
    let (first, last) = FULL_ROUNDS.split_at(4);
    let mut s = external_matrix(state);
    for constants in first {
        s = full_round(&s, constants);
    }
    for constant in PARTIAL_ROUNDS {
        s = partial_round(&s, constant);
    }
    for constants in last {
        s = full_round(&s, constants);
    }
    s
}
