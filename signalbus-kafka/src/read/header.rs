/// What stands before the records of a batch, as the Kafka protocol guide has it ("Record Batch",
/// magic 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// How many bytes the whole batch has.
    pub(super) size: usize,
    /// The offset of its first record.
    pub(super) base: i64,
    /// The offset of its last, whether that is still kept or not.
    pub(super) last: i64,
    /// The version of the form: two, since Kafka 0.11.
    pub(super) magic: u8,
    /// How its records are compressed.
    pub(super) compression: u8,
    /// Whether it is part of a transaction.
    pub(super) transactional: bool,
    /// Whether it is a marker that ends one.
    pub(super) control: bool,
    /// Who wrote it.
    pub(super) producer: i64,
}

/// How many bytes the header has.
const BYTES: usize = 61;

impl Header {
    /// Reads the header of the batch that begins here; none when the batch is not whole. The last
    /// one of an answer may be cut off.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let size = 12 + usize::try_from(i32::from_be_bytes(at(bytes, 8)?)).ok()?;
        if bytes.len() < size {
            return None;
        }
        let [magic] = at(bytes, 16)?;
        let base = i64::from_be_bytes(at(bytes, 0)?);
        if magic != 2 || size < BYTES {
            return Some(Self {
                size,
                base,
                last: base,
                magic,
                compression: 0,
                transactional: false,
                control: false,
                producer: -1,
            });
        }
        let [_, attributes] = at(bytes, 21)?;
        let last = i32::from_be_bytes(at(bytes, 23)?);
        Some(Self {
            size,
            base,
            last: base.saturating_add(last.into()),
            magic,
            compression: attributes & 0b111,
            transactional: attributes & 0b1_0000 != 0,
            control: attributes & 0b10_0000 != 0,
            producer: i64::from_be_bytes(at(bytes, 43)?),
        })
    }
}

fn at<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..)?.first_chunk().copied()
}

/// The offset behind the last whole batch; none when there is none.
pub(super) fn behind(mut bytes: &[u8]) -> Option<u64> {
    let mut behind = None;
    while let Some(header) = Header::read(bytes) {
        behind = u64::try_from(header.last.saturating_add(1)).ok();
        bytes = bytes.get(header.size..)?;
    }
    behind
}
