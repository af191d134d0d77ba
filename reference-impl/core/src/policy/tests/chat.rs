use super::*;

/// The items of a stream, each as a word, and the milliseconds that it took.
fn pieces(stand: &Stand, asked: &str) -> (Vec<&'static str>, u64) {
    let (tenant, call) = (stand.tenants.owner(), question(asked));
    let model = stand.policies.chat_model(Scripted::new(Failure::Hangs, 0), stand.settings);
    let mut read: BoxFuture<'_, Vec<_>> = Box::pin(async { model.chat(&tenant, &call).await.unwrap().collect().await });
    let began = stand.timer.now_ms();
    let items = loop {
        if let Some(items) = read.as_mut().now_or_never() {
            break items;
        }
        stand.timer.pass(stand.timer.next().expect("a stream that waits has a bound"));
    };
    let word = |item: Result<ChatDelta, ModelError>| match item {
        Ok(ChatDelta::Text(_)) => "text",
        Ok(ChatDelta::ToolCall(_)) => "tool",
        Ok(ChatDelta::Usage { .. }) => "usage",
        Ok(ChatDelta::Finish(_)) => "finish",
        Err(ModelError::TimedOut { .. }) => "timed out",
        Err(_) => "failed",
    };
    (items.into_iter().map(word).collect(), stand.timer.now_ms() - began)
}

#[test]
fn hands_pieces_through_and_bounds_the_pauses_between_them() {
    for (asked, expected, took) in [
        ("", vec!["text", "finish", "usage"], 0),
        ("breaks", vec!["text"], 0),
        ("fails", vec!["text", "failed"], 0),
        ("hangs", vec!["text", "timed out"], 10_000),
    ] {
        assert_eq!(pieces(&Stand::new(|_| {}), asked), (expected, took), "{asked}");
    }
}

#[test]
fn counts_streams_that_end_early_as_failures_and_dropped_ones_as_nothing() {
    for (asked, state) in [
        ("", BreakerState::Closed),
        ("breaks", BreakerState::Open),
        ("fails", BreakerState::Open),
        ("hangs", BreakerState::Open),
    ] {
        let stand = Stand::new(|settings| settings.failures = 2);
        (0..2).for_each(|_| drop(pieces(&stand, asked)));
        assert_eq!(stand.policies.figures(PolicyPort::Generation, None).breaker, state, "{asked}");
    }
    let stand = Stand::new(|settings| settings.failures = 1);
    let (tenant, call) = (stand.tenants.owner(), question("hangs"));
    let model = stand.policies.chat_model(Scripted::new(Failure::Hangs, 0), stand.settings);
    drop(model.chat(&tenant, &call).now_or_never().unwrap().unwrap());
    assert_eq!(stand.policies.figures(PolicyPort::Generation, None).breaker, BreakerState::Closed);
}

#[test]
fn holds_the_place_of_a_stream_to_its_end() {
    let stand = Stand::new(|settings| {
        *settings = PolicySettings { waiting_of_tenant: 0, ..settings.with_places(1) };
    });
    let (tenant, call) = (stand.tenants.owner(), question("hangs"));
    let model = stand.policies.chat_model(Scripted::new(Failure::Hangs, 0), stand.settings);
    let stream = model.chat(&tenant, &call).now_or_never().unwrap().unwrap();
    assert!(model.chat(&tenant, &call).now_or_never().unwrap().is_err());
    drop(stream);
    assert!(model.chat(&tenant, &call).now_or_never().unwrap().is_ok());
}

#[test]
fn begins_with_the_first_model_that_takes_the_conversation() {
    let stand = Stand::new(|settings| settings.attempts = 1);
    let tenant = stand.tenants.owner();
    let model = |fails| Scripted::new(Failure::Unavailable, fails) as Arc<dyn ChatModel>;
    for (fails, begun) in [(vec![0, 0], true), (vec![9, 0], true), (vec![9, 9], false), (vec![], false)] {
        let models: Vec<_> = fails.iter().copied().map(model).collect();
        let asked = question("");
        let result = chat_first(&models, &tenant, &asked).now_or_never().unwrap();
        assert_eq!(result.is_ok(), begun, "{fails:?}");
    }
}
