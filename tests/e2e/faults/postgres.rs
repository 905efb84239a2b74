//! F5: PostgreSQL is stopped, frozen, and killed in the middle of a commit.

use std::path::Path;
use std::time::Duration;

use test_support::Postgres;

use super::load::{Fired, Load};
use super::{oracle, part_of, run_all};
use crate::harness::issuer::{Issuer, Ticket};
use crate::harness::process::signal;
use crate::harness::solo::{Site, Solo};
use crate::harness::upstream::Upstream;
use crate::harness::world::text;
use crate::harness::{SOON, eventually};

/// How long a service may take to notice that its database is back.
const BACK: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_postgres_nothing_is_sent_and_with_it_everything_goes_on() {
    let issuer = Issuer::start().await;
    let runs = part_of(1, 7);
    let kinds = [
        Kind::Stopped,
        Kind::Frozen,
        Kind::KilledBefore,
        Kind::KilledAfter,
    ];
    let cases = kinds.into_iter().flat_map(|kind| {
        let issuer = issuer.clone();
        (0..runs).map(move |run| {
            let issuer = issuer.clone();
            let case = async move || Case::start(issuer, run).await.run(kind).await;
            (format!("{kind:?} run {run}"), case)
        })
    });
    run_all("F5", cases).await;
}

/// What is done to the server.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// It is stopped at once and started again later.
    Stopped,
    /// All its processes stand still for a while.
    Frozen,
    /// The connection is cut in a commit that then never happened.
    KilledBefore,
    /// The connection is cut in a commit that did happen.
    KilledAfter,
}

/// An enforcer on a server of its own.
struct Case {
    issuer: Issuer,
    upstream: Upstream,
    server: Option<Postgres>,
    folder: tempfile::TempDir,
    database: String,
    site: Site,
    solo: Solo,
    load: Load,
    fired: Vec<Fired>,
    found: Vec<String>,
}

impl Case {
    async fn start(issuer: Issuer, run: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Postgres::start_in(folder.path());
        let url = server.database();
        let upstream = Upstream::start().await;
        let mut site = Site::new(&issuer, upstream.url());
        site.database = Some(url.clone());
        let solo = site.start().await;
        let mut case = Self {
            issuer,
            upstream,
            server: Some(server),
            folder,
            database: url.rsplit('/').next().unwrap().to_owned(),
            site,
            solo,
            load: Load::new(run),
            fired: Vec::new(),
            found: Vec::new(),
        };
        case.wave().await;
        case
    }

    async fn run(mut self, kind: Kind) -> Vec<String> {
        match kind {
            Kind::Stopped => self.stopped().await,
            Kind::Frozen => self.frozen().await,
            Kind::KilledBefore => self.killed_before().await,
            Kind::KilledAfter => self.killed_after().await,
        }
        self.recovers().await;
        let (issuer, upstream) = (&self.issuer, &self.upstream);
        let folder = self.site.folder();
        let found = oracle::findings(issuer, upstream, &self.solo, &self.fired, folder).await;
        self.found.extend(found);
        self.found
    }

    fn server(&self) -> &Postgres {
        self.server.as_ref().unwrap()
    }

    fn sql(&self, statement: &str) -> String {
        self.server().sql(&self.database, statement)
    }

    fn finding(&mut self, finding: impl Into<String>) {
        self.found.push(finding.into());
    }

    async fn wave(&mut self) {
        let fired = self.load.wave(&self.issuer, &self.solo).await;
        self.fired.extend(fired);
    }

    /// Fires one call while `meanwhile` happens; gives what was answered.
    async fn during(
        &mut self,
        meanwhile: impl AsyncFnOnce(&Self, &Ticket),
    ) -> Option<(u16, String)> {
        let ticket = self.issuer.scaling("alpha");
        let (heard, ()) = tokio::join!(self.solo.call(&ticket), meanwhile(self, &ticket));
        let said = heard
            .as_ref()
            .map(|answer| (answer.status, text(&answer.body, "/code").to_owned()));
        self.fired.push(Fired {
            ticket,
            heard: vec![heard],
        });
        said
    }

    /// How often the ticket fired last reached the upstream.
    async fn sends_of_last(&self) -> usize {
        let jti = &self.fired.last().unwrap().ticket.jti;
        let requests = self.upstream.log().await.requests;
        requests
            .iter()
            .filter(|request| request["key"] == **jti)
            .count()
    }

    /// Whatever else happens, what was in doubt about the journal was not sent.
    async fn nothing_sent(&mut self) {
        if self.sends_of_last().await > 0 {
            self.finding("the call was sent");
        }
    }

    async fn readiness_is(&self, status: u16) {
        eventually(&format!("/readyz is {status}"), BACK, async || {
            (self.solo.readiness().await == Some(status)).then_some(())
        })
        .await;
    }

