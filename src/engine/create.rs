//! The making of sessions. Whatever goes wrong or is broken off in between, nothing of one stays.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::protocol::{
    CreateSession, EnvironmentId, ErrorKind, Failure, RuntimeInfo, RuntimePreference, RuntimeType,
    SelectParams, Selection, SessionConfig, SessionId, SessionInfo, SessionLimits, SessionState,
};

use super::embedded::{Inner, QUEUE};
use super::runtime::{Environment, LaunchSpec, Runtime};
use super::session::{Life, Session, lock};
use super::words::system_words;
use super::{install, select, worker};

impl Inner {
    pub(super) async fn create(self: &Arc<Self>, params: CreateSession) -> Result<SessionInfo, Failure> {
        check_variables(&params.env)?;
        let params = with_image(params)?;
        if let Some(wanted) = params.runtime_type {
            self.runtime(wanted)?;
        }
        let mut place = Place::take(self)?;
        let launched = tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(shut()),
            launched = self.launch(&mut place, &params) => launched,
        };
        let launched = match launched {
            Ok((environment, runtime, selection)) => {
                // Nothing is awaited from here on: the session is there, or it never was.
                let session = self.settle(&place, environment, runtime, &params);
                place.fill(session).map(|info| SessionInfo { selection: Some(selection), ..info })
            }
            Err(failure) => Err(failure),
        };
        if launched.is_err() {
            place.leave().await;
        }
        launched
    }

    /// Chooses a runtime and launches an environment.
    async fn launch(
        &self,
        place: &mut Place,
        params: &CreateSession,
    ) -> Result<(Environment, Arc<dyn Runtime>, Selection), Failure> {
        let select = SelectParams {
            language: params.language,
            runtime_preference: params.runtime_preference,
            runtime_type: params.runtime_type,
        };
        let minimum = self.settings.minimum_isolation;
        if let Some(selection) = self.decided_at_a_glance(&select, minimum).await {
            match self.launch_chosen(place, params, selection).await {
                // What was seen at a glance is not so any more: it is looked at.
                Err(failure) if failure.kind == ErrorKind::NoRuntime => {}
                launched => return launched,
            }
        }
        let selection = select::select(&select, &self.to_choose_from(params).await, minimum);
        if selection.chosen.is_none() {
            // What else could run it is part of the answer.
            return Err(select::nothing_fits(&select, &self.infos(None).await, minimum));
        }
        self.launch_chosen(place, params, selection).await
    }

    /// Launches an environment on the runtime that was chosen.
    async fn launch_chosen(
        &self,
        place: &mut Place,
        params: &CreateSession,
        selection: Selection,
    ) -> Result<(Environment, Arc<dyn Runtime>, Selection), Failure> {
        let minimum = self.settings.minimum_isolation;
        let chosen = selection.chosen.ok_or_else(|| Failure::internal("no runtime was chosen"))?;
        let runtime = self.runtime(chosen)?.clone();
        let spec = LaunchSpec {
            environment_id: place.environment_id.clone(),
            directory: place.directory()?,
            language: params.language,
            network: params.network,
            memory_limit_mb: self.settings.limits.grant_memory(params.memory_limit_mb),
            limits: self.settings.limits.grant(&wanted(params)),
            image: params.docker_image.clone(),
        };
        let launched = runtime.launch(spec).await;
        if launched.as_ref().is_err_and(|failure| failure.kind == ErrorKind::NoRuntime) {
            // What was known of it is not so any more.
            self.known.forget();
        }
        let mut environment = launched?;
        // What it really gave may be less than what its runtime has shown before.
        if let Some(mut failure) = select::too_weak(&environment.isolation, minimum) {
            if params.network {
                failure.hint =
                    format!("the network that was asked for costs it: leave it out, or {}", failure.hint);
            }
            environment.agent.close();
            environment.teardown.teardown().await;
            return Err(failure);
        }
        if params.network
            && let Some(workspace) = environment.variables.get("HOME")
        {
            environment.variables.extend(install::variable(params.language, workspace));
        }
        environment.variables.extend(params.env.clone());
        Ok((environment, runtime, selection))
    }

    /// A choice that nothing which was never tried has a part in; most runs are not to wait for that.
    async fn decided_at_a_glance(&self, params: &SelectParams, minimum: Option<u8>) -> Option<Selection> {
        let isolation_matters =
            minimum.is_some() || params.runtime_preference == Some(RuntimePreference::Security);
        if params.runtime_type.is_some() || isolation_matters {
            return None;
        }
        let glances = self.glances().await;
        let selection = select::select(params, &glances, minimum);
        let chosen = glances.iter().find(|info| Some(info.runtime) == selection.chosen)?;
        // Without a tier it was not tried.
        (!chosen.isolation.tier.is_empty()).then_some(selection)
    }

    /// What is known of the runtimes that a session may have.
    async fn to_choose_from(&self, params: &CreateSession) -> Vec<RuntimeInfo> {
        let mut infos = self.infos(params.runtime_type).await;
        if params.docker_image.is_some() {
            // What runs in an image that is named is for whoever names it to know.
            for info in &mut infos {
                info.languages = vec![params.language];
                // Without images of its own it is as good for this.
                info.available |= info.fetchable;
            }
        }
        infos
    }

    /// A session in this environment, with a worker.
    fn settle(
        self: &Arc<Self>,
        place: &Place,
        environment: Environment,
        runtime: Arc<dyn Runtime>,
        params: &CreateSession,
    ) -> Arc<Session> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let granted = self.settings.limits.grant(&wanted(params));
        let session = Arc::new(Session {
            id: place.id.clone(),
            environment_id: place.environment_id.clone(),
            runtime,
            language: params.language,
            name: params.name.clone(),
            created: place.asked,
            created_at: Timestamp::now(),
            startup: place.asked.elapsed(),
            config: SessionConfig {
                idle_timeout_minutes: params.idle_timeout_minutes,
                max_lifetime_minutes: params.max_lifetime_minutes,
                memory_limit_mb: Some(environment.context.memory_limit_mb),
                network: params.network,
            },
            context: environment.context,
            meter: environment.meter,
            witness: environment.witness,
            limits: SessionLimits {
                timeout_ms: granted.timeout_ms,
                output_bytes: granted.output_bytes,
                ..environment.limits
            },
            isolation: environment.isolation,
            variables: environment.variables,
            agent: environment.agent,
            queue,
            work: TaskTracker::new(),
            closing: CancellationToken::new(),
            closed: CancellationToken::new(),
            life: Mutex::new(Life::new(environment.teardown)),
            measured: Mutex::default(),
        });
        session.work.spawn(worker::work(self.clone(), session.clone(), jobs));
        self.tasks.spawn(self.clone().watch_over(session.clone()));
        session
    }
}

