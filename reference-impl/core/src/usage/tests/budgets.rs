//! What a budget lets through, holds and gives back.

use super::*;

#[tokio::test]
async fn a_call_that_fails_counts_nothing_and_holds_nothing_afterwards() {
    let rig = rig(Some(600));
    rig.models.down.store(true, SeqCst);
    for _ in 0..3 {
        let owner = rig.tenants.owner();
        assert!(matches!(rig.write(&owner).await, Err(ModelError::TimedOut { .. })));
        rig.platform.settle(&owner).await;
        assert!(owner.tally().used().models.is_empty());
    }
    assert_eq!(rig.used(&rig.tenants.owner()).await, 0);
    rig.models.down.store(false, SeqCst);
    assert!(rig.write(&rig.tenants.owner()).await.is_ok());
}

#[tokio::test]
async fn without_a_token_left_no_model_is_called_and_another_tenant_goes_on() {
    let rig = rig(Some(0));
    let owner = rig.tenants.owner();
    assert!(over(&rig.embed(&owner, "a").await) && over(&rig.write(&owner).await) && over(&rig.chat(&owner, 1).await));
    assert_eq!(rig.calls(), 0);
    let share = owner.tally().share().unwrap();
    assert!((share.ratio() - 1.0).abs() < f64::EPSILON && share.warning().as_deref() == Some("1"));
    let rig = self::rig(Some(7));
    let owner = rig.tenants.owner();
    rig.write(&owner).await.unwrap();
    rig.platform.settle(&owner).await;
    let refused = rig.write(&rig.tenants.owner()).await;
    let Err(ModelError::BudgetExceeded { retry_after_s, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(retry_after_s, 86_400, "the test's day has just begun");
    assert!(rig.write(&rig.tenants.stranger()).await.is_ok());
}

#[tokio::test]
async fn a_request_that_was_let_through_is_finished_and_may_go_past_the_limit() {
    let rig = rig(Some(1));
    let owner = rig.tenants.owner();
    rig.embed(&owner, "one two three").await.unwrap();
    rig.write(&owner).await.unwrap();
    rig.platform.settle(&owner).await;
    assert_eq!(rig.used(&owner).await, 10);
    assert!(over(&rig.embed(&owner, "a").await), "the same caller's next request is another one");
}

/// Overshoot: at most what the last request that was let through uses, as long as none uses more than it was expected to.
#[tokio::test]
async fn a_hundred_calls_at_once_pass_the_limit_by_no_more_than_one_of_them() {
    for counted in [(400, 100), (3, 1), (10, 500)] {
        let rig = rig(Some(5_000));
        *rig.models.counted.lock().unwrap() = Some(counted);
        let one = |_| async {
            let caller = rig.tenants.owner();
            let answered = rig.write(&caller).await;
            rig.platform.settle(&caller).await;
            answered.is_ok()
        };
        let mut admitted = 0;
        for _ in 0..40 {
            let answers = join_all((0..100).map(one)).await;
            admitted += answers.into_iter().filter(|ok| *ok).count();
        }
        let used = rig.used(&rig.tenants.owner()).await;
        let each = counted.0 + counted.1;
        assert_eq!(used, each * admitted as u64, "what was let through is what was counted");
        assert_eq!(rig.calls(), admitted);
        assert!(used <= 5_000 - 1 + each, "{used} tokens of {each} each");
        assert!(used >= 5_000 || each == 4, "{used}: with nothing under way all of it can be used");
    }
}

#[tokio::test]
async fn what_a_lost_process_held_counts_until_its_time_is_over() {
    let rig = rig(Some(100));
    let owner = rig.tenants.owner();
    let mut call = Box::pin(rig.write(&owner));
    assert!((&mut call).now_or_never().is_none(), "it waits for the model");
    // As in a process that is gone: nobody gives anything back.
    std::mem::forget(call);
    std::mem::forget(owner);
    let next = || async { rig.write(&rig.tenants.owner()).await };
    assert!(over(&next().await));
    let deadline_ms = u32::try_from(rig.tenants.owner().settings().times.deadline_ms).unwrap();
    rig.tenants.clock.advance(rig.tenants.owner().id(), deadline_ms + 59_999);
    assert!(over(&next().await));
    rig.tenants.clock.advance(rig.tenants.owner().id(), 1);
    assert!(next().await.is_ok());
}

#[tokio::test]
async fn a_request_that_is_cut_gives_back_what_it_held() {
    let rig = rig(Some(100));
    {
        let owner = rig.tenants.owner();
        let mut call = Box::pin(rig.write(&owner));
        assert!((&mut call).now_or_never().is_none());
    }
    assert!(over(&rig.write(&rig.tenants.owner()).await));
    rig.run_later().await;
    assert!(rig.write(&rig.tenants.owner()).await.is_ok());
}

#[tokio::test]
async fn a_new_day_begins_whole_and_the_old_one_stays_in_the_report() {
    let rig = rig(Some(5));
    let owner = rig.tenants.owner();
    rig.write(&owner).await.unwrap();
    rig.platform.settle(&owner).await;
    assert!(over(&rig.write(&owner).await));
    rig.tenants.clock.advance(owner.id(), u32::try_from(DAY_MS - 1).unwrap());
    assert!(over(&rig.write(&owner).await), "its last millisecond");
    rig.tenants.clock.advance(owner.id(), 1);
    let report = rig.platform.usage(&owner, None, None).await.unwrap();
    assert_eq!((report.days.len(), report.totals.tokens.sum(), report.budget.unwrap().share.used), (1, 7, 0));
    let fresh = rig.tenants.owner();
    rig.write(&fresh).await.unwrap();
    rig.platform.settle(&fresh).await;
    let report = rig.platform.usage(&owner, None, None).await.unwrap();
    let dates: Vec<&str> = report.days.iter().map(|day| day.date.as_str()).collect();
    assert_eq!((dates, report.totals.requests), (vec!["2026-01-01", "2026-01-02"], 2));
}

#[tokio::test]
async fn usage_is_kept_for_two_years() {
    let rig = rig(None);
    let day = u32::try_from(DAY_MS).unwrap();
    for days in [0, KEPT_DAYS - 1, 1] {
        (0..days).for_each(|_| rig.tenants.clock.advance(rig.tenants.owner().id(), day));
        let owner = rig.tenants.owner();
        rig.write(&owner).await.unwrap();
        rig.platform.settle(&owner).await;
        let report = rig.platform.usage(&owner, Some("2026-01-01"), Some("2026-01-01")).await.unwrap();
        assert_eq!(report.days.len(), usize::from(days != 1), "after {days} more days");
    }
}

#[tokio::test]
async fn characters_are_counted_by_provider_and_bounded_by_a_limit_of_their_own() {
    let rig = rig(Some(1));
    let (owner, stranger, meter) = (rig.tenants.owner(), rig.tenants.stranger(), rig.platform.meter());
    meter.admit_speech(&owner, 12).await.unwrap();
    let later = rig.tenants.owner();
    assert!(over(&meter.admit_speech(&later, 1).await), "held by the request under way");
    assert!(over(&meter.check_speech(&later).await));
    meter.charge_speech(&owner, "speaker", 7);
    meter.charge_speech(&owner, "speaker", 5);
    meter.close(&owner).await;
    let report = rig.platform.usage(&owner, None, None).await.unwrap();
    let totals = report.totals;
    assert_eq!((totals.characters, totals.requests, totals.tokens.sum()), (12, 1, 0));
    assert!((totals.cost_usd - 12.0).abs() < 1e-9, "{totals:?}");
    assert_eq!(report.budget.unwrap().speech, Some(Share { used: 12, limit: 10 }));
    assert!(over(&meter.check_speech(&owner).await));
    assert!(over(&meter.admit_speech(&owner, 1).await));
    assert!(!over(&rig.embed(&owner, "one").await), "speech takes nothing of the tokens");
    meter.check_speech(&stranger).await.unwrap();
    meter.admit_speech(&stranger, 1).await.unwrap();
}

#[tokio::test]
async fn what_was_not_spoken_is_given_back() {
    let rig = rig(Some(1));
    let (owner, meter) = (rig.tenants.owner(), rig.platform.meter());
    meter.admit_speech(&owner, 12).await.unwrap();
    meter.close(&owner).await;
    meter.admit_speech(&rig.tenants.owner(), 12).await.unwrap();
}
