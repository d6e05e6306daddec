//! Which partition a key is in, as the Java client has it.

const SEED: u32 = 0x9747_b28c;
const MIX: u32 = 0x5bd1_e995;

/// The partition of a key among `count`: murmur2 of the key without its sign, modulo the count
/// (`BuiltInPartitioner.partitionForKey` of the Java client, 4.4.0). Nothing when there is none.
pub(crate) fn partition(key: &[u8], count: u32) -> Option<u32> {
    (murmur2(key) & 0x7fff_ffff).checked_rem(count)
}

fn murmur2(key: &[u8]) -> u32 {
    // Longer than any key may be is not needed to be right.
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, rest) = key.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for word in words {
        let mut word = u32::from_le_bytes(*word).wrapping_mul(MIX);
        word = (word ^ (word >> 24)).wrapping_mul(MIX);
        hash = hash.wrapping_mul(MIX) ^ word;
    }
    if !rest.is_empty() {
        for (place, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(MIX);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MIX);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `tests/java/Partitions.java` with the Java client 4.4.0.
    const MADE_BY_JAVA: &str = include_str!("../tests/data/partitions.tsv");

    #[test]
    fn partitions_are_those_of_the_java_client() {
        let mut lines = 0;
        for line in MADE_BY_JAVA.lines() {
            let mut words = line.split('\t');
            let key = words.next().unwrap();
            let key: Vec<u8> = (0..key.len())
                .step_by(2)
                .map(|place| u8::from_str_radix(&key[place..place + 2], 16).unwrap())
                .collect();
            for count in [1, 3, 12, 1000] {
                let expected = words.next().unwrap().parse().ok();
                assert_eq!(partition(&key, count), expected, "{line} among {count}");
            }
            lines += 1;
        }
        assert_eq!(lines, 69);
    }

    #[test]
    fn a_topic_without_partitions_has_none() {
        assert_eq!(partition(b"key", 0), None);
    }
}
