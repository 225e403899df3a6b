//! Keeps a workload's service address and route true.

use std::net::Ipv4Addr;

use engine::{InstanceId, Workload};

use super::Actor;

/// What was published last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Published {
    workload: Workload,
    ready: Vec<InstanceId>,
    addresses: Vec<Ipv4Addr>,
}

impl Actor {
    /// Leads the job's address and route to the instances that are ready and stay.
    pub(super) async fn publish(&mut self) {
        let ready = || self.members.values().filter(|member| member.view.ready && !member.leaving);
        let published = Published {
            workload: self.record.workload.clone(),
            ready: ready().map(|member| member.record.id.clone()).collect(),
            addresses: ready().filter_map(|member| member.address).collect(),
        };
        if self.published.as_ref() == Some(&published) {
            return;
        }
        self.shared.routes.publish(&published.workload, &published.ready);
        let served = match published.workload.port {
            Some(_) => self.shared.services.serve(&published.workload, published.addresses.clone()).await,
            None => self.shared.services.withdraw(&published.workload).await,
        };
        match served {
            Ok(()) => {
                self.shared.step("engine.service.set");
                self.published = Some(published);
            }
            Err(error) => {
                tracing::error!(workload = %published.workload.id, %error, "a job's address cannot be set now");
                self.look_again();
            }
        }
    }

    /// Leads them nowhere.
    pub(super) async fn withdraw(&mut self) {
        self.shared.routes.withdraw(&self.record.workload.id);
        if let Err(error) = self.shared.services.withdraw(&self.record.workload).await {
            tracing::error!(workload = %self.record.workload.id, %error, "a job's address stays");
        }
    }
}
