//! BLAKE2b with 64 bytes of output (RFC 7693), whose state can be taken out between two updates: records of a
//! powers-of-tau ceremony hold it.

const BLOCK: usize = 128;

const IV: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];

/// The order in which each round takes the words of the message; rounds 10 and 11 are as 0 and 1.
const ORDER: [[u8; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const ROUNDS: usize = 12;

/// What was hashed so far. A full block waits in the buffer until more follows, because the last is special.
#[derive(Clone)]
pub struct Blake2b {
    h: [u64; 8],
    /// Bytes that were compressed.
    compressed: u64,
    buffer: [u8; BLOCK],
    held: usize,
}

impl Default for Blake2b {
    fn default() -> Self {
        let mut h = IV;
        h[0] ^= 0x0101_0040; // no key, one leaf, 64 bytes of output
        Self { h, compressed: 0, buffer: [0; BLOCK], held: 0 }
    }
}

impl Blake2b {
    pub fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.held == BLOCK {
                self.compressed = self.compressed.wrapping_add(BLOCK as u64);
                self.compress(false);
                self.held = 0;
            }
            let taken = data.len().min(BLOCK - self.held);
            self.buffer[self.held..self.held + taken].copy_from_slice(&data[..taken]);
            self.held += taken;
            data = &data[taken..];
        }
    }

    pub fn digest(&self) -> [u8; 64] {
        let mut last = self.clone();
        last.buffer[last.held..].fill(0);
        last.compressed = last.compressed.wrapping_add(last.held as u64);
        last.compress(true);
        let mut out = [0; 64];
        for (bytes, word) in out.chunks_exact_mut(8).zip(last.h) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// The buffer, the eight words of the state, the bytes that were compressed, the bytes in the buffer.
    pub fn state(&self) -> [u8; STATE_BYTES] {
        let mut out = [0; STATE_BYTES];
        out[..self.held].copy_from_slice(&self.buffer[..self.held]);
        let words = self.h.into_iter().chain([self.compressed, self.held as u64]);
        for (bytes, word) in out[BLOCK..].chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// `None` where more bytes are said to be in the buffer than fit.
    pub fn from_state(state: &[u8; STATE_BYTES]) -> Option<Self> {
        let word = |i: usize| {
            let start = BLOCK + 8 * i;
            u64::from_le_bytes(state[start..start + 8].try_into().expect("8 bytes"))
        };
        let held = usize::try_from(word(9)).ok().filter(|&held| held <= BLOCK)?;
        let buffer = state[..BLOCK].try_into().expect("a block");
        Some(Self { h: std::array::from_fn(word), compressed: word(8), buffer, held })
    }

    fn compress(&mut self, last: bool) {
        let m: [u64; 16] =
            std::array::from_fn(|i| u64::from_le_bytes(self.buffer[8 * i..8 * i + 8].try_into().expect("8 bytes")));
        let mut v = [0; 16];
        v[..8].copy_from_slice(&self.h);
        v[8..].copy_from_slice(&IV);
        v[12] ^= self.compressed;
        if last {
            v[14] = !v[14];
        }
        for round in 0..ROUNDS {
            let order = &ORDER[round % ORDER.len()];
            let word = |i: usize| m[order[i] as usize];
            for i in 0..4 {
                mix(&mut v, [i, 4 + i, 8 + i, 12 + i], word(2 * i), word(2 * i + 1));
            }
            for i in 0..4 {
                let diagonal = [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4];
                mix(&mut v, diagonal, word(8 + 2 * i), word(9 + 2 * i));
            }
        }
        for i in 0..8 {
            self.h[i] ^= v[i] ^ v[8 + i];
        }
    }
}

pub const STATE_BYTES: usize = BLOCK + 11 * 8;

#[inline(always)]
fn mix(v: &mut [u64; 16], [a, b, c, d]: [usize; 4], x: u64, y: u64) {
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(x);
    v[d] = (v[d] ^ v[a]).rotate_right(32);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(24);
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(y);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(63);
}
