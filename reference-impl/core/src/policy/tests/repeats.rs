use super::*;

#[test]
fn repeats_each_failure_at_each_port_only_where_that_has_no_second_effect() {
    let refused = Failure::Refused(None);
    for (failure, idempotent, writing) in [
        (refused, 3, 3),
        (Failure::Unavailable, 3, 1),
        (Failure::Rejected, 1, 1),
        (Failure::TimedOut, 1, 1),
        (Failure::Unusable, 1, 1),
        (Failure::Hangs, 1, 1),
    ] {
        for kind in KINDS {
            let stand = Stand::new(|_| {});
            let expected = match kind {
                Kind::Embed | Kind::Rerank => idempotent,
                Kind::Generate | Kind::Chat => writing,
            };
            let down = Scripted::new(failure, usize::MAX);
            let (result, _) = stand.call(kind, &down, &stand.tenants.owner());
            assert_eq!((result.is_err(), down.calls()), (true, expected), "{failure:?} {kind:?}");
            let figures = stand.policies.figures(kind.port(), None);
            assert_eq!(figures.retries, expected as u64 - 1, "{failure:?} {kind:?}");

            let stand = Stand::new(|_| {});
            let back = Scripted::new(failure, 1);
            let (result, _) = stand.call(kind, &back, &stand.tenants.owner());
            assert_eq!(result.is_ok(), expected > 1, "{failure:?} {kind:?}");
            let tenant = stand.tenants.owner();
            assert_eq!(stand.policies.figures(kind.port(), Some(&tenant)).retries, u64::from(expected > 1));
            let stranger = stand.tenants.stranger();
            assert_eq!(stand.policies.figures(kind.port(), Some(&stranger)).retries, 0, "counted for the caller alone");
        }
    }
}

#[test]
fn waits_for_what_a_host_asks_and_gives_up_where_it_asks_for_too_much() {
    for kind in KINDS {
        let stand = Stand::new(|settings| settings.pause_ms = 0);
        let model = Scripted::new(Failure::Refused(Some(700)), 1);
        let (result, took) = stand.call(kind, &model, &stand.tenants.owner());
        assert_eq!((result.is_ok(), took), (true, 700), "{kind:?}");
        let model = Scripted::new(Failure::Refused(Some(60_000)), 1);
        let (result, took) = stand.call(kind, &model, &stand.tenants.owner());
        // The first model of the id keeps its policy, so that the second is judged by the same.
        assert_eq!((result.is_err(), took, model.calls()), (true, 0, 1), "{kind:?}");
    }
}

#[test]
fn makes_no_more_repetitions_than_a_share_of_the_calls() {
    let stand = Stand::new(|settings| (settings.failures, settings.failure_share) = (u32::MAX, 2.0));
    let model = Scripted::new(Failure::Refused(None), usize::MAX);
    for _ in 0..200 {
        assert!(stand.call(Kind::Embed, &model, &stand.tenants.owner()).0.is_err());
    }
    let retries = stand.policies.figures(PolicyPort::Embedding, None).retries;
    let time = stand.timer.now_ms() / 1000;
    assert!(retries <= 10 + 40 + time + 1, "{retries} repetitions of 200 calls within {time} s");
    assert!(retries >= 40, "{retries}");
}

#[test]
fn leaves_a_failing_model_alone_and_comes_back_by_itself() {
    for kind in KINDS {
        for failure in [Failure::Refused(None), Failure::Unavailable, Failure::Unusable, Failure::Hangs] {
            let stand = Stand::new(|settings| settings.attempts = 1);
            let model = Scripted::new(failure, 8);
            for _ in 0..8 {
                assert!(stand.call(kind, &model, &stand.tenants.owner()).0.is_err());
            }
            let figures = |stand: &Stand| stand.policies.figures(kind.port(), None).breaker;
            assert_eq!(figures(&stand), BreakerState::Open, "{failure:?} {kind:?}");
            let (result, took) = stand.call(kind, &model, &stand.tenants.owner());
            assert!(matches!(result, Err(ModelError::Refused { .. })) && took == 0 && model.calls() == 8);
            let stranger = stand.tenants.stranger();
            assert!(stand.call(kind, &model, &stranger).0.is_ok(), "{failure:?} {kind:?}: for one tenant alone");
            let theirs = stand.policies.figures(kind.port(), Some(&stranger)).breaker;
            assert_eq!((theirs, figures(&stand)), (BreakerState::Closed, BreakerState::Open));
            stand.timer.pass(1000);
            assert!(stand.call(kind, &model, &stand.tenants.owner()).0.is_ok(), "{failure:?} {kind:?}");
            assert_eq!((figures(&stand), model.calls()), (BreakerState::Closed, 10));
        }
        let stand = Stand::new(|settings| settings.attempts = 1);
        let model = Scripted::new(Failure::Rejected, usize::MAX);
        (0..40).for_each(|_| assert!(stand.call(kind, &model, &stand.tenants.owner()).0.is_err()));
        assert_eq!(model.calls(), 40, "one tenant's bad calls close the model to nobody");
    }
}
