//! `serve --runtime workerd`: the same platform as a Worker, started on workerd by `reference-impl/worker/run.mjs`.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Failure;

/// The Worker's folder, seen from the root of the project.
const WORKER: &str = "reference-impl/worker";

/// What is served, and where.
#[derive(Debug)]
pub(super) struct Served<'a> {
    pub(super) addr: SocketAddr,
    pub(super) data: Option<&'a Path>,
    pub(super) tenants: &'a Path,
    pub(super) control: Option<SocketAddr>,
    /// `ID=URL` each, as they were given.
    pub(super) provider_urls: Vec<String>,
}

/// A program and its words, ready to be started.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) program: OsString,
    pub(super) words: Vec<OsString>,
}

impl Call {
    fn new(program: impl Into<OsString>, words: impl IntoIterator<Item = OsString>) -> Self {
        Self { program: program.into(), words: words.into_iter().collect() }
    }

    /// Runs it to its end.
    fn run(&self) -> Result<(), Failure> {
        let status = Command::new(&self.program).args(&self.words).status().map_err(|error| self.missing(&error))?;
        let failed = || anyhow::anyhow!("`{}` ended with {status}", self.line());
        if status.success() { Ok(()) } else { Err(Failure::Fault(failed())) }
    }

    /// Puts it in the place of this process, so that signals and its exit code are its own.
    #[cfg(unix)]
    fn become_it(&self) -> Result<(), Failure> {
        use std::os::unix::process::CommandExt as _;
        Err(self.missing(&Command::new(&self.program).args(&self.words).exec()))
    }

    #[cfg(not(unix))]
    fn become_it(&self) -> Result<(), Failure> {
        self.run()
    }

    fn missing(&self, error: &std::io::Error) -> Failure {
        Failure::Usage(format!(
            "`{}` cannot be started: {error}; --runtime workerd needs Node 20.15 or newer, and a shell to build with",
            self.program.display()
        ))
    }

    fn line(&self) -> String {
        let words = self.words.iter().map(|word| word.display().to_string());
        std::iter::once(self.program.display().to_string()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

impl Served<'_> {
    /// Builds the bundle where there is none, and then becomes the host that serves it. Returns only where that cannot be.
    pub(super) fn start(&self) -> Result<(), Failure> {
        let folder = Path::new(WORKER);
        let calls = self.calls(folder)?;
        let Some((last, before)) = calls.split_last() else { return Ok(()) };
        before.iter().try_for_each(Call::run)?;
        last.become_it()
    }

    /// The build, where `folder` holds no bundle, and the host.
    ///
    /// # Errors
    ///
    /// Where `folder` is not the Worker's, and where an address is none that the host can listen on.
    pub(super) fn calls(&self, folder: &Path) -> Result<Vec<Call>, Failure> {
        let script = folder.join("run.mjs");
        if !script.is_file() {
            let message =
                format!("{}: expected this file; run --runtime workerd from the root of a checkout", script.display());
            return Err(Failure::Usage(message));
        }
        let mut words = vec![script.into_os_string(), "--port".into(), self.addr.port().to_string().into()];
        if self.addr.ip() != Ipv4Addr::LOCALHOST {
            words.extend(["--host".into(), self.addr.ip().to_string().into()]);
        }
        words.extend(["--tenants".into(), self.tenants.into()]);
        if let Some(data) = self.data {
            words.extend(["--data".into(), data.into()]);
        }
        if let Some(control) = self.control {
            words.extend(["--control".into(), control.port().to_string().into()]);
        }
        for change in &self.provider_urls {
            words.extend(["--provider-url".into(), change.into()]);
        }
        let host = Call::new("node", words);
        let built = ["index.js", "index_bg.wasm"].iter().all(|file| folder.join("build").join(file).is_file());
        if built {
            return Ok(vec![host]);
        }
        let build: PathBuf = folder.join("build.sh");
        Ok(vec![Call::new("sh", [build.into_os_string(), "--dev".into()]), host])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served<'a>(addr: &str, tenants: &'a Path) -> Served<'a> {
        Served { addr: addr.parse().unwrap(), data: None, tenants, control: None, provider_urls: Vec::new() }
    }

    fn lines(calls: &[Call]) -> Vec<String> {
        calls.iter().map(Call::line).collect()
    }

    #[test]
    fn gives_the_host_what_the_flags_say() {
        let worker = concat!(env!("CARGO_MANIFEST_DIR"), "/../worker");
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(Path::new(worker).join("run.mjs"), folder.path().join("run.mjs")).unwrap();
        let at = folder.path().display();
        let plain = served("127.0.0.1:8787", Path::new("fixtures/tenants"));
        let host = format!("node {at}/run.mjs --port 8787 --tenants fixtures/tenants");
        let build = format!("sh {at}/build.sh --dev");
        assert_eq!(
            lines(&plain.calls(folder.path()).unwrap()),
            [build, host.clone()],
            "a bundle that is missing is built"
        );

        std::fs::create_dir(folder.path().join("build")).unwrap();
        for file in ["index.js", "index_bg.wasm"] {
            std::fs::write(folder.path().join("build").join(file), "").unwrap();
        }
        assert_eq!(lines(&plain.calls(folder.path()).unwrap()), [host]);

        let full = Served {
            data: Some(Path::new("/var/lib/plumbline")),
            control: Some("127.0.0.1:9001".parse().unwrap()),
            provider_urls: vec![
                "far/embed=http://127.0.0.1:1/v1".to_owned(),
                "far/write=http://127.0.0.1:2".to_owned(),
            ],
            ..served("0.0.0.0:0", Path::new("t"))
        };
        let expected = format!(
            "node {at}/run.mjs --port 0 --host 0.0.0.0 --tenants t --data /var/lib/plumbline --control 9001 \
             --provider-url far/embed=http://127.0.0.1:1/v1 --provider-url far/write=http://127.0.0.1:2"
        );
        assert_eq!(lines(&full.calls(folder.path()).unwrap()), [expected]);
    }

    #[test]
    fn is_at_home_in_a_checkout_alone() {
        let folder = tempfile::tempdir().unwrap();
        let refused = served("127.0.0.1:0", Path::new("t")).calls(folder.path());
        assert!(matches!(refused, Err(Failure::Usage(message)) if message.contains("root of a checkout")));
    }
}
