//! The use cases: add, list, renew, remove, and bring every tool to what its record says.

use std::sync::Arc;

use futures_core::stream::BoxStream;

use crate::tool::Removal;
use crate::{
    Change, Clock, Error, Ids, Issuer, Located, PortError, Repository, Saved, Stale, Tenancy, Tool, ToolName,
};

/// Certificates are renewed when fewer days than this are left (contract 6.1).
const RENEW_DAYS: i64 = 30;

/// How often a change is tried again when somebody else was faster.
const TRIES: usize = 8;

/// The use cases of tools.
#[derive(Clone, Debug)]
pub struct Tools {
    repository: Arc<dyn Repository>,
    tenancy: Arc<dyn Tenancy>,
    issuer: Arc<dyn Issuer>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Tools {
    /// The use cases over these ports.
    pub fn new(
        repository: Arc<dyn Repository>,
        tenancy: Arc<dyn Tenancy>,
        issuer: Arc<dyn Issuer>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { repository, tenancy, issuer, clock, ids }
    }

    /// Adds a tool. Its record is durable before anything is made for it; a crash in between is made good by
    /// [`converge`](Self::converge).
    pub async fn create(&self, name: &ToolName, request: Option<&str>) -> Result<Located, Error> {
        if let Some(request) = request
            && let Some(answer) = self.repository.recall(name, request).await?
            && let Some(saved) = self.repository.get(name).await?
            && saved.value.uid == answer.uid
        {
            return Ok(self.locate(self.realize(saved).await?));
        }
        match self.repository.get(name).await? {
            Some(saved) if saved.value.removing.is_some() => return Err(Error::Removing(name.clone())),
            Some(_) => return Err(Error::Exists(name.clone())),
            None => {}
        }
        let unix_id = self.repository.next_unix_id().await?.ok_or(Error::OutOfIds)?;
        let tool = Tool {
            name: name.clone(),
            uid: self.ids.uid(),
            unix_id,
            created: self.clock.now(),
            certificate: None,
            removing: None,
        };
        let token = match self.repository.put(&tool, None, request).await {
            Ok(token) => token,
            Err(Stale::Changed) => return Err(Error::Exists(name.clone())),
            Err(Stale::Failed(error)) => return Err(error.into()),
        };
        Ok(self.locate(self.realize(Saved { value: tool, token }).await?))
    }

    /// One tool.
    pub async fn get(&self, name: &ToolName) -> Result<Located, Error> {
        Ok(self.locate(self.saved(name).await?.value))
    }

    /// Every tool, by name.
    pub async fn list(&self) -> Result<Vec<Located>, Error> {
        Ok(self.repository.list().await?.into_iter().map(|saved| self.locate(saved.value)).collect())
    }

    /// Gives a tool a new certificate and revokes the former one.
    pub async fn renew(&self, name: &ToolName) -> Result<Located, Error> {
        for _ in 0..TRIES {
            let saved = self.saved(name).await?;
            if saved.value.removing.is_some() {
                return Err(Error::Removing(name.clone()));
            }
            match self.issue(saved).await {
                Ok(saved) => return Ok(self.locate(saved.value)),
                Err(Stale::Changed) => {}
                Err(Stale::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    /// Removes a tool: first its record says so, then its certificate and its things go, then the record.
    pub async fn remove(
        &self,
        name: &ToolName,
        delete_home: bool,
        request: Option<&str>,
    ) -> Result<(), Error> {
        if let Some(request) = request
            && self.repository.recall(name, request).await?.is_some()
            && self.repository.get(name).await?.is_none()
        {
            return Ok(());
        }
        for _ in 0..TRIES {
            let mut saved = self.saved(name).await?;
            let was = saved.value.removing.is_some_and(|removal| removal.delete_home);
            saved.value.removing = Some(Removal { delete_home: delete_home || was });
            match self.repository.put(&saved.value, Some(saved.token), request).await {
                Ok(token) => return Ok(self.dissolve(Saved { value: saved.value, token }).await?),
                Err(Stale::Changed) => {}
                Err(Stale::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::Contended)
    }

    /// What is there, then every change.
    pub async fn watch(&self) -> Result<BoxStream<'static, Result<Change, PortError>>, Error> {
        Ok(self.repository.watch().await?)
    }

    /// Brings every tool to what its record says: makes what a crash left out, renews what ends soon, finishes
    /// removals. Safe to run at any time; one tool's failure is reported and does not stop the others.
    pub async fn converge(&self) -> Result<(), PortError> {
        for saved in self.repository.list().await? {
            let name = saved.value.name.clone();
            let outcome = if saved.value.removing.is_some() {
                self.dissolve(saved).await
            } else {
                self.realize(saved).await.map(drop)
            };
            if let Err(error) = outcome {
                tracing::error!(tool = %name, error = &error as &dyn std::error::Error, "tool could not be brought to its record");
            }
        }
        Ok(())
    }

    /// Makes home and certificate where they are missing or old.
    async fn realize(&self, saved: Saved<Tool, u64>) -> Result<Tool, PortError> {
        self.tenancy.create(&saved.value).await?;
        let soon = self.clock.now() + jiff::SignedDuration::from_hours(24 * RENEW_DAYS);
        if let Some(certificate) = &saved.value.certificate
            && certificate.expires > soon
            && self.tenancy.installed(&saved.value, &certificate.serial).await?
        {
            return Ok(saved.value);
        }
        match self.issue(saved.clone()).await {
            Ok(saved) => Ok(saved.value),
            // Somebody else issued at the same time; theirs counts.
            Err(Stale::Changed) => Ok(saved.value),
            Err(Stale::Failed(error)) => Err(error),
        }
    }

    /// Issues, installs, records; then revokes what was there before. A crash before the record leaves an installed
    /// certificate that no record knows: `converge` issues again.
    async fn issue(&self, mut saved: Saved<Tool, u64>) -> Result<Saved<Tool, u64>, Stale> {
        let credentials = self.issuer.issue(&saved.value.name).await?;
        self.tenancy.install(&saved.value, &credentials).await?;
        let former = saved.value.certificate.replace(credentials.certificate);
        saved.token = self.repository.put(&saved.value, Some(saved.token), None).await?;
        if let Some(former) = former {
            self.issuer.revoke(&former.serial).await?;
        }
        Ok(saved)
    }

    /// Takes everything of a tool away, then its record.
    async fn dissolve(&self, saved: Saved<Tool, u64>) -> Result<(), PortError> {
        if let Some(certificate) = &saved.value.certificate {
            self.issuer.revoke(&certificate.serial).await?;
        }
        let delete_home = saved.value.removing.is_some_and(|removal| removal.delete_home);
        self.tenancy.remove(&saved.value, delete_home).await?;
        match self.repository.delete(&saved.value.name, saved.token).await {
            // Gone already, or changed: the next convergence looks again.
            Ok(()) | Err(Stale::Changed) => Ok(()),
            Err(Stale::Failed(error)) => Err(error),
        }
    }

    async fn saved(&self, name: &ToolName) -> Result<Saved<Tool, u64>, Error> {
        self.repository.get(name).await?.ok_or_else(|| Error::NotFound(name.clone()))
    }

    /// The tool with the place of its home.
    pub fn locate(&self, tool: Tool) -> Located {
        let home = self.tenancy.home(&tool.name);
        Located { tool, home }
    }
}

#[cfg(test)]
mod tests;
