//! Random input that resembles real input.

/// A small generator that a seed determines on every machine (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// One of the corpus with a few changes; now and then pieces alone.
pub fn input(random: &mut Random, corpus: &[&[u8]], pieces: &[&str]) -> Vec<u8> {
    let mut input = if random.below(8) == 0 { Vec::new() } else { random.pick(corpus).to_vec() };
    for _ in 0..1 + random.below(6) {
        change(random, &mut input, corpus, pieces);
    }
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, corpus: &[&[u8]], pieces: &[&str]) {
    let at = random.below(input.len() + 1);
    let rest = input.len() - at;
    match random.below(8) {
        0 if rest > 0 => input[at] ^= 1 << random.below(8),
        1 if rest > 0 => {
            let end = at + 1 + random.below(rest.min(16));
            input.drain(at..end);
        }
        2 if rest > 0 => {
            // A part of itself again somewhere else, which nests and doubles.
            let part = input[at..at + 1 + random.below(rest)].to_vec();
            let to = random.below(input.len() + 1);
            input.splice(to..to, part);
        }
        3 => {
            let other = random.pick(corpus);
            let from = random.below(other.len() + 1);
            input.splice(at..at, other[from..].iter().copied());
        }
        4 => {
            let character = char::from_u32(random.next() as u32 % 0x11_0000).unwrap_or('\u{fdd0}');
            input.splice(at..at, character.to_string().into_bytes());
        }
        5 => input.insert(at, random.next() as u8),
        _ => {
            let piece = random.pick(pieces).bytes();
            input.splice(at..at, piece);
        }
    }
    input.truncate(4096);
}
