//! Randomness: the operating system's, or a reproducible stream for tests and simulations.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_intent::digest::Digest;

/// Where random bytes come from. Cheap to clone; clones of a seeded source share its stream.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded { seed: u64, block: Arc<AtomicU64> },
}

impl Random {
    /// The operating system's generator.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A stream that is the same for the same seed. Never for keys that protect anything.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded {
            seed,
            block: Arc::default(),
        })
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the generator"
    )]
    #[expect(
        clippy::expect_used,
        reason = "without randomness no key, nonce or id is safe to make"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Source::System => {
                getrandom::fill(bytes).expect("the system's random generator answers");
            }
            Source::Seeded { seed, block } => {
                for chunk in bytes.chunks_mut(32) {
                    let block = block.fetch_add(1, Ordering::Relaxed);
                    let mut input = [0; 16];
                    let (first, second) = input.split_at_mut(8);
                    first.copy_from_slice(&seed.to_be_bytes());
                    second.copy_from_slice(&block.to_be_bytes());
                    let stream = Digest::of(&input);
                    chunk
                        .iter_mut()
                        .zip(stream.as_bytes())
                        .for_each(|(to, from)| *to = *from);
                }
            }
        }
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match &self.0 {
            Source::System => "Random(system)",
            Source::Seeded { .. } => "Random(seeded)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_the_same_stream() {
        let (one, two) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(one.bytes::<48>(), two.bytes::<48>());
        assert_eq!(one.clone().bytes::<10>(), two.bytes::<10>());
        assert_ne!(one.bytes::<32>(), Random::seeded(8).bytes::<32>());
    }

    #[test]
    fn system_bytes_differ() {
        let random = Random::system();
        assert_ne!(random.bytes::<16>(), random.bytes::<16>());
    }
}
