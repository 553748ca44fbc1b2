//! The Poseidon2 permutation, t = 4 (eprint 2023/323). Twin: `zkllm/poseidon2.py`.

use super::poseidon2_constants::{DIAGONAL, FULL_ROUNDS, PARTIAL_ROUNDS};
use crate::field::Fr;
use crate::field::column::Element;

pub type State = [Fr; 4];

/// M4 times the state, M4 = [[5,7,1,3],[4,6,1,1],[1,3,5,7],[1,1,4,6]].
#[inline]
pub fn external_matrix<T: Element>([s0, s1, s2, s3]: &[T; 4]) -> [T; 4] {
    let ab = s0.clone() + s1.clone();
    let cd = s2.clone() + s3.clone();
    let t2 = s1.doubled() + cd.clone();
    let t3 = s3.doubled() + ab.clone();
    let t4 = cd.doubled().doubled() + t3.clone();
    let t5 = ab.doubled().doubled() + t2.clone();
    [t3 + t5.clone(), t5, t2 + t4.clone(), t4]
}

/// (J + diag) times the state, J all ones.
#[inline]
pub fn internal_matrix<T: Element>(s: &[T; 4]) -> [T; 4] {
    let total = (s[0].clone() + s[1].clone()) + (s[2].clone() + s[3].clone());
    [0, 1, 2, 3].map(|i| total.clone() + s[i].times(&DIAGONAL[i]))
}

#[inline]
pub fn full_round(s: &State, constants: &State) -> State {
    external_matrix(&[0, 1, 2, 3].map(|i| (s[i] + constants[i]).fifth_power()))
}

#[inline]
pub fn partial_round(s: &State, constant: Fr) -> State {
    internal_matrix(&[(s[0] + constant).fifth_power(), s[1], s[2], s[3]])
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
