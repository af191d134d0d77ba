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

/// Ticks a second in which Linux counts processor time for its readers, whatever the kernel was built with.
const TICKS: f64 = 100.0;

/// Processor time that it has used, in seconds.
pub(super) fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let file = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&file).map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
    // The name in brackets may hold anything, so fields are counted from its end: user and system time are the 14th and 15th.
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    let ticks: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    match ticks[..] {
        [user, system] => Ok((user + system) / TICKS),
        _ => Err(io::Error::other(format!("{file}: expected the fields utime and stime"))),
    }
}

/// The machine's load averages over 1, 5 and 15 minutes, as text; a dash where it does not tell.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let three: Vec<&str> = text.split_whitespace().take(3).collect();
    if three.is_empty() { "–".to_owned() } else { three.join(", ") }
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
        let used = cpu_seconds(own).expect("this process tells");
        let until = std::time::Instant::now() + std::time::Duration::from_millis(60);
        while std::time::Instant::now() < until {}
        assert!(cpu_seconds(own).expect("this process tells") > used && cpu_seconds(u32::MAX).is_err());
        assert!(descriptors(u32::MAX).is_err() && resident_bytes(u32::MAX).is_err());
    }
}
