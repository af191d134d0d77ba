use super::*;

fn profile(script: &str, ready_within_ms: u64) -> StartProfile {
    StartProfile {
        build: None,
        run: ["sh", "-c", script, "sh", "{port}", "{data}"].map(str::to_owned).to_vec(),
        ready: "^listening on ".to_owned(),
        ready_within_ms: Some(ready_within_ms),
        working_dir: None,
        env: None,
        stop_after_ms: 2000,
    }
}

fn start(script: &str, ready_within_ms: u64) -> Result<Target, TargetError> {
    let profile = profile(script, ready_within_ms);
    Target::start(&profile, Some("http://127.0.0.1:{control}"), Path::new("."), None)
}

#[test]
fn waits_for_the_ready_line_and_stops_the_child() {
    let target = start("echo \"data $2\"; echo \"listening on http://127.0.0.1:$1\"; exec sleep 60", 5000).unwrap();
    assert!(target.last_lines(5).iter().any(|line| line == &format!("listening on {}", target.base_url)));
    assert!(!target.control.clone().unwrap().contains("{control}"));
    let pid = target.started.as_ref().unwrap().child.id();
    drop(target);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn tells_what_a_target_said_that_ended() {
    let text = start("echo cannot open the store >&2; exit 1", 5000).unwrap_err().to_string();
    assert!(text.contains("it ended") && text.contains("cannot open the store"), "{text}");
}

#[test]
fn gives_up_on_a_silent_target() {
    let text = start("exec sleep 60", 150).unwrap_err().to_string();
    assert!(text.contains("within 150ms"), "{text}");
}

#[test]
fn a_second_server_begins_with_the_data_of_the_first() {
    let script = "mkdir -p $2/in; cat $2/in/log; echo kept >> $2/in/log; echo listening on x; exec sleep 60";
    let first = start(script, 5000).unwrap();
    let data = first.stop().unwrap();
    let profile = profile(script, 5000);
    let second = Target::start(&profile, None, Path::new("."), Some(data.path())).unwrap();
    assert!(second.last_lines(5).contains(&"kept".to_owned()));
    assert_eq!(std::fs::read_to_string(data.path().join("in/log")).unwrap(), "kept\n", "the first one's is left alone");
}

#[test]
fn starts_a_stand_in_for_model_providers_where_it_is_named() {
    let script = "echo \"listening on {upstream}/v1\"; exec sleep 60";
    let target = start(script, 5000).unwrap();
    let address = target.upstream.as_ref().unwrap().uri();
    assert!(target.last_lines(5).contains(&format!("listening on {address}/v1")));
    assert!(start("echo listening on x; exec sleep 60", 5000).unwrap().upstream.is_none());
}