/// A place among the sessions, held while one is launched. Dropped before it is filled, it removes what there is.
struct Place {
    inner: Arc<Inner>,
    id: SessionId,
    environment_id: EnvironmentId,
    asked: Instant,
    made: bool,
    /// Until it is filled or left.
    held: bool,
    /// Shutting down waits for it.
    _token: TaskTrackerToken,
}

impl Place {
    fn take(inner: &Arc<Inner>) -> Result<Self, Failure> {
        let asked = Instant::now();
        let most = inner.settings.max_sessions;
        let mut sessions = lock(&inner.sessions);
        if sessions.shut {
            return Err(shut());
        }
        if sessions.live.len() + sessions.launching >= most {
            let message = format!("there are {most} sessions, which is the limit");
            return Err(Failure::new(ErrorKind::LimitReached, message, "close one first"));
        }
        sessions.launching += 1;
        inner.count(&sessions);
        Ok(Self {
            inner: inner.clone(),
            id: SessionId::random(),
            environment_id: EnvironmentId::random(),
            asked,
            made: false,
            held: true,
            _token: inner.tasks.token(),
        })
    }

    fn directory(&mut self) -> Result<PathBuf, Failure> {
        if std::mem::replace(&mut self.made, true) {
            return Ok(self.inner.store.path(&self.id));
        }
        self.inner.store.create(&self.id).map_err(|e| {
            let message = format!("the session's directory can't be made: {}", system_words(&e));
            Failure::new(ErrorKind::Internal, message, "free some space")
        })
    }

    /// Puts the session where others find it.
    fn fill(&mut self, session: Arc<Session>) -> Result<SessionInfo, Failure> {
        let shut_meanwhile = {
            let mut sessions = lock(&self.inner.sessions);
            sessions.launching -= 1;
            (self.held, self.made) = (false, false);
            sessions.live.insert((self.asked, self.id.clone()), session.clone());
            sessions.shut
        };
        if shut_meanwhile {
            self.inner.begin_close(&session, &mut lock(&session.life), None);
            return Err(shut());
        }
        self.inner.change(&session, &mut lock(&session.life), SessionState::Active, None);
        self.inner.expiry.notify_one();
        Ok(session.info())
    }

    async fn leave(mut self) {
        if self.made {
            self.inner.remove_directory(&self.id).await;
        }
        self.made = false;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.held {
            return;
        }
        {
            let mut sessions = lock(&self.inner.sessions);
            sessions.launching -= 1;
            self.inner.count(&sessions);
        }
        if self.made {
            let (inner, id) = (self.inner.clone(), self.id.clone());
            let remove = async move { inner.remove_directory(&id).await };
            self.inner.tasks.spawn_on(remove, &self.inner.tokio);
        }
    }
}

fn shut() -> Failure {
    Failure::new(ErrorKind::Cancelled, "the engine is shutting down", "start it again")
}

/// An image is Docker's, whoever names one.
fn with_image(mut params: CreateSession) -> Result<CreateSession, Failure> {
    if params.docker_image.is_some()
        && let Some(other) =
            params.runtime_type.replace(RuntimeType::Docker).filter(|t| *t != RuntimeType::Docker)
    {
        let message = format!("{other} has no images: dockerImage is for Docker");
        return Err(Failure::new(ErrorKind::InvalidParams, message, "leave one of the two out"));
    }
    Ok(params)
}

/// The limits that are asked for; the processors may stand outside of them.
fn wanted(params: &CreateSession) -> SessionLimits {
    let cpu_shares = [params.limits.cpu_shares, params.cpu_shares].into_iter().flatten().min();
    SessionLimits { cpu_shares, ..params.limits.clone() }
}

/// A variable's name must be one, and neither part may hold a NUL.
fn check_variables(env: &BTreeMap<String, String>) -> Result<(), Failure> {
    let bad = env
        .iter()
        .find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'));
    match bad {
        None => Ok(()),
        Some((name, _)) => Err(Failure::new(
            ErrorKind::InvalidParams,
            format!("env: {name:?} is not a variable that can be set"),
            "names are not empty and hold no =; neither names nor values hold a NUL",
        )),
    }
}
