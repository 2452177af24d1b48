//! What nobody can guess.

use std::fs::File;
use std::io::{self, Read};

/// 128 random bits as 32 hexadecimal digits (`urandom(4)`).
///
/// # Errors
/// There is no `/dev/urandom`.
pub fn hex() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn never_twice_the_same() {
        let [one, two] = [super::hex().unwrap(), super::hex().unwrap()];
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
    }
}