    async fn stopped(&mut self) {
        let folder = self.folder.path().to_owned();
        // In the middle of calls, and after them.
        let server = self.server.take();
        let (fired, ()) = tokio::join!(self.load.wave(&self.issuer, &self.solo), async {
            tokio::task::spawn_blocking(move || drop(server))
                .await
                .unwrap();
        });
        self.fired.extend(fired);
        self.readiness_is(503).await;
        let said = self.during(async |_, _| ()).await;
        if !matches!(&said, Some((503, _))) {
            self.finding(format!("a call without a database was answered {said:?}"));
        }
        self.nothing_sent().await;
        self.server = Some(start_in(&folder).await);
    }

    async fn frozen(&mut self) {
        let frozen = family(self.server().pid());
        let standstill = Duration::from_secs(part_of(4, 10));
        let solo = &self.solo;
        let (fired, not_ready) = tokio::join!(self.load.wave(&self.issuer, solo), async {
            signal("STOP", &frozen);
            // Real time passes for a server that stands still: that is the fault.
            let until = tokio::time::Instant::now() + standstill;
            let mut not_ready = false;
            while tokio::time::Instant::now() < until {
                not_ready |= solo.readiness().await == Some(503);
            }
            signal("CONT", &frozen);
            not_ready
        });
        self.fired.extend(fired);
        if !not_ready {
            self.finding("/readyz did not say 503 while the database stood still");
        }
    }

    async fn killed_before(&mut self) {
        self.sql(
            "CREATE FUNCTION hold() RETURNS trigger AS \
             'BEGIN PERFORM pg_sleep(60); RETURN NULL; END' LANGUAGE plpgsql; \
             CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON consumed \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()",
        );
        let said = self.during(async |case, _| case.cut("PgSleep").await).await;
        if !matches!(&said, Some((503, code)) if code == "consume_unknown") {
            self.finding(format!("a commit that was cut off was answered {said:?}"));
        }
        self.nothing_sent().await;
        self.sql("DROP TRIGGER hold ON consumed");
    }

    async fn killed_after(&mut self) {
        // A commit is durable here before it waits for a standby, which never comes.
        self.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        self.sql("SELECT pg_reload_conf()");
        eventually("the setting is in force", SOON, async || {
            (self.sql("SHOW synchronous_standby_names") == "nobody").then_some(())
        })
        .await;
        let said = self
            .during(async |case, ticket| {
                let count = format!("SELECT count(*) FROM consumed WHERE jti = '{}'", ticket.jti);
                // The journal commits other things as well: each is cut off until it is this one's turn.
                eventually("the commit happened", BACK, async || {
                    case.cut("SyncRep").await;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    (case.sql(&count) == "1").then_some(())
                })
                .await;
            })
            .await;
        if !matches!(&said, Some((503, code)) if code == "consume_unknown") {
            self.finding(format!("a commit without an answer was answered {said:?}"));
        }
        self.nothing_sent().await;
        self.sql("ALTER SYSTEM RESET synchronous_standby_names");
        self.sql("SELECT pg_reload_conf()");
        // The journal finds out by itself that the token was spent, and says so.
        let jti = self.fired.last().unwrap().ticket.jti.clone();
        eventually("the call is recorded as not sent", BACK, async || {
            let state = format!("SELECT state FROM consumed WHERE jti = '{jti}'");
            (self.sql(&state) == "not_sent").then_some(())
        })
        .await;
    }

    /// Waits for the connection that waits for `event` in a commit, and ends it.
    async fn cut(&self, event: &str) {
        let waiting = format!(
            "SELECT pid FROM pg_stat_activity WHERE wait_event = '{event}' \
             AND datname = '{}' LIMIT 1",
            self.database
        );
        let pid = eventually("a commit is held up", SOON, async || {
            Some(self.sql(&waiting)).filter(|pid| !pid.is_empty())
        })
        .await;
        self.sql(&format!("SELECT pg_terminate_backend({pid})"));
    }

    /// The database is back: so is the service, by itself.
    async fn recovers(&mut self) {
        self.readiness_is(200).await;
        if let Some(status) = self.solo.process.status() {
            self.finding(format!("the process ended with {status}"));
        }
        let said = self.during(async |_, _| ()).await;
        if !matches!(&said, Some((200, _))) {
            self.finding(format!(
                "with its database back, a call was answered {said:?}"
            ));
        }
        self.wave().await;
        eventually("every call is settled", BACK, async || {
            let calls = self.solo.calls().await;
            let open = calls.iter().any(|call| call["state"] == "consumed");
            (!open).then_some(())
        })
        .await;
    }
}

async fn start_in(folder: &Path) -> Postgres {
    let folder = folder.to_owned();
    tokio::task::spawn_blocking(move || Postgres::start_in(&folder))
        .await
        .unwrap()
}

/// A process and its children.
fn family(parent: u32) -> Vec<u32> {
    let mut all = vec![parent];
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let mut after = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        if after.nth(1) == Some(parent.to_string().as_str()) {
            all.push(pid);
        }
    }
    all
}
