//! The short soak: ten seconds of streams that their clients cut, on a server that is started for it. In a program of its own,
//! so that no other test of ours shares its processor time. The long one is `cargo run -p loadtests -- soak`.

use std::{sync::Arc, time::Duration};

use loadtests::streams::{Operation, SoakArguments, Yard, soak};

#[tokio::test(flavor = "multi_thread")]
async fn what_cut_streams_held_comes_back() {
    let arguments = SoakArguments {
        target: "local".to_owned(),
        operation: Operation::Chat,
        clients: 16,
        duration: Duration::from_secs(10),
        seed: 7,
        out: None,
    };
    let yard = Arc::new(Yard::open(&arguments.target, arguments.operation).await.expect("the target starts"));
    let soaked = soak(&yard, &arguments).await.expect("the target tells its counts");
    assert!(soaked.cut > 50 && soaked.whole() > 10, "{soaked:?}");
    assert!(soaked.during.open_streams > 1 && soaked.during.tasks > soaked.before.tasks, "{soaked:?}");
    assert!(soaked.after.returned_to(&soaked.before), "{soaked:?}");
}
