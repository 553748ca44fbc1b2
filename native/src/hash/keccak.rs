//! The binary trees that keccak256, with the padding that Ethereum has, hashes. Twin: `zkllm/model/vocabulary.py`.

use rayon::prelude::*;
use sha3::{Digest as _, Keccak256};

pub type Digest = [u8; 32];

/// Hashes that one thread makes at least.
const SHARE: usize = 256;

fn keccak256(data: &[u8]) -> Digest {
    Keccak256::digest(data).into()
}

/// keccak256(0x01 | left | right).
fn node(pair: &[Digest]) -> Digest {
    let mut data = [1; 65];
    data[1..33].copy_from_slice(&pair[0]);
    data[33..].copy_from_slice(&pair[1]);
    keccak256(&data)
}

/// Levels of the binary tree over these leaves, its root last. Leaves are padded with zeros to a power of two; a
/// leaf is keccak256(0x00 | its data).
pub fn tree(leaves: &[&[u8]]) -> Vec<Vec<Digest>> {
    let leaf = |data: &&[u8]| keccak256(&[&[0], *data].concat());
    let mut level: Vec<Digest> = leaves.par_iter().with_min_len(SHARE).map(leaf).collect();
    level.resize(leaves.len().next_power_of_two(), [0; 32]);
    let mut levels = vec![];
    while level.len() > 1 {
        let above = level.par_chunks_exact(2).with_min_len(SHARE).map(node).collect();
        levels.push(std::mem::replace(&mut level, above));
    }
    levels.push(level);
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digest: Digest) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Answers that are published.
    #[test]
    fn known_answers() {
        let cases = [
            (vec![], "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
            (b"abc".to_vec(), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        ];
        for (data, expected) in cases {
            assert_eq!(hex(keccak256(&data)), expected);
        }
    }

    #[test]
    fn a_tree_of_three_leaves() {
        let [a, b, c] = [b"\0x".as_slice(), b"\0yz", b"\0"].map(keccak256);
        let (left, right) = (node(&[a, b]), node(&[c, [0; 32]]));
        let levels = tree(&[b"x", b"yz", b""]);
        assert_eq!(levels, [vec![a, b, c, [0; 32]], vec![left, right], vec![node(&[left, right])]]);
        assert_eq!(left, keccak256(&[&[1], a.as_slice(), &b].concat()));
    }
}
