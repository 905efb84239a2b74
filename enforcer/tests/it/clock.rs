//! F9: a clock that jumps. No token runs outside its life or under a clock behind what the journal has seen,
//! and no purge makes one run again (I12).

use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, SERVICE, START, scale_params};
use crate::upstream::Manner;

const HOUR: i64 = 3_600;
const TEN_YEARS: i64 = 10 * 365 * 24 * HOUR;

/// Sets the wall clock, as an administrator or a time server does; measured time goes on as before.
fn set(bench: &Bench, seconds: i64) {
    let time = Timestamp::from_second(START).unwrap();
    bench.clock.set(time + SignedDuration::from_secs(seconds));
}

/// Scales with `token`; gives the status and the code, or the outcome.
async fn scale(bench: &Bench, token: &str) -> (u16, String) {
    let (status, body) = bench.call(token, "infra.scale", &scale_params()).await;
    let said = body["code"].as_str().or_else(|| body["outcome"].as_str());
    (status.as_u16(), said.unwrap_or_default().to_owned())
}

fn done() -> (u16, String) {
    (200, "done".to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// What says that the clock stands behind: nothing is ready, and people are told why.
async fn alarmed(bench: &Bench) -> bool {
    let (ready, _) = bench.ask("GET", "/readyz", "", None).await;
    let (_, health) = bench.ask("GET", "/healthz", "", None).await;
    ready == StatusCode::SERVICE_UNAVAILABLE && health["notices"]["clock"].is_string()
}

#[tokio::test]
async fn an_hour_ahead_a_token_of_before_has_expired_and_is_not_used_up() {
    let bench = Bench::start().await;
    let token = bench.scale();
    set(&bench, HOUR);
    assert_eq!(scale(&bench, &token).await, refused(401, "token_expired"));
    assert!(bench.calls().await.is_empty(), "nothing is written");
    set(&bench, 1);
    assert_eq!(scale(&bench, &token).await, done());
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn ten_years_ahead_a_token_of_before_has_expired_and_is_not_used_up() {
    let bench = Bench::start().await;
    let token = bench.scale();
    set(&bench, TEN_YEARS);
    assert_eq!(scale(&bench, &token).await, refused(401, "token_expired"));
    set(&bench, 1);
    assert_eq!(scale(&bench, &token).await, done());
    assert_eq!(scale(&bench, &token).await, refused(409, "token_used"));
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn an_hour_back_nothing_runs_and_everybody_can_see_why() {
    let bench = Bench::start().await;
    let token = bench.scale();
    set(&bench, -HOUR);
    assert_eq!(scale(&bench, &token).await, refused(503, "clock_behind"));
    assert!(alarmed(&bench).await);
    set(&bench, 1);
    assert!(!alarmed(&bench).await);
    assert_eq!(scale(&bench, &token).await, done());
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn in_1970_nothing_runs_and_everybody_can_see_why() {
    let bench = Bench::start().await;
    let token = bench.scale();
    set(&bench, -START);
    assert_eq!(scale(&bench, &token).await, refused(503, "clock_behind"));
    let of_1970 = bench.scale();
    assert_eq!(scale(&bench, &of_1970).await, refused(503, "clock_behind"));
    assert!(alarmed(&bench).await);
    assert_eq!(bench.upstream.count(), 0);
}

#[tokio::test]
async fn nothing_is_read_under_a_lease_in_1970() {
    let bench = Bench::start().await;
    let params = json!({"service_id": "payments"});
    let lease = bench.sign(&bench.intent("infra.get", &params));
    let (status, _) = bench.call(&lease, "infra.get", &params).await;
    assert_eq!(status, StatusCode::OK);
    set(&bench, -START);
    let (status, body) = bench.call(&lease, "infra.get", &params).await;
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (503, &json!("clock_behind"))
    );
    assert_eq!(bench.upstream.count(), 1);
}

/// The authority's clock was wrong by the same hour, so a token ran there.
#[tokio::test]
async fn after_a_call_an_hour_ahead_the_right_time_is_behind() {
    let bench = Bench::start().await;
    set(&bench, HOUR);
    assert_eq!(scale(&bench, &bench.scale()).await, done());
    set(&bench, 1);
    assert_eq!(
        scale(&bench, &bench.scale()).await,
        refused(503, "clock_behind")
    );
    assert!(alarmed(&bench).await);
    set(&bench, HOUR);
    assert_eq!(scale(&bench, &bench.scale()).await, done());
    assert_eq!(bench.upstream.count(), 2);
}

#[tokio::test]
async fn what_the_journal_has_seen_outlives_a_restart() {
    let bench = Bench::start().await;
    set(&bench, TEN_YEARS);
    let token = bench.scale();
    assert_eq!(scale(&bench, &token).await, done());
    set(&bench, 1);
    let bench = bench.restart().await;
    bench.put_control(&bench.control(1, &json!([]))).await;
    assert_eq!(
        scale(&bench, &bench.scale()).await,
        refused(503, "clock_behind")
    );
    assert!(alarmed(&bench).await);
    set(&bench, TEN_YEARS);
    assert_eq!(scale(&bench, &token).await, refused(409, "token_used"));
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn a_start_in_1970_after_calls_of_today_runs_nothing() {
    let bench = Bench::start().await;
    assert_eq!(scale(&bench, &bench.scale()).await, done());
    set(&bench, -START);
    let bench = bench.restart().await;
    bench.put_control(&bench.control(1, &json!([]))).await;
    assert_eq!(
        scale(&bench, &bench.scale()).await,
        refused(503, "clock_behind")
    );
    assert_eq!(bench.upstream.count(), 1);
}

/// A step of less than clocks may differ goes unnoticed, and yet gives no token more time.
#[tokio::test]
async fn a_small_step_back_revives_no_token() {
    let bench = Bench::start().await;
    let token = bench.scale();
    set(&bench, 60);
    assert_eq!(scale(&bench, &token).await, refused(401, "token_expired"));
    assert_eq!(scale(&bench, &bench.scale()).await, done());
    set(&bench, 56);
    assert_eq!(scale(&bench, &token).await, refused(401, "token_expired"));
    assert_eq!(scale(&bench, &bench.scale()).await, done());
    assert_eq!(bench.upstream.count(), 2);
}

/// The authority issues another token for the step then.
#[tokio::test]
async fn a_token_that_was_called_expired_and_unused_never_runs() {
    let bench = Bench::start().await;
    let intent = bench.intent("infra.scale", &scale_params());
    let (token, path) = (bench.sign(&intent), format!("/v1/intents/{}", intent.jti));
    set(&bench, 60);
    let (_, state) = bench.ask("GET", &path, SERVICE, None).await;
    let now: Timestamp = state["now"].as_str().unwrap().parse().unwrap();
    assert_eq!(state["state"], "unused");
    assert!(now.as_second() >= intent.exp, "{state}");
    set(&bench, 57);
    assert_eq!(scale(&bench, &token).await, refused(401, "token_expired"));
    let (_, state) = bench.ask("GET", &path, SERVICE, None).await;
    assert!(
        state["now"].as_str().unwrap().parse::<Timestamp>().unwrap() >= now,
        "{state}"
    );
    let bench = bench.restart().await;
    bench.put_control(&bench.control(1, &json!([]))).await;
    assert_eq!(scale(&bench, &token).await, refused(401, "token_expired"));
    assert_eq!(bench.upstream.count(), 0);
}

/// Calls are on their way while the clock jumps; the upstream answers afterwards.
async fn jump_under_way(seconds: i64) -> (Bench, String) {
    let bench = Bench::start().await;
    bench.upstream.behave(Manner::Hang);
    let token = bench.scale();
    {
        let params = scale_params();
        let call = bench.call(&token, "infra.scale", &params);
        let jump = async {
            while bench.upstream.count() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            set(&bench, seconds);
        };
        // The tool's own time limit ends the call: it is measured time, which did not jump.
        let ((status, body), ()) = tokio::join!(call, jump);
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(body["outcome"], "in_doubt");
    }
    bench.upstream.behave(Manner::Answer(200, "{}".to_owned()));
    (bench, token)
}

fn times(call: &Value) -> (Timestamp, Timestamp) {
    let read = |name: &str| call[name].as_str().unwrap().parse().unwrap();
    (read("consumed_at"), read("ended_at"))
}

#[tokio::test]
async fn a_call_under_way_while_the_clock_goes_back_ends_as_it_would_and_not_before_it_began() {
    let (bench, token) = jump_under_way(-HOUR).await;
    let calls = bench.calls().await;
    let (began, ended) = times(&calls[0]);
    assert_eq!(calls[0]["state"], "in_doubt");
    assert!(ended >= began, "{calls:?}");
    assert_eq!(scale(&bench, &token).await, refused(503, "clock_behind"));
    set(&bench, 1);
    assert_eq!(scale(&bench, &token).await, refused(409, "token_used"));
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn a_call_under_way_while_the_clock_goes_ten_years_ahead_is_not_sent_again() {
    let (bench, token) = jump_under_way(TEN_YEARS).await;
    assert_eq!(bench.calls().await[0]["state"], "in_doubt");
    assert_eq!(scale(&bench, &token).await, refused(401, "token_expired"));
    set(&bench, 1);
    let again = scale(&bench, &token).await;
    assert!(again.0 == 409 || again.0 == 503, "{again:?}");
    assert_eq!(bench.upstream.count(), 1);
}

#[tokio::test]
async fn a_purge_and_a_step_back_make_no_token_run_again() {
    let bench = Bench::start_with(|config| config.calls_kept = Duration::ZERO).await;
    let token = bench.scale();
    assert_eq!(scale(&bench, &token).await, done());
    // Twice: old calls go when the journal itself has seen that they are old.
    for _ in 0..2 {
        bench.clock.advance(Duration::from_hours(2));
        bench.put_control(&bench.control(1, &json!([]))).await;
        assert_eq!(scale(&bench, &bench.scale()).await, done());
    }
    let attempts = async || bench.calls().await.len();
    for _ in 0..500 {
        if attempts().await <= 2 {
            break;
        }
        bench.clock.advance(Duration::from_secs(6));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(attempts().await <= 2, "the old call is forgotten");
    let sent = bench.upstream.count();
    for seconds in [1, 30, 59] {
        set(&bench, seconds);
        let said = scale(&bench, &token).await;
        assert_eq!(said, refused(503, "clock_behind"), "{seconds} s");
    }
    let bench = bench.restart().await;
    bench.put_control(&bench.control(1, &json!([]))).await;
    let (status, code) = scale(&bench, &token).await;
    assert!(
        (status, code.as_str()) == (503, "clock_behind") || code == "token_floor",
        "{code}"
    );
    assert_eq!(bench.upstream.count(), sent);
}
