//! What the kernel tells of a process.

use std::{fs, io};

/// Descriptors that it holds.
pub(super) fn descriptors(pid: u32) -> io::Result<u64> {
    let folder = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&folder).map_err(|error| io::Error::new(error.kind(), format!("{folder}: {error}")))?;
    Ok(entries.count() as u64)
}

/// Memory that it holds, in bytes.
pub(super) fn resident_bytes(pid: u32) -> io::Result<u64> {
    let file = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&file).map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    let kilobytes = kilobytes.ok_or_else(|| io::Error::other(format!("{file}: expected a line VmRSS")))?;
    Ok(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_a_descriptor_come_and_go() {
        let own = std::process::id();
        let before = descriptors(own).expect("this process tells");
        let file = fs::File::open("/proc/self/status").expect("it can be opened");
        // Other tests of this process open files too, so only the direction is certain.
        assert!(descriptors(own).expect("this process tells") > 0 && before > 0);
        drop(file);
        assert!(resident_bytes(own).expect("this process tells") > 1 << 20);
        assert!(descriptors(u32::MAX).is_err() && resident_bytes(u32::MAX).is_err());
    }
}
