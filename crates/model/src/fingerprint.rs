//! A hash that another build and another version of ours will not change.

/// FNV-1a (draft-eastlake-fnv) of some bytes. It keeps nobody from finding others with the same.
pub fn fingerprint(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, hash)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_what_the_draft_says() {
        assert_eq!(super::fingerprint(*b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(super::fingerprint(*b"foobar"), 0x8594_4171_f739_67e8);
    }
}
