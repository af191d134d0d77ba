//! Child processes under limits of their own: no shell, no environment, and an end to their time, their memory
//! and what they write. They end when nobody waits for them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// What a child may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Processor time in seconds.
    pub(super) cpu_s: u32,
    /// Address space in bytes.
    pub(super) memory_bytes: u64,
    /// Largest file that it may write, in bytes.
    pub(super) file_bytes: u64,
}

/// A program of this host, and the one that puts limits on it.
#[derive(Debug, Clone)]
pub(super) struct Program {
    path: PathBuf,
    prlimit: PathBuf,
}

impl Program {
    /// Looks for the program where `PATH` says; an error is the name of what is not there.
    pub(super) fn find(name: &'static str) -> Result<Self, &'static str> {
        let path = in_path(name).ok_or(name)?;
        let prlimit = in_path("prlimit").ok_or("prlimit")?;
        Ok(Self { path, prlimit })
    }

    /// The program with these limits, its three streams closed or piped.
    pub(super) fn command(&self, bounds: Bounds) -> Command {
        let mut command = Command::new(&self.prlimit);
        command
            .arg(format!("--cpu={}", bounds.cpu_s))
            .arg(format!("--as={}", bounds.memory_bytes))
            .arg(format!("--fsize={}", bounds.file_bytes))
            .args(["--core=0", "--nofile=64", "--"])
            .arg(&self.path)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// What the program writes to its output when it is asked about itself, at start.
    pub(super) fn tells(&self, arguments: &[&str]) -> Option<String> {
        let output = std::process::Command::new(&self.path)
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn in_path(name: &str) -> Option<PathBuf> {
    let found = |folder: &Path| Some(folder.join(name)).filter(|path| path.is_absolute() && path.is_file());
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find_map(|folder| found(&folder))
}
