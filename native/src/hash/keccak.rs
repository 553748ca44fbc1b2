//! keccak256 with the original padding, as Ethereum has it, and the binary trees that it hashes.
//! Twins: `zkllm/hashing.py`, `zkllm/model/vocabulary.py`.

use rayon::prelude::*;

pub type Digest = [u8; 32];

/// Bytes that are absorbed between two permutations.
const RATE: usize = 136;
/// Hashes that one thread makes at least.
const SHARE: usize = 256;

const ROUND_CONSTANTS: [u64; 24] = [
    0x0000000000000001,
    0x0000000000008082,
    0x800000000000808a,
    0x8000000080008000,
    0x000000000000808b,
    0x0000000080000001,
    0x8000000080008081,
    0x8000000000008009,
    0x000000000000008a,
    0x0000000000000088,
    0x0000000080008009,
    0x000000008000000a,
    0x000000008000808b,
    0x800000000000008b,
    0x8000000000008089,
    0x8000000000008003,
    0x8000000000008002,
    0x8000000000000080,
    0x000000000000800a,
    0x800000008000000a,
    0x8000000080008081,
    0x8000000000008080,
    0x0000000080000001,
    0x8000000080008008,
];
/// Where rho and pi take each lane to, and by how much it is rotated, along the one cycle of 24 lanes.
const LANES: [usize; 24] = [10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1];
const ROTATIONS: [u32; 24] =
    [1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44];

/// Keccak-f[1600]; lane (x, y) is a[x + 5 y].
fn permute(a: &mut [u64; 25]) {
    for constant in ROUND_CONSTANTS {
        let sums: [u64; 5] = std::array::from_fn(|x| a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
        for x in 0..5 {
            let d = sums[(x + 4) % 5] ^ sums[(x + 1) % 5].rotate_left(1);
            for y in 0..5 {
                a[x + 5 * y] ^= d;
            }
        }
        let mut moved = a[1];
        for (to, by) in LANES.into_iter().zip(ROTATIONS) {
            moved = std::mem::replace(&mut a[to], moved.rotate_left(by));
        }
        for row in a.chunks_exact_mut(5) {
            let old: [u64; 5] = std::array::from_fn(|x| row[x]);
            for x in 0..5 {
                row[x] = old[x] ^ (!old[(x + 1) % 5] & old[(x + 2) % 5]);
            }
        }
        a[0] ^= constant;
    }
}

fn absorb(state: &mut [u64; 25], block: &[u8]) {
    for (lane, bytes) in state.iter_mut().zip(block.chunks_exact(8)) {
        *lane ^= u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
    }
    permute(state);
}

pub fn keccak256(data: &[u8]) -> Digest {
    let mut state = [0; 25];
    let blocks = data.chunks_exact(RATE);
    let mut last = [0; RATE];
    last[..blocks.remainder().len()].copy_from_slice(blocks.remainder());
    last[blocks.remainder().len()] = 0x01;
    last[RATE - 1] |= 0x80;
    blocks.for_each(|block| absorb(&mut state, block));
    absorb(&mut state, &last);
    let mut out = [0; 32];
    for (bytes, lane) in out.chunks_exact_mut(8).zip(state) {
        bytes.copy_from_slice(&lane.to_le_bytes());
    }
    out
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

    /// Answers that are published, of inputs below, at and above the rate.
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
