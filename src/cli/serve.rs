//! `serve`: the daemon. Jobs, the following of the ledger, and the web app, until somebody asks for a stop.

use std::fs::{File, TryLockError};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Exit;
use crate::app::App;
use crate::platform::media;
use crate::{jobs, web};

/// Run the daemon: jobs and web pages. SIGTERM or Ctrl-C stops it cleanly.
#[derive(Debug, Args)]
pub struct Serve {
    /// How the log is written, to standard error.
    #[arg(long, value_enum, default_value = "text")]
    log: LogForm,
}

/// For the other commands: what went wrong beside what they say themselves, in plain lines. `RUST_LOG` narrows or widens it.
pub fn log_what_went_wrong() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error,pagekeeper::app=warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    // A log that stands already is as good.
    let _ = log.without_time().with_target(false).try_init();
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogForm {
    Text,
    Json,
}

impl Serve {
    pub async fn run(self, app: App) -> Result<Exit> {
        self.log.start()?;
        let _lock = only_one(&app)?;
        let listener = bind(&app).await?;
        tracing::info!("serving {}", app.config.web.public_url);
        if app.db.read(crate::db::users::all)?.is_empty() {
            tracing::warn!(
                "nobody can sign in yet: `pagekeeper users add NAME --role administrator` makes the first user"
            );
        }
        let sign_in = web::SignIn::open(&app.config)?;
        serve(Arc::new(app), listener, sign_in).await?;
        Ok(Exit::Done)
    }
}

/// Listens where the config says.
pub async fn bind(app: &App) -> Result<TcpListener> {
    let listen = app.config.web.listen;
    TcpListener::bind(listen).await.with_context(|| format!("could not listen on {listen}: is another program there?"))
}

/// Held for as long as this process is the daemon of the archive.
pub fn only_one(app: &App) -> Result<File> {
    let path = app.config.serve_lock();
    let lock = File::create(&path).with_context(|| format!("could not open {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            anyhow::bail!("another `pagekeeper serve` runs on {}", app.config.data_dir().display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("could not lock {}", path.display())),
    }
}

/// Runs everything until a signal comes or the archive fails. Says to systemd when it is ready and when it stops.
pub async fn serve(app: Arc<App>, listener: TcpListener, sign_in: web::SignIn) -> Result<()> {
    media::sweep(&app.config.media_dir(), app.clock.now())?;
    let (tell, stop) = watch::channel(false);
    let mut parts = JoinSet::new();
    let site = web::Site::new(app.db.clone(), app.config.clone(), app.clock.clone(), sign_in);
    parts.spawn(web::serve(listener, site, stop.clone()));
    parts.spawn(jobs::keep_following(app.clone(), stop.clone()));
    parts.spawn(jobs::keep_retiring(app.clone(), stop.clone()));
    parts.spawn(async move {
        let table = jobs::table(&app);
        jobs::run(&app.db, &app.clock, &app.config.time_zone, &table, stop).await
    });
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let mut outcome = tokio::select! {
        () = asked_to_stop()? => Ok(()),
        Some(ended) = parts.join_next() => ended.context("a part of the daemon was lost").flatten(),
    };
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let _ = tell.send(true);
    while let Some(ended) = parts.join_next().await {
        let ended = ended.context("a part of the daemon was lost").flatten();
        outcome = outcome.and(ended);
    }
    outcome
}

/// Waits for SIGTERM or Ctrl-C.
fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

impl LogForm {
    /// Starts the log. `RUST_LOG` narrows or widens it.
    fn start(self) -> Result<()> {
        let filter = tracing_subscriber::EnvFilter::try_from_default_env()
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,tantivy=warn"));
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let started = match self {
            LogForm::Text => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
            LogForm::Json => log.json().try_init(),
        };
        started.map_err(|error| anyhow::anyhow!("could not start the log: {error}"))
    }
}
